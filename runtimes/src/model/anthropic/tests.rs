use futures::StreamExt;

use super::*;
use crate::model::{
    ModelConfig,
    scripted_server::{Answer, Piece, ScriptedServer, drain, dripped, events, plain, question},
};

const KEY: &str = "sk-ant-test-77aa";

const REPLY: &str = "event: message_start\n\
data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":9,\
\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n\
event: content_block_start\n\
data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: ping\ndata: {\"type\":\"ping\"}\n\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße, \"}}\n\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"海 🪸\"}}\n\n\
data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
data: {\"type\":\"something_new\",\"value\":1}\n\n\
data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":6}}\n\n\
data: {\"type\":\"message_stop\"}\n\n";

fn client(base: &str) -> Anthropic {
    let http = Arc::new(Http::new(&ModelConfig::default()));
    Anthropic {
        http,
        base: base.to_owned(),
        key: ApiKey::new(KEY),
        model: "claude-reef".to_owned(),
    }
}

async fn ask(answer: Answer) -> Result<ModelStream, ModelError> {
    let server = ScriptedServer::start(vec![answer]).await;
    client(&server.url()).ask(&question("Hello?")).await
}

#[tokio::test]
async fn a_reply_split_at_every_byte_is_put_together() {
    let (deltas, end) = drain(ask(dripped(REPLY)).await.unwrap()).await;

    assert_eq!(deltas, ["Grüße, ", "海 🪸"]);
    assert_eq!(
        end,
        Ok(Usage {
            input_tokens: 13,
            output_tokens: 6
        })
    );
}

#[tokio::test]
async fn the_request_is_what_anthropic_documents_whichever_way_the_base_is_written() {
    for suffix in ["", "/v1"] {
        let server = ScriptedServer::start(vec![events(REPLY)]).await;
        let client = client(&format!("{}{suffix}", server.url()));

        drain(client.ask(&question("Hello?")).await.unwrap())
            .await
            .1
            .unwrap();

        let received = server.received().remove(0);
        assert!(
            received.head.starts_with("POST /v1/messages HTTP/1.1"),
            "{}",
            received.head
        );
        assert_eq!(received.header("x-api-key"), Some(KEY));
        assert_eq!(received.header("anthropic-version"), Some("2023-06-01"));
        assert_eq!(
            received.body,
            json!({
                "model": "claude-reef",
                "system": "You are Coral.",
                "messages": [{ "role": "user", "content": "Hello?" }],
                "max_tokens": 64,
                "stream": true,
            })
        );
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_reply_ends_it_and_tells_whether_it_passes() {
    for (kind, transient) in [("overloaded_error", true), ("invalid_request_error", false)] {
        let body = format!(
            "data: {{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"Well\"}}}}\n\n\
             event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"no, {KEY}\"}}}}\n\n"
        );

        let (deltas, end) = drain(ask(events(&body)).await.unwrap()).await;

        assert_eq!(deltas, ["Well"]);
        assert_eq!(
            end,
            Err(ModelError::BrokenOff {
                message: "no, [key]".to_owned(),
                transient
            })
        );
    }
}

#[tokio::test]
async fn refusals_are_told_without_the_key() {
    let body = |kind: &str| {
        format!("{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"no, {KEY}\"}}}}")
    };
    for (status, code, transient) in [
        ("401 Unauthorized", 401, false),
        ("429 Too Many Requests", 429, true),
        ("529 Overloaded", 529, true),
    ] {
        let error = ask(plain(status, "application/json", &body("any")))
            .await
            .err()
            .expect("it refuses");

        assert_eq!(error.is_transient(), transient, "{error:?}");
        assert!(
            error.to_string().ends_with(&format!("(HTTP {code}): no, [key]")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_stall_and_an_early_end_are_errors() {
    let begun =
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Well\"}}\n\n";
    let (deltas, end) = drain(ask(events(begun)).await.unwrap()).await;
    assert_eq!(deltas, ["Well"]);
    assert!(
        matches!(end, Err(ModelError::BrokenOff { transient: true, .. })),
        "{end:?}"
    );

    let mut answer = events(begun);
    answer.push(Piece::Stall);
    let mut stream = ask(answer).await.unwrap();
    stream.next().await.unwrap().unwrap();
    tokio::time::pause();
    assert_eq!(stream.next().await, Some(Err(ModelError::Silent(60))));
}

#[tokio::test]
async fn a_web_page_is_no_provider() {
    let error = ask(plain("200 OK", "text/html; charset=utf-8", "<html></html>"))
        .await
        .err()
        .unwrap();

    assert!(matches!(error, ModelError::Unusable(_)), "{error:?}");
}

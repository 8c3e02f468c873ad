use std::time::Duration;

use futures::StreamExt;

use super::*;
use crate::model::{
    ModelConfig, ModelMessage, Role,
    scripted_server::{Answer, Piece, ScriptedServer, drain, dripped, events, plain, question},
};

const KEY: &str = "sk-test-4f9a1c77";

const REPLY: &str = ": keep-alive\n\n\
data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"Grüße, \"}}]}\r\n\r\n\
: OPENROUTER PROCESSING\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"海 🪸\"},\"finish_reason\":null}],\"usage\":null}\n\n\
data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5}}\n\n\
data: [DONE]\n\n";

fn client(base: &str, key: &str) -> OpenAi {
    let http = Arc::new(Http::new(&ModelConfig::default()));
    OpenAi {
        http,
        base: format!("{base}/v1"),
        key: ApiKey::new(key),
        model: "reef-1".to_owned(),
    }
}

async fn ask(answer: Answer) -> Result<ModelStream, ModelError> {
    let server = ScriptedServer::start(vec![answer]).await;
    client(&server.url(), KEY).ask(&question("Hello?")).await
}

async fn refused(answer: Answer) -> ModelError {
    ask(answer).await.err().expect("the provider refuses")
}

#[tokio::test]
async fn a_reply_split_at_every_byte_is_put_together() {
    let (deltas, end) = drain(ask(dripped(REPLY)).await.unwrap()).await;

    assert_eq!(deltas, ["Grüße, ", "海 🪸"]);
    assert_eq!(
        end,
        Ok(Usage {
            input_tokens: 11,
            output_tokens: 5
        })
    );
}

#[tokio::test]
async fn the_request_is_what_openai_documents() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let mut request = question("And now?");
    request.messages.insert(
        0,
        ModelMessage {
            role: Role::Assistant,
            content: "Hi.".to_owned(),
        },
    );

    drain(client(&server.url(), KEY).ask(&request).await.unwrap())
        .await
        .1
        .unwrap();

    let received = server.received().remove(0);
    assert!(
        received.head.starts_with("POST /v1/chat/completions HTTP/1.1"),
        "{}",
        received.head
    );
    assert_eq!(
        received.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(
        received.body,
        json!({
            "model": "reef-1",
            "messages": [
                { "role": "system", "content": "You are Coral." },
                { "role": "assistant", "content": "Hi." },
                { "role": "user", "content": "And now?" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_tokens": 64,
        })
    );
}

#[tokio::test]
async fn a_server_without_a_key_gets_no_authorization() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;

    drain(client(&server.url(), "").ask(&question("Hello?")).await.unwrap())
        .await
        .1
        .unwrap();

    assert_eq!(server.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn usage_may_be_missing_and_so_may_the_done_mark() {
    let finished = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}";

    let (deltas, end) = drain(ask(events(finished)).await.unwrap()).await;

    assert_eq!((deltas, end), (vec!["Yes.".to_owned()], Ok(Usage::default())));
}

#[tokio::test]
async fn a_reply_cut_short_is_an_error_after_what_came() {
    for rest in ["", "data: {\"choices\":[{\"del"] {
        let body = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"Well\"}}}}]}}\n\n{rest}");

        let (deltas, end) = drain(ask(events(&body)).await.unwrap()).await;

        assert_eq!(deltas, ["Well"]);
        assert!(
            matches!(end, Err(ModelError::BrokenOff { transient: true, .. })),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_reply_ends_it() {
    let body = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"Well\"}}}}]}}\n\n\
         data: {{\"error\":{{\"message\":\"overloaded, key {KEY}\",\"code\":502}}}}\n\n"
    );

    let (deltas, end) = drain(ask(events(&body)).await.unwrap()).await;

    assert_eq!(deltas, ["Well"]);
    let message = "overloaded, key [key]".to_owned();
    assert_eq!(
        end,
        Err(ModelError::BrokenOff {
            message,
            transient: true
        })
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_end_the_reply() {
    let mut answer = events("data: {\"choices\":[{\"delta\":{\"content\":\"");
    answer.push(Piece::Bytes(vec![0xff, 0xfe, b'"', b'\n', b'\n']));

    let (_, end) = drain(ask(answer).await.unwrap()).await;

    assert!(matches!(end, Err(ModelError::BrokenOff { .. })), "{end:?}");
}

#[tokio::test]
async fn a_provider_that_stalls_is_given_up_after_a_minute() {
    let mut answer = events("data: {\"choices\":[{\"delta\":{\"content\":\"Well\"}}]}\n\n");
    answer.push(Piece::Stall);
    let mut stream = ask(answer).await.unwrap();
    assert_eq!(
        stream.next().await,
        Some(Ok(ModelChunk::Delta("Well".to_owned())))
    );

    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let end = stream.next().await;

    assert_eq!(end, Some(Err(ModelError::Silent(60))));
    assert_eq!(before.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn a_finished_reply_is_whole_even_if_the_server_never_closes() {
    let mut answer =
        events("data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\n");
    answer.push(Piece::Stall);
    let mut stream = ask(answer).await.unwrap();
    assert_eq!(
        stream.next().await,
        Some(Ok(ModelChunk::Delta("Yes.".to_owned())))
    );

    tokio::time::pause();

    assert_eq!(stream.next().await, Some(Ok(ModelChunk::Done(Usage::default()))));
}

#[tokio::test]
async fn a_provider_that_only_keeps_the_line_open_is_given_up_after_ten_minutes() {
    let mut answer = events("data: {\"choices\":[{\"delta\":{\"content\":\"Well\"}}]}\n\n");
    for _ in 0..40 {
        answer.extend([
            Piece::Pause(Duration::from_secs(30)),
            Piece::Bytes(b": still here\n\n".to_vec()),
        ]);
    }
    let mut stream = ask(answer).await.unwrap();
    assert_eq!(
        stream.next().await,
        Some(Ok(ModelChunk::Delta("Well".to_owned())))
    );

    tokio::time::pause();

    assert_eq!(stream.next().await, Some(Err(ModelError::TooSlow(600))));
}

#[tokio::test]
async fn a_wrong_key_is_refused_without_showing_it() {
    let body = format!(
        "{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\",\"code\":\"invalid_api_key\"}}}}"
    );

    let error = refused(plain("401 Unauthorized", "application/json", &body)).await;

    let message = "Incorrect API key provided: [key]".to_owned();
    assert_eq!(error, ModelError::Refused { status: 401, message });
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_rate_limit_passes_and_says_when() {
    let body = "{\"error\":{\"message\":\"slow down\",\"type\":\"requests\"}}";

    let error = refused(plain(
        "429 Too Many Requests\r\nretry-after: 7",
        "application/json",
        body,
    ))
    .await;

    assert_eq!(
        error,
        ModelError::Busy {
            status: 429,
            message: "slow down".to_owned(),
            retry_after_s: Some(7)
        }
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_exhausted_quota_does_not_pass() {
    let body = "{\"error\":{\"message\":\"no quota\",\"code\":\"insufficient_quota\"}}";

    let error = refused(plain("429 Too Many Requests", "application/json", body)).await;

    assert_eq!(
        error,
        ModelError::Refused {
            status: 429,
            message: "no quota".to_owned()
        }
    );
}

#[tokio::test]
async fn error_bodies_of_every_form_are_explained() {
    let busy = |message: &str| ModelError::Busy {
        status: 502,
        message: message.to_owned(),
        retry_after_s: None,
    };
    for (form, body, expected) in [
        ("text/html", "<html><h1>Bad gateway</h1></html>", "an HTML page"),
        ("text/plain", "upstream\n is gone", "upstream is gone"),
        (
            "application/json",
            "{\"error\":\"model not loaded\"}",
            "model not loaded",
        ),
        ("application/json", "{\"message\":\"no route\"}", "no route"),
        ("application/json", "", "no explanation"),
    ] {
        assert_eq!(
            refused(plain("502 Bad Gateway", form, body)).await,
            busy(expected)
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_stream_cannot_be_used() {
    for (form, body, told) in [
        (
            "text/html",
            "<html>Welcome</html>",
            "text/html instead of an event stream: an HTML page",
        ),
        (
            "application/json",
            "{\"error\":{\"message\":\"streaming is off\"}}",
            "streaming is off",
        ),
    ] {
        let error = refused(plain("200 OK", form, body)).await;

        assert!(
            matches!(&error, ModelError::Unusable(text) if text.contains(told)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ScriptedServer::start(vec![events(REPLY)]).await;
    let redirect = plain(
        &format!("307 Temporary Redirect\r\nlocation: {}", elsewhere.url()),
        "",
        "",
    );

    let error = refused(redirect).await;

    assert!(
        matches!(error, ModelError::Refused { status: 307, .. }),
        "{error:?}"
    );
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();

    let error = client(&format!("http://{free}"), KEY)
        .ask(&question("Hello?"))
        .await
        .err()
        .unwrap();

    assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_key_no_header_can_carry_is_told_without_showing_it() {
    let error = client("http://127.0.0.1:9", "sk-se\ncret")
        .ask(&question("Hello?"))
        .await
        .err()
        .unwrap();

    assert!(matches!(error, ModelError::Misconfigured(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("cret"));
}

#[tokio::test(start_paused = true)]
async fn a_busy_provider_is_asked_again() {
    let busy = plain("503 Service Unavailable", "text/plain", "later");
    let server = ScriptedServer::start(vec![busy.clone(), busy, events(REPLY)]).await;
    let client: &dyn ModelClient = &client(&server.url(), KEY);

    let (text, usage) = client.ask_whole(&question("Hello?")).await.unwrap();

    assert_eq!((text.as_str(), usage.output_tokens), ("Grüße, 海 🪸", 5));
    assert_eq!(server.received().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_busy_provider_is_asked_three_times_at_most_and_a_strict_one_once() {
    for (status, times) in [("500 Internal Server Error", 3), ("401 Unauthorized", 1)] {
        let server = ScriptedServer::start(vec![plain(status, "text/plain", "no")]).await;
        let client: &dyn ModelClient = &client(&server.url(), KEY);

        client
            .ask_patiently(&question("Hello?"))
            .await
            .err()
            .expect("it never answers");

        assert_eq!(server.received().len(), times, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_wants_more_time_than_anybody_waits_is_not_asked_again() {
    let later = plain(
        "429 Too Many Requests\r\nretry-after: 3600",
        "text/plain",
        "later",
    );
    let server = ScriptedServer::start(vec![later]).await;
    let client: &dyn ModelClient = &client(&server.url(), KEY);

    let error = client.ask_patiently(&question("Hello?")).await.err().unwrap();

    assert!(
        matches!(
            error,
            ModelError::Busy {
                retry_after_s: Some(3600),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_reply_without_text_is_no_answer() {
    let server = ScriptedServer::start(vec![events(
        "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n",
    )])
    .await;
    let client: &dyn ModelClient = &client(&server.url(), KEY);

    let error = client.ask_whole(&question("Hello?")).await.unwrap_err();

    assert!(matches!(error, ModelError::Unusable(_)), "{error:?}");
}

//! Chat answers are streamed: from the local responder, which says what it is, and from any
//! OpenAI-compatible server.

use serde_json::json;

use crate::harness::{Account, Database, Log, ModelServer, Server, Setup, on_both_databases};

on_both_databases!(
    the_local_responder_answers,
    a_model_answers,
    a_failing_model_is_told,
    deleting_forgets_what_was_said
);

const PIECES: &[&str] = &["The reef ", "has ", "11 fish", ", two of them ", "🐠🐡."];

async fn the_local_responder_answers(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    let chat = account.chat(&agent, "How many fish are there?").await;
    assert!(chat.pieces.len() > 1, "streamed, not handed over whole: {chat:?}");
    assert!(
        chat.text().to_lowercase().contains("local responder"),
        "it says what it is: {}",
        chat.text()
    );
}

async fn a_model_answers(database: Database) {
    let model = ModelServer::answering(PIECES).await;
    let server = with_model(&database, &model).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    let chat = account.chat(&agent, "How many fish are there?").await;
    assert_eq!(chat.text(), PIECES.concat());
    assert_eq!(chat.recorded["content"], PIECES.concat());
    assert_eq!(chat.recorded["model"], "openai:reef-test-model");
    assert!(chat.pieces.len() > 1, "streamed, not handed over whole: {chat:?}");

    let asked = model.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer key-of-the-model"));
    assert_eq!(asked[0].body["stream"], true);
    assert_eq!(asked[0].body["model"], "reef-test-model");
    let said = asked[0].body["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .expect("messages");
    assert_eq!(
        said,
        &json!({ "role": "user", "content": "How many fish are there?" })
    );

    // The second message knows the first, and what was streamed is what was recorded.
    account.go_on(&chat, "And how many crabs?").await;
    let turns = model.asked()[1].body["messages"]
        .as_array()
        .expect("messages")
        .clone();
    assert!(
        turns.contains(&json!({ "role": "assistant", "content": PIECES.concat() })),
        "{turns:?}"
    );

    let log = Log::read(&server.operator()).await;
    let replies: Vec<_> = log.of_type("ReplyCompleted").collect();
    assert_eq!(replies.len(), 2);
    let used = (
        &replies[0]["data"]["input_tokens"],
        &replies[0]["data"]["output_tokens"],
    );
    assert_eq!(used, (&json!(21), &json!(7)), "{}", replies[0]);
    let whole = serde_json::to_string(&log.0).expect("events are JSON");
    assert!(
        !whole.contains("crabs") && !whole.contains("11 fish"),
        "what was said is in the log in clear"
    );
}

async fn a_failing_model_is_told(database: Database) {
    // Nobody listens there: the port was free a moment ago.
    let model = ModelServer::answering(PIECES).await;
    let base = model.base().to_owned();
    drop(model);
    let server = Setup::on(&database)
        .with("REEF_MODEL_PROVIDER", "openai")
        .with("REEF_MODEL_BASE_URL", base)
        .with("REEF_MODEL_API_KEY", "key-of-the-model")
        .start()
        .await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    let answer = account
        .client
        .command("SendMessage", json!({ "agent_id": agent, "content": "Hello?" }))
        .await;
    assert_eq!(answer.status, 502, "{}", answer.text);
    answer.is_problem_document();
    assert!(!answer.text.contains("key-of-the-model"));
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("ReplyFailed").count(), 1);
    assert_eq!(log.of_type("ReplyCompleted").count(), 0);
}

async fn deleting_forgets_what_was_said(database: Database) {
    let model = ModelServer::answering(PIECES).await;
    let server = with_model(&database, &model).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    account.chat(&agent, "A secret between us").await;
    let before = account.client.list("messages", "").await;
    assert!(
        before
            .iter()
            .any(|message| message["content"] == "A secret between us"),
        "{before:?}"
    );
    account
        .client
        .command("DeleteAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    crate::harness::wait_until("messages are purged", crate::harness::LONG, async || {
        account.client.list("messages", "").await.is_empty().then_some(())
    })
    .await;
}

async fn with_model(database: &Database, model: &ModelServer) -> Server {
    Setup::on(database)
        .with("REEF_MODEL_PROVIDER", "openai")
        .with("REEF_MODEL_BASE_URL", model.base())
        .with("REEF_MODEL_API_KEY", "key-of-the-model")
        .with("REEF_MODEL", "reef-test-model")
        .start()
        .await
}

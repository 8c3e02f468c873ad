//! Replies: through the responder, through a provider, and none.

use futures::StreamExt;
use reef_commands::ports::{ChatChunk, DriverError, RuntimeDriver, Usage, Vault, VaultOwner, Workspace};
use serde_json::json;

use super::world::{World, bundle, request, spec, token, turn};
use crate::{
    ModelConfig,
    model::{
        ApiKey,
        scripted_server::{ScriptedServer, events, plain},
    },
};

const KEY: &str = "sk-secret-8812aa";

pub(super) const REPLY: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"The tide \"}}]}\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"turns.\\u0000\"},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

pub(super) fn at(server: &ScriptedServer) -> ModelConfig {
    ModelConfig {
        base_url: Some(format!("{}/v1", server.url())),
        api_key: Some(ApiKey::new(KEY)),
        ..ModelConfig::default()
    }
}

#[tokio::test]
async fn without_a_provider_the_local_responder_answers_and_says_so() {
    let world = World::running(ModelConfig::default()).await;

    let (text, usage, model) = world.say("When does the tide turn?").await.unwrap();

    assert!(
        text.contains("Reef's local responder") && text.contains("no model provider is configured"),
        "{text}"
    );
    assert!(text.contains("When does the tide turn?"), "{text}");
    assert_eq!((usage, model.as_str()), (Usage::default(), "local-responder"));
}

#[tokio::test]
async fn a_provider_is_told_who_the_agent_is_and_what_was_said() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let world = World::running(at(&server)).await;
    let mut asked = request("And then?");
    asked.history = vec![
        turn(true, "Welcome."),
        turn(false, "Tell me of tides."),
        turn(true, "They rise."),
    ];

    let (text, usage, model) = world.reply_to(asked).await.unwrap();

    assert_eq!(text, "The tide turns.");
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, model.as_str()),
        (40, 3, "openai:reef-1")
    );
    let body = server.received().remove(0).body;
    let system = body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(
        system.contains("You are Coral") && system.contains("You are calm."),
        "{system}"
    );
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [
            json!({ "role": "user", "content": "Tell me of tides." }),
            json!({ "role": "assistant", "content": "They rise." }),
            json!({ "role": "user", "content": "And then?" }),
        ]
    );
}

#[tokio::test]
async fn the_oldest_of_a_long_history_is_left_out() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let world = World::running(at(&server)).await;
    let mut asked = request("And now?");
    asked.history = vec![
        turn(false, &"a".repeat(90_000)),
        turn(true, "b"),
        turn(false, &"c".repeat(50_000)),
    ];

    world.reply_to(asked).await.unwrap();

    let body = server.received().remove(0).body;
    let shown: Vec<char> = body["messages"].as_array().unwrap()[1..]
        .iter()
        .map(|message| message["content"].as_str().unwrap().chars().next().unwrap())
        .collect();
    assert_eq!(shown, ['c', 'A']);
}

#[tokio::test]
async fn the_agents_own_key_goes_to_the_configured_address() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let world = World::running(at(&server)).await;
    world
        .secrets
        .0
        .lock()
        .unwrap()
        .insert("openai_api_key".to_owned(), "sk-agents-own".to_owned());

    world.say("Hello?").await.unwrap();

    assert_eq!(
        server.received()[0].header("authorization"),
        Some("Bearer sk-agents-own")
    );
}

#[tokio::test]
async fn a_refusing_provider_is_an_error_that_shows_no_key() {
    let body = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}");
    let server = ScriptedServer::start(vec![plain("401 Unauthorized", "application/json", &body)]).await;
    let world = World::running(at(&server)).await;

    let error = world.say("My secret wish").await.unwrap_err();

    assert!(
        matches!(&error, DriverError::Permanent(text) if text.contains("HTTP 401")),
        "{error:?}"
    );
    let told = format!("{error} {error:?} {}", world.log());
    assert!(told.contains("no reply in conv_1"), "{told}");
    assert!(!told.contains(KEY) && !told.contains("secret wish"), "{told}");
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_an_error_after_what_came_and_is_not_remembered() {
    let begun = "data: {\"choices\":[{\"delta\":{\"content\":\"The \"}}]}\n\n";
    let server = ScriptedServer::start(vec![events(begun)]).await;
    let world = World::running(at(&server)).await;

    let stream = world.driver.chat(&spec(), request("Hello?")).await.unwrap();
    let chunks: Vec<_> = stream.collect().await;

    assert_eq!(chunks[0], Ok(ChatChunk::Delta("The ".to_owned())));
    assert!(
        matches!(chunks[1..], [Err(DriverError::Transient(_))]),
        "{chunks:?}"
    );
    assert_eq!(world.file("MEMORY.md").await, None);
}

#[tokio::test]
async fn log_lines_tell_what_was_done_and_not_what_was_said() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let world = World::running(at(&server)).await;

    world.say("My secret wish").await.unwrap();

    let log = world.log();
    assert!(
        log.contains("replied in conv_1 through openai:reef-1: 40 tokens read, 3 written"),
        "{log}"
    );
    assert!(
        !log.contains("wish") && !log.contains("tide") && !log.contains(KEY),
        "{log}"
    );
}

#[tokio::test]
async fn an_agent_that_was_not_pushed_yet_is_put_there_first() {
    let world = World::new();
    world
        .driver
        .provision(&spec(), &token("provision"))
        .await
        .unwrap();

    world.say("Hello?").await.unwrap();

    assert_eq!(world.file("SOUL.md").await.as_deref(), Some("You are calm."));
}

#[tokio::test]
async fn an_agent_whose_data_key_was_destroyed_cannot_answer() {
    let world = World::running(ModelConfig::default()).await;
    world
        .store
        .destroy(&VaultOwner::new("agent", "agt_1"))
        .await
        .unwrap();

    assert!(matches!(
        world.say("Hello?").await,
        Err(DriverError::Permanent(_))
    ));
}

#[tokio::test]
async fn an_agent_removed_while_it_answers_leaves_no_files_behind() {
    let world = World::running(ModelConfig::default()).await;
    let mut stream = world.driver.chat(&spec(), request("Hello?")).await.unwrap();
    stream.next().await.unwrap().unwrap();

    world
        .driver
        .remove_agent(&spec(), &bundle().agent_id, &token("remove"))
        .await
        .unwrap();
    let rest: Vec<_> = stream.collect().await;

    assert!(matches!(rest.last(), Some(Ok(ChatChunk::Done { .. }))));
    assert_eq!(world.store.files(&bundle().agent_id).await.unwrap(), []);
}

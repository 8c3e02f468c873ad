//! Specs of conversations: what is recorded of a message and its reply, whoever listens.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use reef_domain::{
    AgentId, Dialect, RuntimeId,
    agent::AgentCommand,
    conversation::Conversation,
    runtime::{Runtime, RuntimeCommand, RuntimeStopReason},
};
use reef_projections::{
    Query,
    views::{
        activity::Activities,
        conversation::Conversations,
        message::{MessageRole, Messages},
        usage::Usages,
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    Caller, Drivers, Request,
    agent::DeployAgent,
    ports::{
        AgentBundle, ChatChunk, ChatRequest, DriverError, EffectToken, RuntimeDriver, RuntimeObservation,
        RuntimeSettings, RuntimeSpec, TaskAssignment, Usage,
    },
    spec::{Member, World, body, code},
    template::PublishTemplate,
};

/// Says each word back once it is let.
struct Echo {
    words: Arc<Semaphore>,
}

#[async_trait]
impl RuntimeDriver for Echo {
    fn provider(&self) -> &'static str {
        "embedded"
    }

    async fn provision(&self, _: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        Err(unasked())
    }

    async fn start(&self, _: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        Err(unasked())
    }

    async fn stop(&self, _: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        Err(unasked())
    }

    async fn restart_gateway(
        &self,
        _: &RuntimeSpec,
        _: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        Err(unasked())
    }

    async fn destroy(&self, _: &RuntimeSpec, _: &EffectToken) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn observe(&self, _: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        Err(unasked())
    }

    async fn push(&self, _: &RuntimeSpec, _: &AgentBundle, _: &EffectToken) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn configure(
        &self,
        _: &RuntimeSpec,
        _: &RuntimeSettings,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn rest_agent(&self, _: &RuntimeSpec, _: &AgentId, _: &EffectToken) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn remove_agent(&self, _: &RuntimeSpec, _: &AgentId, _: &EffectToken) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn run_task(&self, _: &RuntimeSpec, _: TaskAssignment) -> Result<(), DriverError> {
        Err(unasked())
    }

    async fn chat(
        &self,
        _: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        if request.message == "refuse" {
            return Err(DriverError::Permanent("the model provider says no".to_owned()));
        }
        let last = if request.message.starts_with("break") {
            Err(DriverError::Transient("the line went dead".to_owned()))
        } else {
            let usage = Usage {
                input_tokens: request.history.len() as u64,
                output_tokens: 2,
            };
            Ok(ChatChunk::Done {
                usage,
                model: "echo".to_owned(),
            })
        };
        let words: Vec<String> = request
            .message
            .split_inclusive(' ')
            .map(ToOwned::to_owned)
            .collect();
        let chunks = words
            .into_iter()
            .map(|word| Ok(ChatChunk::Delta(word)))
            .chain([last]);
        let words = Arc::clone(&self.words);
        Ok(stream::iter(chunks)
            .then(move |chunk| {
                let words = Arc::clone(&words);
                async move {
                    words.acquire().await.unwrap().forget();
                    chunk
                }
            })
            .boxed())
    }
}

fn unasked() -> DriverError {
    DriverError::Permanent("this is about talking".to_owned())
}

struct Scene {
    world: World,
    member: Member,
    agent: AgentId,
    runtime: RuntimeId,
    chat: Chat,
    words: Arc<Semaphore>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let member = world.account("ada", Dialect::Native).await;
        let publish: PublishTemplate = body(json!({
            "slug": "echo", "name": "Echo", "bundle": { "agent": { "model": "m" } }
        }));
        world.operator(publish).await.unwrap();
        world.operator(body::<crate::account::AssignPlan>(json!({
            "account_id": member.account, "plan": { "id": "free", "name": "Free", "price_micro_per_hour": 0 }
        })))
        .await
        .unwrap();
        let deploy: DeployAgent = body(json!({ "template_id": "tmpl_echo", "name": "Ada" }));
        let agent = AgentId::from(world.by(&member.caller, deploy).await.unwrap().aggregate.id);
        let runtime = world.state::<Agent>(&agent).await.runtime_id.unwrap();
        let words = Arc::new(Semaphore::new(1000));
        let drivers = Drivers::new([Arc::new(Echo {
            words: Arc::clone(&words),
        }) as Arc<dyn RuntimeDriver>]);
        let chat = Chat::new(world.bus.clone(), drivers);
        let scene = Self {
            world,
            member,
            agent,
            runtime,
            chat,
            words,
        };
        scene.come_up().await;
        scene
    }

    async fn come_up(&self) {
        let request = Request::new(Caller::system("spec"), "spec");
        let running = RuntimeCommand::ReportRunning {
            provider_ref: "echo".to_owned(),
            public_ip: None,
            since: self.world.bus.services().clock.now(),
        };
        self.world
            .bus
            .decide::<Runtime>(&self.runtime, running, &request)
            .await
            .unwrap();
        self.world
            .bus
            .decide::<Agent>(&self.agent, AgentCommand::ReportStarted, &request)
            .await
            .unwrap();
    }

    fn request(&self) -> Request {
        Request::new(self.member.caller.clone(), "spec")
    }

    async fn say(&self, content: &str) -> (crate::Answer, Vec<ReplyPart>) {
        let send: SendMessage = body(json!({ "agent_id": self.agent, "content": content }));
        let (answer, parts) = self.chat.send(&send, self.request()).await.unwrap();
        (answer, parts.collect().await)
    }

    async fn messages(&self) -> Vec<reef_projections::views::message::MessageDoc> {
        let views = &self.world.bus.services().views;
        let mut messages = views.all::<Messages>(Query::default()).await.unwrap();
        messages.reverse();
        messages
    }

    async fn text(&self, message: &reef_projections::views::message::MessageDoc) -> String {
        open_message(
            &*self.world.bus.services().vault,
            &message.account_id,
            &message.agent_id,
            &message.conversation_id,
            &message.id,
            &message.content_sealed,
        )
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn a_reply_is_streamed_and_recorded_as_it_was_said() {
    let scene = Scene::new().await;
    let (answer, parts) = scene.say("hello there").await;
    let deltas: Vec<_> = parts[..2].to_vec();
    let delta = |text: &str| ReplyPart::Delta {
        text: text.to_owned(),
    };
    assert_eq!(deltas, [delta("hello "), delta("there")]);
    let ReplyPart::Completed {
        message_id,
        content,
        model,
        position,
        ..
    } = &parts[2]
    else {
        panic!("{parts:?}")
    };
    assert_eq!((content.as_str(), model.as_str()), ("hello there", "echo"));
    let messages = scene.messages().await;
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (messages[0].role, messages[1].role),
        (MessageRole::User, MessageRole::Assistant)
    );
    assert_eq!(
        messages[0].id.as_str(),
        answer.result.as_ref().unwrap()["message_id"].as_str().unwrap()
    );
    assert_eq!(
        (&messages[1].id, messages[1].in_reply_to.as_ref()),
        (message_id, Some(&messages[0].id))
    );
    assert_eq!(scene.text(&messages[0]).await, "hello there");
    assert_eq!(scene.text(&messages[1]).await, "hello there");
    let types = scene.world.event_types();
    assert!(
        types.ends_with(&["ReplyCompleted", "AgentMessageSent"]),
        "{types:?}"
    );
    let activity = scene.world.doc::<Activities>(message_id).await.unwrap();
    assert_eq!(activity.in_reply_to.as_ref(), Some(&messages[0].id));
    assert_eq!(*position, scene.world.store.events().len() as u64);
    assert_eq!(scene.world.doc::<Usages>(&scene.agent).await.unwrap().requests, 1);
    assert!(
        scene
            .world
            .store
            .events()
            .iter()
            .all(|event| !event.payload.contains("hello")),
        "sealed"
    );
}

#[tokio::test]
async fn a_conversation_goes_on_where_it_was() {
    let scene = Scene::new().await;
    let (first, _) = scene.say("one").await;
    let send: SendMessage = body(json!({ "conversation_id": first.aggregate.id, "content": "two" }));
    let (second, parts) = scene.chat.send(&send, scene.request()).await.unwrap();
    let parts: Vec<ReplyPart> = parts.collect().await;
    assert_eq!(second.aggregate.id, first.aggregate.id);
    let Some(ReplyPart::Completed { usage, .. }) = parts.last() else {
        panic!("{parts:?}")
    };
    assert_eq!(
        usage.input_tokens, 2,
        "the agent was reminded of both earlier messages"
    );
    assert_eq!(
        scene
            .world
            .doc::<Conversations>(&first.aggregate.id)
            .await
            .unwrap()
            .message_count,
        4
    );
}

#[tokio::test]
async fn a_reply_is_recorded_though_nobody_listens() {
    let scene = Scene::new().await;
    scene.words.forget_permits(1000);
    let send: SendMessage = body(json!({ "agent_id": scene.agent, "content": "hello there" }));
    let (_, parts) = scene.chat.send(&send, scene.request()).await.unwrap();
    drop(parts);
    scene.words.add_permits(10);
    scene.chat.drain().await;
    assert_eq!(scene.messages().await.len(), 2);
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_reply() {
    let scene = Scene::new().await;
    let send: SendMessage = body(json!({ "agent_id": scene.agent, "content": "hello there" }));
    let (first, parts) = scene
        .chat
        .send(&send, scene.request().once("key-1"))
        .await
        .unwrap();
    let said: Vec<ReplyPart> = parts.collect().await;
    let (again, parts) = scene
        .chat
        .send(&send, scene.request().once("key-1"))
        .await
        .unwrap();
    let repeated: Vec<ReplyPart> = parts.collect().await;
    assert!(again.replayed);
    assert_eq!(again.result, first.result);
    // Who asks again gets the text in one piece.
    let [
        ReplyPart::Delta { text },
        last @ ReplyPart::Completed { content, .. },
    ] = &repeated[..]
    else {
        panic!("{repeated:?}")
    };
    assert_eq!(text, content);
    assert_eq!(Some(last), said.last());
    assert_eq!(scene.messages().await.len(), 2);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_recorded_as_failed() {
    for (content, code) in [
        ("refuse", "runtime_unavailable"),
        ("break off", "runtime_unavailable"),
    ] {
        let scene = Scene::new().await;
        let (answer, parts) = scene.say(content).await;
        let Some(ReplyPart::Failed { code: told, .. }) = parts.last() else {
            panic!("{parts:?}")
        };
        assert_eq!(told, code);
        let messages = scene.messages().await;
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].failure.as_ref().unwrap().code, code);
        let types = scene.world.event_types();
        assert!(
            types.ends_with(&["ReplyFailed", "AgentErrorReported"]),
            "{types:?}"
        );
        let conversation = scene.world.state::<Conversation>(&answer.aggregate.id).await;
        assert!(conversation.open_replies.is_empty());
    }
}

#[tokio::test]
async fn only_what_runs_is_spoken_to() {
    let scene = Scene::new().await;
    let request = Request::new(Caller::system("spec"), "spec");
    let send: SendMessage = body(json!({ "agent_id": scene.agent, "content": "hello" }));
    let stop = RuntimeCommand::Stop {
        reason: RuntimeStopReason::Requested,
    };
    scene
        .world
        .bus
        .decide::<Runtime>(&scene.runtime, stop, &request)
        .await
        .unwrap();
    assert_eq!(
        code(scene.world.by(&scene.member.caller, send.clone()).await),
        "runtime_not_running"
    );
    let fail = AgentCommand::ReportFailed {
        code: "x".to_owned(),
        reason: "x".to_owned(),
    };
    scene
        .world
        .bus
        .decide::<Agent>(&scene.agent, fail, &request)
        .await
        .unwrap();
    assert_eq!(
        code(scene.world.by(&scene.member.caller, send).await),
        "agent_not_running"
    );
    assert!(scene.messages().await.is_empty());
}

#[tokio::test]
async fn messages_are_checked_and_belong_to_their_account() {
    let scene = Scene::new().await;
    let send = |value| body::<SendMessage>(value);
    for content in ["", "  \n", &"x".repeat(100_001)] {
        let command = send(json!({ "agent_id": scene.agent, "content": content }));
        assert_eq!(
            code(scene.world.by(&scene.member.caller, command).await),
            "invalid_command"
        );
    }
    let nobody = send(json!({ "content": "hello" }));
    assert_eq!(
        code(scene.world.by(&scene.member.caller, nobody).await),
        "invalid_command"
    );
    let (answer, _) = scene.say("mine").await;
    let other = scene.world.account("eve", Dialect::Native).await;
    for value in [
        json!({ "agent_id": scene.agent, "content": "hello" }),
        json!({ "conversation_id": answer.aggregate.id, "content": "hello" }),
    ] {
        assert_eq!(
            code(scene.world.by(&other.caller, send(value)).await),
            "not_found"
        );
    }
}

#[tokio::test]
async fn an_ended_conversation_takes_no_message() {
    let scene = Scene::new().await;
    let (answer, _) = scene.say("one").await;
    let end: EndConversation = body(json!({ "conversation_id": answer.aggregate.id }));
    scene.world.by(&scene.member.caller, end).await.unwrap();
    let send: SendMessage = body(json!({ "conversation_id": answer.aggregate.id, "content": "two" }));
    assert_eq!(
        code(scene.world.by(&scene.member.caller, send).await),
        "conversation_ended"
    );
}

//! Specs of making agents on shared runtimes.

use reef_domain::{
    Dialect, agent::AgentStatus, conversation::Conversation, runtime::RuntimeCommand,
    workspace_file::WorkspaceFiles,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    Caller, Request,
    agent::{DeleteAgent, UpdateAgent},
    ledger::GrantCredits,
    runtime::{DestroyRuntime, ProvisionRuntime},
    spec::{Member, World, body, code, kinds},
    workspace_file::files_of,
};

async fn ada(world: &World) -> Member {
    let ada = world.account("ada", Dialect::Thermidora).await;
    let grant = body::<GrantCredits>(json!({ "account_id": ada.account, "amount_micro": 1_000_000 }));
    world.operator(grant).await.unwrap();
    ada
}

/// A shared runtime of hers, asked for and not seen yet.
async fn requested(world: &World, ada: &Member, name: &str) -> RuntimeId {
    let provision = body::<ProvisionRuntime>(json!({ "name": name }));
    let answer = world.by(&ada.caller, provision).await.unwrap();
    RuntimeId::from(answer.aggregate.id)
}

async fn running(world: &World, ada: &Member, name: &str) -> RuntimeId {
    let id = requested(world, ada, name).await;
    let report = RuntimeCommand::ReportRunning {
        provider_ref: "ref".to_owned(),
        public_ip: None,
        since: world.bus.services().clock.now(),
    };
    let request = Request::new(Caller::system("spec"), "spec");
    world.bus.decide::<Runtime>(&id, report, &request).await.unwrap();
    id
}

fn create(runtime: &RuntimeId, slug: &str, more: &Value) -> CreateAgent {
    let mut command = json!({
        "runtime_id": runtime, "name": "support", "slug": slug, "display_name": "Support Bot", "model": "m-1",
    });
    command
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body(command)
}

async fn paths(world: &World, agent: &str) -> Vec<String> {
    let files = files_of(world.bus.services(), &agent.into()).await.unwrap();
    let mut paths: Vec<String> = files.into_iter().map(|(doc, _)| doc.path).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn one_append_makes_an_agent_with_all_that_is_its_own() {
    let world = World::new();
    let ada = ada(&world).await;
    let runtime = running(&world, &ada, "one").await;
    assert!(runtime.as_str().starts_with("inst_"));
    let made = world
        .by(&ada.caller, create(&runtime, "support-bot", &json!({})))
        .await
        .unwrap();
    let written = vec!["WorkspaceFileWritten"; 5];
    let expected = [
        &["AgentCreated", "AgentDeployed"][..],
        &written,
        &["ReservationClaimed", "ReservationClaimed", "ConversationStarted"],
    ]
    .concat();
    let mut happened = kinds(&made);
    happened.sort_unstable();
    let mut wanted = expected;
    wanted.sort_unstable();
    assert_eq!(happened, wanted);
    let agent = world.state::<Agent>(&made.aggregate.id).await;
    assert_eq!(
        (agent.status, agent.runtime_id),
        (AgentStatus::Provisioning, Some(runtime))
    );
    let id = AgentId::from(made.aggregate.id.as_str());
    let conversation = world.state::<Conversation>(main_conversation(&id)).await;
    assert_eq!(conversation.agent_id, Some(id));
}

#[tokio::test]
async fn a_slug_is_an_agents_own_on_its_runtime_until_it_is_deleted() {
    let world = World::new();
    let ada = ada(&world).await;
    let (one, two) = (
        running(&world, &ada, "one").await,
        running(&world, &ada, "two").await,
    );
    let made = world
        .by(&ada.caller, create(&one, "bot", &json!({})))
        .await
        .unwrap();
    let taken = world.by(&ada.caller, create(&one, "bot", &json!({}))).await;
    assert_eq!(code(taken), "slug_taken");
    world
        .by(&ada.caller, create(&two, "bot", &json!({})))
        .await
        .unwrap();
    let delete = body::<DeleteAgent>(json!({ "agent_id": made.aggregate.id }));
    world.by(&ada.caller, delete).await.unwrap();
    assert_eq!(paths(&world, &made.aggregate.id).await, Vec::<String>::new());
    world
        .by(&ada.caller, create(&one, "bot", &json!({})))
        .await
        .unwrap();
}

#[tokio::test]
async fn of_two_at_once_one_has_the_slug() {
    let world = World::new();
    let ada = ada(&world).await;
    let runtime = running(&world, &ada, "one").await;
    let both = futures::future::join_all((0..4).map(|_| {
        world.by(
            &ada.caller,
            create(&runtime, "bot", &json!({ "use_defaults": false })),
        )
    }))
    .await;
    assert_eq!(both.iter().filter(|made| made.is_ok()).count(), 1);
}

#[tokio::test]
async fn only_a_shared_runtime_that_runs_takes_agents() {
    let world = World::new();
    let ada = ada(&world).await;
    let waiting = requested(&world, &ada, "waiting").await;
    let refused = world
        .by(&ada.caller, create(&waiting, "bot", &json!({})))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "runtime_not_running");
    assert!(
        matches!(
            refused,
            CommandError::Refused {
                kind: RefusalKind::NotReady,
                ..
            }
        ),
        "{refused:?}"
    );
    let leaving = running(&world, &ada, "leaving").await;
    world
        .by(&ada.caller, create(&leaving, "bot", &json!({})))
        .await
        .unwrap();
    let destroy = |with_agents: bool| DestroyRuntime {
        runtime_id: leaving.clone(),
        with_agents,
    };
    assert_eq!(
        code(world.by(&ada.caller, destroy(false)).await),
        "runtime_in_use"
    );
    world.by(&ada.caller, destroy(true)).await.unwrap();
    let again = world.by(&ada.caller, destroy(true)).await.unwrap();
    assert!(again.events.is_empty());
    let gone = world.by(&ada.caller, create(&leaving, "other", &json!({}))).await;
    assert!(matches!(gone, Err(CommandError::Unknown { kind: "runtime", .. })));
    let bob = world.account("bob", Dialect::Thermidora).await;
    let foreign = world.by(&bob.caller, create(&waiting, "bot", &json!({}))).await;
    assert!(matches!(foreign, Err(CommandError::Foreign { .. })));
}

#[tokio::test]
async fn files_are_sealed_and_written_only_where_they_change() {
    let world = World::new();
    let ada = ada(&world).await;
    let runtime = running(&world, &ada, "one").await;
    let files = json!({ "SOUL.md": "Be a bird.", "docs/a.md": "Kingfishers." });
    let made = world
        .by(&ada.caller, create(&runtime, "bot", &json!({ "files": files })))
        .await
        .unwrap();
    let id = made.aggregate.id;
    assert_eq!(paths(&world, &id).await, ["SOUL.md", "docs/a.md"]);
    let stored = format!("{:?}", world.store.events());
    assert!(
        !stored.contains("Be a bird") && !stored.contains("Kingfishers"),
        "the log has it sealed"
    );
    let update = |files: Value| body::<UpdateAgent>(json!({ "agent_id": id, "files": files }));
    let same = world.by(&ada.caller, update(files)).await.unwrap();
    assert_eq!(kinds(&same), Vec::<&str>::new());
    let change = update(json!({ "SOUL.md": "Be a fish.", "docs/a.md": null, "absent.md": null }));
    let changed = world.by(&ada.caller, change).await.unwrap();
    let happened = kinds(&changed);
    assert_eq!(
        happened
            .iter()
            .filter(|kind| kind.starts_with("WorkspaceFile"))
            .count(),
        2,
        "{happened:?}"
    );
    assert!(
        happened.contains(&"AgentPushRequested"),
        "a running runtime is told at once"
    );
    let now = files_of(world.bus.services(), &id.as_str().into()).await.unwrap();
    let now: Vec<(&str, &str)> = now
        .iter()
        .map(|(doc, content)| (doc.path.as_str(), content.as_str()))
        .collect();
    assert_eq!(now, [("SOUL.md", "Be a fish.")]);
    assert_eq!(world.state::<WorkspaceFiles>(&id).await.revision, 4);
    let bad = update(json!({ "SOUL.md": "Be a cat.", "../x": "y" }));
    assert_eq!(code(world.by(&ada.caller, bad).await), "path_invalid");
    assert_eq!(
        world.state::<WorkspaceFiles>(&id).await.revision,
        4,
        "all of them or none"
    );
}

//! Specs of what is recorded of agents.

use reef_domain::{Dialect, agent::AgentCommand, runtime::RuntimeCommand};
use reef_projections::{Query, views::activity::ActivityDoc};
use serde_json::json;

use super::*;
use crate::{
    Caller,
    agent::DeployAgent,
    ports::VaultOwner,
    runtime::ProvisionRuntime,
    spec::{World, body},
    template::PublishTemplate,
};

struct Scene {
    world: World,
    agent: AgentId,
    runtime: RuntimeId,
}

impl Scene {
    /// An agent on its runtime, of an account of that dialect.
    async fn new(dialect: Dialect) -> Self {
        let world = World::new();
        let member = world.account("ada", dialect).await;
        let publish: PublishTemplate = body(json!({
            "slug": "echo", "name": "Echo", "bundle": { "agent": { "model": "m" } }
        }));
        world.operator(publish).await.unwrap();
        let plan = json!({
            "account_id": member.account, "plan": { "id": "free", "name": "Free", "price_micro_per_hour": 0 }
        });
        world
            .operator(body::<crate::account::AssignPlan>(plan))
            .await
            .unwrap();
        let provision = ProvisionRuntime::default();
        let runtime = RuntimeId::from(world.by(&member.caller, provision).await.unwrap().aggregate.id);
        let deploy: DeployAgent = body(json!({ "template_id": "tmpl_echo", "name": "Ada" }));
        let agent = AgentId::from(world.by(&member.caller, deploy).await.unwrap().aggregate.id);
        let runtime = if let Some(own) = world.state::<Agent>(&agent).await.runtime_id {
            own
        } else {
            let place = AgentCommand::Place {
                runtime_id: runtime.clone(),
            };
            world
                .bus
                .decide::<Agent>(&agent, place, &Self::system())
                .await
                .unwrap();
            runtime
        };
        Self {
            world,
            agent,
            runtime,
        }
    }

    fn told(&self, report_id: &str, did: Did, content: &str) -> ActivityReport {
        ActivityReport {
            runtime_id: self.runtime.clone(),
            agent_id: self.agent.clone(),
            report_id: report_id.to_owned(),
            did,
            content: content.to_owned(),
        }
    }

    fn ran(&self, report_id: &str, content: &str) -> ActivityReport {
        let job_name = "price".to_owned();
        self.told(report_id, Did::CompletedCronJob { job_name }, content)
    }

    async fn report(&self, told: &ActivityReport) -> Result<(), CommandError> {
        report(&self.world.bus, told).await
    }

    async fn activities(&self) -> Vec<ActivityDoc> {
        let views = &self.world.bus.services().views;
        views.all::<Activities>(Query::default()).await.unwrap()
    }

    async fn text(&self, doc: &ActivityDoc) -> Result<String, VaultError> {
        open_activity(&*self.world.bus.services().vault, doc).await
    }

    fn system() -> Request {
        Request::new(Caller::system("spec"), "spec")
    }
}

#[tokio::test]
async fn what_a_node_reports_is_recorded_once_and_sealed() {
    let scene = Scene::new(Dialect::Thermidora).await;
    let ran = scene.ran("cron/1", "Bitcoin price: $69,327");
    scene.report(&ran).await.unwrap();
    scene.report(&ran).await.unwrap();
    for number in 0..40 {
        scene
            .report(&scene.ran(&format!("later/{number}"), "x"))
            .await
            .unwrap();
    }
    // Long after the stream itself has forgotten its id.
    scene.report(&ran).await.unwrap();
    let activities = scene.activities().await;
    assert_eq!(activities.len(), 41);
    let first = activities.last().unwrap();
    assert_eq!(scene.text(first).await.unwrap(), "Bitcoin price: $69,327");
    assert_eq!(
        (first.job_name.as_deref(), first.sender.name.as_str()),
        (Some("price"), "Ada")
    );
    let events = scene.world.store.events();
    assert!(
        events.iter().all(|event| !event.payload.contains("Bitcoin")),
        "sealed"
    );
}

#[tokio::test]
async fn messages_of_its_own_accord_and_errors_are_recorded_too() {
    let scene = Scene::new(Dialect::Thermidora).await;
    let said = Did::SentMessage { in_reply_to: None };
    scene
        .report(&scene.told("r1", said, "Good morning"))
        .await
        .unwrap();
    let failed = Did::ReportedError {
        code: "no_model".to_owned(),
        job_name: Some("price".to_owned()),
    };
    scene
        .report(&scene.told("r2", failed, "no model answers"))
        .await
        .unwrap();
    let types = scene.world.event_types();
    assert!(
        types.ends_with(&["AgentMessageSent", "AgentErrorReported"]),
        "{types:?}"
    );
    let activities = scene.activities().await;
    assert_eq!(scene.text(&activities[0]).await.unwrap(), "no model answers");
    assert_eq!(activities[0].job_name.as_deref(), Some("price"));
}

#[tokio::test]
async fn an_agent_is_spoken_for_by_its_own_runtime_only() {
    let scene = Scene::new(Dialect::Native).await;
    let mut foreign = scene.ran("r1", "x");
    foreign.runtime_id = "rt_other".into();
    let mut unknown = scene.ran("r1", "x");
    unknown.agent_id = "agt_other".into();
    for told in [foreign, unknown] {
        assert_eq!(scene.report(&told).await.unwrap_err().code(), "not_found");
    }
    assert!(scene.activities().await.is_empty());
}

#[tokio::test]
async fn a_report_about_an_agent_that_is_removed_comes_too_late() {
    let scene = Scene::new(Dialect::Native).await;
    let bus = &scene.world.bus;
    bus.decide::<Agent>(&scene.agent, AgentCommand::Delete, &Scene::system())
        .await
        .unwrap();
    scene.report(&scene.ran("r1", "x")).await.unwrap();
    assert!(scene.activities().await.is_empty());
}

#[tokio::test]
async fn what_an_instance_keeps_outlives_the_agent_and_goes_with_the_runtime() {
    let scene = Scene::new(Dialect::Thermidora).await;
    scene.report(&scene.ran("r1", "kept")).await.unwrap();
    let (bus, vault) = (&scene.world.bus, &scene.world.bus.services().vault);
    bus.decide::<Agent>(&scene.agent, AgentCommand::Delete, &Scene::system())
        .await
        .unwrap();
    vault
        .destroy(&VaultOwner::new("agent", &scene.agent))
        .await
        .unwrap();
    let activities = scene.activities().await;
    assert_eq!(scene.text(&activities[0]).await.unwrap(), "kept");

    bus.decide::<Runtime>(&scene.runtime, RuntimeCommand::Destroy, &Scene::system())
        .await
        .unwrap();
    scene.report(&scene.ran("r2", "late")).await.unwrap();
    let gone = RuntimeCommand::ReportDestroyed {
        ran_until: bus.services().clock.now(),
    };
    bus.decide::<Runtime>(&scene.runtime, gone, &Scene::system())
        .await
        .unwrap();
    assert!(scene.activities().await.is_empty());
    vault
        .destroy(&VaultOwner::new("runtime", &scene.runtime))
        .await
        .unwrap();
    assert_eq!(scene.text(&activities[0]).await, Err(VaultError::Destroyed));
}

#[tokio::test]
async fn elsewhere_what_an_agent_said_goes_with_it() {
    let scene = Scene::new(Dialect::Tropic).await;
    scene.report(&scene.ran("r1", "gone soon")).await.unwrap();
    let kept = scene.activities().await;
    assert_eq!(kept[0].keeper_id, scene.agent.as_str());
    scene
        .world
        .bus
        .decide::<Agent>(&scene.agent, AgentCommand::Delete, &Scene::system())
        .await
        .unwrap();
    assert!(scene.activities().await.is_empty());
    let vault = &scene.world.bus.services().vault;
    vault
        .destroy(&VaultOwner::new("agent", &scene.agent))
        .await
        .unwrap();
    assert_eq!(scene.text(&kept[0]).await, Err(VaultError::Destroyed));
}

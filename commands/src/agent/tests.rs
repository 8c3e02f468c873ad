//! Specs of the commands of agents.

use std::collections::BTreeSet;

use reef_domain::{Dialect, PolicyId, UserId, settings::Settings, task::TaskStatus};
use reef_projections::{
    Query,
    views::{agent::Agents, task::Tasks},
};
use serde_json::json;

use super::*;
use crate::{
    account::AssignPlan,
    ledger::GrantCredits,
    policy::CreatePolicy,
    settings::SetCommandBundles,
    spec::{Member, World, body, code, kinds},
    task::SubmitTask,
    template::PublishTemplate,
};

mod limit;

struct Scene {
    world: World,
    member: Member,
}

impl Scene {
    /// An account of the dialect with a credit, and a template.
    async fn new(dialect: Dialect) -> Self {
        let world = World::new();
        let member = world.account("ada", dialect).await;
        let grant: GrantCredits = body(json!({ "account_id": member.account, "amount_micro": 1_000_000 }));
        world.operator(grant).await.unwrap();
        let publish: PublishTemplate = body(json!({
            "slug": "research", "name": "Research", "bundle": { "agent": { "model": "m", "skills": ["web"] } },
            "default_policy": "ALLOW: research"
        }));
        world.operator(publish).await.unwrap();
        Self { world, member }
    }

    fn deploy() -> DeployAgent {
        body(json!({ "template_id": "tmpl_research", "name": "Ada" }))
    }

    async fn deployed(&self) -> AgentId {
        AgentId::from(
            self.world
                .by(&self.member.caller, Self::deploy())
                .await
                .unwrap()
                .aggregate
                .id,
        )
    }

    async fn plan(&self, change: impl FnOnce(&mut reef_domain::account::Plan)) {
        let mut plan = reef_domain::account::Plan::for_dialect(self.member.caller.dialect);
        change(&mut plan);
        self.world
            .operator(AssignPlan {
                account_id: self.member.account.clone(),
                plan,
            })
            .await
            .unwrap();
    }

    async fn places(&self) -> BTreeSet<String> {
        let stream = format!("active-agents/{}", self.member.user);
        self.world.state::<Reservation>(stream).await.holders
    }
}

#[tokio::test]
async fn deploying_makes_agent_policy_runtime_and_job_in_one_append() {
    let scene = Scene::new(Dialect::Native).await;
    let answer = scene
        .world
        .by(&scene.member.caller, Scene::deploy())
        .await
        .unwrap();
    let expected = BTreeSet::from([
        "AgentCreated",
        "AgentDeployed",
        "PolicyCreated",
        "SettingsMigratedToPolicy",
        "RuntimeRequested",
        "ProvisioningRequested",
        "ReservationClaimed",
    ]);
    assert_eq!(kinds(&answer).into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(answer.aggregate.kind, "agent");
    let doc = scene.world.doc::<Agents>(&answer.aggregate.id).await.unwrap();
    assert_eq!(
        (doc.status.name(), doc.skills.clone()),
        ("provisioning", vec!["web".to_owned()])
    );
    assert_eq!(doc.owner_user_id, Some(scene.member.user.clone()));
    let policy = scene.world.state::<Policy>(doc.policy_id.unwrap()).await;
    assert_eq!(policy.rules, "ALLOW: research");
}

#[tokio::test]
async fn the_default_policy_is_made_once_and_again_when_it_was_deleted() {
    let scene = Scene::new(Dialect::Native).await;
    let first = scene
        .world
        .state::<Agent>(scene.deployed().await)
        .await
        .policy_id
        .unwrap();
    let second = scene
        .world
        .state::<Agent>(scene.deployed().await)
        .await
        .policy_id
        .unwrap();
    assert_eq!(first, second);
    let delete: crate::policy::DeletePolicy = body(json!({ "policy_id": first }));
    scene.world.by(&scene.member.caller, delete).await.unwrap();
    let third = scene
        .world
        .state::<Agent>(scene.deployed().await)
        .await
        .policy_id
        .unwrap();
    assert_ne!(third, first);
}

#[tokio::test]
async fn saved_settings_win_over_the_templates_policy() {
    let scene = Scene::new(Dialect::Tropic).await;
    let save: SetCommandBundles = body(json!({ "bundles": ["browser-search"] }));
    scene.world.by(&scene.member.caller, save).await.unwrap();
    let policy = scene
        .world
        .state::<Agent>(scene.deployed().await)
        .await
        .policy_id
        .unwrap();
    let rules = scene.world.state::<Policy>(&policy).await.rules;
    assert!(
        rules.contains("ALLOW: search the web") && rules.contains("DENY: terminal"),
        "{rules}"
    );
    let settings = scene.world.state::<Settings>(&scene.member.user).await;
    assert_eq!(settings.migrated.values().collect::<Vec<_>>(), [&policy]);
}

#[tokio::test]
async fn an_explicit_policy_must_be_the_accounts_own() {
    let scene = Scene::new(Dialect::Native).await;
    let create: CreatePolicy = body(json!({ "name": "Mine", "rules": "DENY: *" }));
    let mine = PolicyId::from(
        scene
            .world
            .by(&scene.member.caller, create)
            .await
            .unwrap()
            .aggregate
            .id,
    );
    let deploy = DeployAgent {
        policy_id: Some(mine.clone()),
        ..Scene::deploy()
    };
    let answer = scene
        .world
        .by(&scene.member.caller, deploy.clone())
        .await
        .unwrap();
    assert_eq!(
        scene.world.state::<Agent>(&answer.aggregate.id).await.policy_id,
        Some(mine)
    );
    let other = scene.world.account("eve", Dialect::Native).await;
    let grant: GrantCredits = body(json!({ "account_id": other.account, "amount_micro": 1 }));
    scene.world.operator(grant).await.unwrap();
    let before = scene.world.store.events().len();
    assert_eq!(code(scene.world.by(&other.caller, deploy).await), "not_found");
    assert_eq!(
        scene.world.store.events().len(),
        before,
        "nothing of a refused command is stored"
    );
}

#[tokio::test]
async fn unknown_and_withdrawn_templates_and_foreign_users_are_refused() {
    let scene = Scene::new(Dialect::Native).await;
    let unknown = DeployAgent {
        template_id: "tmpl_none".into(),
        ..Scene::deploy()
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, unknown).await),
        "not_found"
    );
    let stranger = DeployAgent {
        user_id: Some(UserId::from("usr_stranger")),
        ..Scene::deploy()
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, stranger).await),
        "not_found"
    );
    let withdraw: crate::template::WithdrawTemplate = body(json!({ "template_id": "tmpl_research" }));
    scene.world.operator(withdraw).await.unwrap();
    assert_eq!(
        code(scene.world.by(&scene.member.caller, Scene::deploy()).await),
        "not_found"
    );
}

#[tokio::test]
async fn a_balance_is_needed_where_the_plan_has_a_price() {
    let world = World::new();
    let scene = Scene::new(Dialect::Native).await;
    drop(world);
    let poor = scene.world.account("eve", Dialect::Native).await;
    assert_eq!(
        code(scene.world.by(&poor.caller, Scene::deploy()).await),
        "insufficient_balance"
    );
    let tropic = scene.world.account("kim", Dialect::Tropic).await;
    scene
        .world
        .by(&tropic.caller, Scene::deploy())
        .await
        .expect("waits for a runtime, which is what costs");
}

#[tokio::test]
async fn stopping_twice_stops_once() {
    let scene = Scene::new(Dialect::Native).await;
    let agent = scene.deployed().await;
    let stop = StopAgent { agent_id: agent };
    let answer = scene.world.by(&scene.member.caller, stop.clone()).await.unwrap();
    assert_eq!(
        kinds(&answer),
        ["AgentStopped", "ReservationReleased", "RuntimeStopRequested"]
    );
    let again = scene.world.by(&scene.member.caller, stop).await.unwrap();
    assert_eq!(kinds(&again), Vec::<&str>::new());
}

#[tokio::test]
async fn deleting_takes_open_tasks_along_and_happens_once() {
    let scene = Scene::new(Dialect::Native).await;
    let agent = scene.deployed().await;
    let submit: SubmitTask = body(json!({ "agent_id": agent, "description": "read" }));
    let task = scene
        .world
        .by(&scene.member.caller, submit.clone())
        .await
        .unwrap()
        .aggregate
        .id;
    let delete = DeleteAgent {
        agent_id: agent.clone(),
    };
    let answer = scene
        .world
        .by(&scene.member.caller, delete.clone())
        .await
        .unwrap();
    assert_eq!(
        kinds(&answer),
        ["AgentDeletionStarted", "ReservationReleased", "TaskFailed"]
    );
    assert_eq!(
        scene.world.state::<reef_domain::task::Task>(&task).await.status,
        TaskStatus::Failed
    );
    assert_eq!(scene.world.doc::<Tasks>(&task).await, None);
    assert_eq!(
        code(scene.world.by(&scene.member.caller, delete).await),
        "not_found"
    );
    assert_eq!(
        code(scene.world.by(&scene.member.caller, submit).await),
        "not_found"
    );
}

#[tokio::test]
async fn agents_of_other_accounts_do_not_exist() {
    let scene = Scene::new(Dialect::Native).await;
    let agent_id = scene.deployed().await;
    let other = scene.world.account("eve", Dialect::Native).await.caller;
    let world = &scene.world;
    let before = world.store.events().len();
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    StartAgent {
                        agent_id: agent_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    StopAgent {
                        agent_id: agent_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    RestartAgent {
                        agent_id: agent_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    DeleteAgent {
                        agent_id: agent_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    let update: UpdateAgent = body(json!({ "agent_id": agent_id, "name": "Eve" }));
    assert_eq!(code(world.by(&other, update).await), "not_found");
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    DetachAgentPolicy {
                        agent_id: agent_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    let chosen = DeployAgent {
        agent_id: Some(agent_id),
        ..Scene::deploy()
    };
    let grant: GrantCredits = body(json!({ "account_id": other.account_id, "amount_micro": 1 }));
    world.operator(grant).await.unwrap();
    assert_eq!(code(world.by(&other, chosen).await), "agent_already_created");
    assert_eq!(world.store.events().len(), before + 1);
}

#[tokio::test]
async fn attaching_and_detaching_a_policy() {
    let scene = Scene::new(Dialect::Native).await;
    let agent_id = scene.deployed().await;
    let create: CreatePolicy = body(json!({ "name": "Strict", "rules": "DENY: *" }));
    let policy_id = PolicyId::from(
        scene
            .world
            .by(&scene.member.caller, create)
            .await
            .unwrap()
            .aggregate
            .id,
    );
    let attach = AttachAgentPolicy {
        agent_id: agent_id.clone(),
        policy_id: policy_id.clone(),
    };
    let answer = scene
        .world
        .by(&scene.member.caller, attach.clone())
        .await
        .unwrap();
    assert_eq!(kinds(&answer), ["AgentPolicyAttached"]);
    assert_eq!(
        kinds(
            &scene
                .world
                .by(&scene.member.caller, attach.clone())
                .await
                .unwrap()
        ),
        Vec::<&str>::new()
    );
    let detach = DetachAgentPolicy {
        agent_id: agent_id.clone(),
    };
    assert_eq!(
        kinds(&scene.world.by(&scene.member.caller, detach).await.unwrap()),
        ["AgentPolicyDetached"]
    );
    assert_eq!(
        scene.world.doc::<Agents>(&agent_id).await.unwrap().policy_id,
        None
    );
    let gone = AttachAgentPolicy {
        agent_id,
        policy_id: "pol_none".into(),
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, gone).await),
        "not_found"
    );
}

//! Specs of the clean-up.

use std::sync::Arc;

use reef_domain::{
    AnyEvent, Dialect, PolicyId, RuntimeId, VaultRef,
    agent::{Agent, AgentCommand},
    policy::PolicyEvent,
    runtime::Runtime,
    template::{Bundle, BundleAgent},
};
use reef_projections::views::agent::Agents;

use serde_json::json;

use super::*;
use crate::{
    Caller, Drivers, Request,
    ledger::GrantCredits,
    runtime::{ProvisionRuntime, RevealSshKeyOnce},
    secret::{RemoveSecret, StoreSecret},
    spec::{Member, World, body},
};

mod webhooks;

fn request() -> Request {
    Request::new(Caller::system("spec"), "spec")
}

/// Everything that happened is reacted to, twice: any step may run again.
async fn clean_up(world: &World) {
    let cleanup = Cleanup::new(Context {
        bus: world.bus.clone(),
        drivers: Drivers::default(),
    });
    for _ in 0..2 {
        for envelope in world.store.events() {
            react_to(&cleanup, envelope).await;
        }
    }
}

async fn react_to(cleanup: &Cleanup, envelope: Arc<Envelope>) {
    for intent in cleanup.react(&envelope) {
        let cause = Cause {
            manager: NAME,
            envelope: Arc::clone(&envelope),
            step: intent.step,
        };
        cleanup
            .perform(&intent.action, &cause)
            .await
            .expect("it can be performed");
    }
}

async fn value(world: &World, owner: &SecretOwner, place: &VaultRef) -> Option<Vec<u8>> {
    let vault = &world.bus.services().vault;
    vault
        .get(&VaultOwner(owner.to_string()), place)
        .await
        .ok()
        .map(|value| value.to_vec())
}

async fn place(world: &World, owner: &SecretOwner) -> VaultRef {
    world.state::<Secrets>(owner.to_string()).await.names["k"].clone()
}

async fn agent(world: &World, owner: &Member, policy: &str) -> AgentId {
    let create = AgentCommand::Create {
        agent_id: "agt_1".into(),
        account_id: owner.account.clone(),
        owner_user_id: Some(owner.user.clone()),
        name: "One".to_owned(),
        slug: None,
        display_name: None,
        template_id: None,
        policy_id: Some(policy.into()),
        bundle: Bundle {
            agent: BundleAgent {
                model: "m".to_owned(),
                skills: vec![],
            },
            workspace: [].into(),
        },
    };
    world
        .bus
        .decide::<Agent>("agt_1", create, &request())
        .await
        .unwrap();
    "agt_1".into()
}

#[tokio::test]
async fn replaced_and_removed_values_are_wiped() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let owner = SecretOwner::new(OwnerKind::User, &member.user);
    world
        .by(&member.caller, StoreSecret::new(owner.clone(), "k", "one"))
        .await
        .unwrap();
    let first = place(&world, &owner).await;
    world
        .by(&member.caller, StoreSecret::new(owner.clone(), "k", "two"))
        .await
        .unwrap();
    let second = place(&world, &owner).await;
    clean_up(&world).await;
    assert_eq!(value(&world, &owner, &first).await, None);
    assert_eq!(value(&world, &owner, &second).await.as_deref(), Some(&b"two"[..]));
    let remove = RemoveSecret {
        owner: owner.clone(),
        name: "k".to_owned(),
        account_id: None,
    };
    world.by(&member.caller, remove).await.unwrap();
    clean_up(&world).await;
    assert_eq!(value(&world, &owner, &second).await, None);
}

#[tokio::test]
async fn the_secrets_of_a_deleted_agent_go_with_it() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let id = agent(&world, &member, "pol_1").await;
    let owner = SecretOwner::new(OwnerKind::Agent, &id);
    world
        .by(&member.caller, StoreSecret::new(owner.clone(), "k", "one"))
        .await
        .unwrap();
    let place = place(&world, &owner).await;
    world
        .bus
        .decide::<Agent>(&id, AgentCommand::Delete, &request())
        .await
        .unwrap();
    clean_up(&world).await;
    assert_eq!(value(&world, &owner, &place).await, None);
    assert!(world.state::<Secrets>(owner.to_string()).await.purged);
    assert_eq!(world.event_types().last(), Some(&"AgentDeleted"));
}

#[tokio::test]
async fn an_agent_given_a_policy_that_was_being_deleted_loses_it() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let id = agent(&world, &member, "pol_1").await;
    let mut envelope = Envelope::clone(world.store.events().last().unwrap());
    envelope.aggregate_id = "pol_1".into();
    envelope.event = AnyEvent::Policy(PolicyEvent::Deleted {});
    let cleanup = Cleanup::new(Context {
        bus: world.bus.clone(),
        drivers: Drivers::default(),
    });
    for _ in 0..2 {
        react_to(&cleanup, Arc::new(envelope.clone())).await;
    }
    assert_eq!(
        world.doc::<Agents>(&id).await.unwrap().policy_id,
        None::<PolicyId>
    );
    assert_eq!(
        world
            .event_types()
            .iter()
            .filter(|kind| **kind == "AgentPolicyDetached")
            .count(),
        1
    );
}

#[tokio::test]
async fn the_secrets_of_a_destroyed_runtime_go_with_it() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let id = RuntimeId::from("rt_1");
    let ask = async |command: RuntimeCommand| {
        world
            .bus
            .decide::<Runtime>(&id, command, &request())
            .await
            .unwrap();
    };
    ask(RuntimeCommand::Request {
        runtime_id: id.clone(),
        account_id: member.account.clone(),
        owner_user_id: None,
        name: None,
        tenancy: Tenancy::Dedicated,
        provider: "embedded".to_owned(),
        provider_ref: None,
        region: None,
        image_ref: None,
        deadline: world.bus.services().clock.now(),
    })
    .await;
    let owner = SecretOwner::new(OwnerKind::Runtime, &id);
    world
        .by(&member.caller, StoreSecret::new(owner.clone(), "k", "one"))
        .await
        .unwrap();
    let place = place(&world, &owner).await;
    ask(RuntimeCommand::Destroy).await;
    clean_up(&world).await;
    assert!(
        value(&world, &owner, &place).await.is_some(),
        "not before it is destroyed"
    );
    ask(RuntimeCommand::ReportDestroyed {
        ran_until: world.bus.services().clock.now(),
    })
    .await;
    clean_up(&world).await;
    assert_eq!(value(&world, &owner, &place).await, None);
}

#[tokio::test]
async fn a_private_key_is_wiped_once_it_was_given_away_or_its_runtime_is_gone() {
    for reveal in [true, false] {
        let world = World::new();
        let member = world.account("ada", Dialect::Tropic).await;
        let grant: GrantCredits = body(json!({ "account_id": member.account, "amount_micro": 1 }));
        world.operator(grant).await.unwrap();
        let provision: ProvisionRuntime = body(json!({}));
        let answer = world.by(&member.caller, provision).await.unwrap();
        let runtime_id = RuntimeId::from(answer.aggregate.id);
        let key = world.state::<Runtime>(&runtime_id).await.ssh_key.unwrap();
        let (owner, place) = (key_owner(&member.user), key.private_key.unwrap());
        let is_kept = async || world.bus.services().vault.get(&owner, &place).await.is_ok();
        clean_up(&world).await;
        assert!(is_kept().await);
        if reveal {
            let reveal = RevealSshKeyOnce::default();
            world.by(&member.caller, reveal).await.unwrap();
        } else {
            for command in [
                RuntimeCommand::Destroy,
                RuntimeCommand::ReportDestroyed {
                    ran_until: world.bus.services().clock.now(),
                },
            ] {
                world
                    .bus
                    .decide::<Runtime>(&runtime_id, command, &request())
                    .await
                    .unwrap();
            }
        }
        clean_up(&world).await;
        assert!(!is_kept().await);
    }
}

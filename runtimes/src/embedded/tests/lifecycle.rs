//! Provisioned, stopped, started, destroyed; every call twice.

use reef_commands::ports::{DriverError, RuntimeDriver, RuntimeObservation, Vault, VaultOwner, Workspace};

use super::world::{World, bundle, spec, task, token};
use crate::ModelConfig;

fn running(since: &str) -> RuntimeObservation {
    RuntimeObservation::Running {
        provider_ref: "embedded-rt_1".to_owned(),
        public_ip: None,
        since: since.parse().unwrap(),
    }
}

fn stopped() -> RuntimeObservation {
    RuntimeObservation::Stopped {
        provider_ref: "embedded-rt_1".to_owned(),
    }
}

const TEN: &str = "2026-02-19T10:00:00Z";
const ELEVEN: &str = "2026-02-19T11:00:00Z";

#[tokio::test]
async fn a_runtime_never_provisioned_is_absent() {
    let world = World::new();

    assert_eq!(
        world.driver.observe(&spec()).await,
        Ok(RuntimeObservation::Absent)
    );
    assert_eq!(
        world.driver.stop(&spec(), &token("1")).await,
        Ok(RuntimeObservation::Absent)
    );
    assert!(matches!(
        world.say("Hello?").await,
        Err(DriverError::Permanent(_))
    ));
}

#[tokio::test]
async fn a_runtime_whose_provisioning_had_failed_is_made_when_it_is_started() {
    let world = World::new();

    assert_eq!(
        world.driver.start(&spec(), &token("start")).await,
        Ok(running(TEN))
    );

    assert_eq!(world.driver.observe(&spec()).await, Ok(running(TEN)));
}

#[tokio::test]
async fn provisioning_again_finds_the_runtime_made_before() {
    let world = World::new();
    assert_eq!(
        world.driver.provision(&spec(), &token("1")).await,
        Ok(running(TEN))
    );

    world.clock.set(ELEVEN);

    assert_eq!(
        world.driver.provision(&spec(), &token("1")).await,
        Ok(running(TEN))
    );
    assert_eq!(world.driver.observe(&spec()).await, Ok(running(TEN)));
    assert_eq!(world.log().matches("runtime made").count(), 1);
}

#[tokio::test]
async fn stopped_and_started_are_remembered_over_a_restart_of_the_server() {
    let world = World::running(ModelConfig::default()).await;
    assert_eq!(world.driver.stop(&spec(), &token("stop")).await, Ok(stopped()));
    let world = world.restarted();
    assert_eq!(world.driver.observe(&spec()).await, Ok(stopped()));

    world.clock.set(ELEVEN);
    assert_eq!(
        world.driver.start(&spec(), &token("start")).await,
        Ok(running(ELEVEN))
    );

    assert_eq!(
        world.restarted().driver.observe(&spec()).await,
        Ok(running(ELEVEN))
    );
}

#[tokio::test]
async fn an_effect_run_a_second_time_changes_nothing_even_late() {
    let world = World::running(ModelConfig::default()).await;
    world.driver.stop(&spec(), &token("1-stop")).await.unwrap();
    world.driver.start(&spec(), &token("2-start")).await.unwrap();

    assert_eq!(
        world.driver.stop(&spec(), &token("1-stop")).await,
        Ok(running(TEN))
    );

    world.driver.stop(&spec(), &token("3-stop")).await.unwrap();
    assert_eq!(
        world.driver.start(&spec(), &token("2-start")).await,
        Ok(stopped())
    );
}

#[tokio::test]
async fn a_gateway_restart_is_seen_in_since_and_happens_once() {
    let world = World::running(ModelConfig::default()).await;
    world.clock.set(ELEVEN);
    assert_eq!(
        world.driver.restart_gateway(&spec(), &token("1")).await,
        Ok(running(ELEVEN))
    );
    world.clock.set("2026-02-19T12:00:00Z");
    assert_eq!(
        world.driver.restart_gateway(&spec(), &token("1")).await,
        Ok(running(ELEVEN))
    );

    world.driver.stop(&spec(), &token("2")).await.unwrap();

    assert!(world.driver.restart_gateway(&spec(), &token("3")).await.is_err());
}

#[tokio::test]
async fn a_stopped_runtime_refuses_chats_and_tasks_and_keeps_files() {
    let world = World::running(ModelConfig::default()).await;
    world.driver.stop(&spec(), &token("stop")).await.unwrap();

    let refused = Err(DriverError::Transient("runtime rt_1 is stopped".to_owned()));
    assert_eq!(world.say("Hello?").await.map(drop), refused);
    assert_eq!(
        world.driver.run_task(&spec(), task("Sort shells", None)).await,
        refused
    );
    assert_eq!(world.reports(), []);
    assert_eq!(world.file("SOUL.md").await.as_deref(), Some("You are calm."));
}

#[tokio::test]
async fn destroying_removes_every_agents_files_and_is_final() {
    let world = World::running(ModelConfig::default()).await;
    let mut other = bundle();
    other.agent_id = "agt_2".into();
    world.driver.push(&spec(), &other, &token("push")).await.unwrap();

    for _ in 0..2 {
        world.driver.destroy(&spec(), &token("destroy")).await.unwrap();
    }

    for agent in [bundle().agent_id, other.agent_id] {
        assert_eq!(world.store.files(&agent).await.unwrap(), []);
    }
    let world = world.restarted();
    let refused = Err(DriverError::Permanent("runtime rt_1 was destroyed".to_owned()));
    assert_eq!(
        world.driver.observe(&spec()).await,
        Ok(RuntimeObservation::Absent)
    );
    assert_eq!(world.say("Hello?").await.map(drop), refused);
    assert_eq!(
        world.driver.push(&spec(), &bundle(), &token("late")).await,
        refused
    );
    assert_eq!(
        world.driver.start(&spec(), &token("late")).await.map(drop),
        refused
    );
    assert_eq!(
        world.driver.provision(&spec(), &token("late")).await.map(drop),
        refused
    );
}

#[tokio::test]
async fn a_runtime_destroyed_before_it_was_made_is_not_made_later() {
    let world = World::new();
    world.driver.destroy(&spec(), &token("destroy")).await.unwrap();

    assert!(matches!(
        world.driver.provision(&spec(), &token("late")).await,
        Err(DriverError::Permanent(_))
    ));
}

#[tokio::test]
async fn without_its_data_key_a_runtime_is_destroyed() {
    let world = World::running(ModelConfig::default()).await;
    world
        .store
        .destroy(&VaultOwner::new("runtime", "rt_1"))
        .await
        .unwrap();

    assert_eq!(
        world.driver.observe(&spec()).await,
        Ok(RuntimeObservation::Absent)
    );
    assert_eq!(world.driver.destroy(&spec(), &token("destroy")).await, Ok(()));
    assert!(world.say("Hello?").await.is_err());
}

#[tokio::test]
async fn pushing_seeds_what_is_missing_and_keeps_what_the_agent_wrote() {
    let world = World::running(ModelConfig::default()).await;
    world.say("remember that the tide turns at noon").await.unwrap();
    let memory = world.file("MEMORY.md").await.unwrap();
    let mut changed = bundle();
    changed.workspace = [
        ("SOUL.md".to_owned(), "You are loud.".to_owned()),
        ("MEMORY.md".to_owned(), "Nothing.".to_owned()),
        ("TOOLS.md".to_owned(), "None.".to_owned()),
        (".reef/runtime.json".to_owned(), "{}".to_owned()),
    ]
    .into();

    for _ in 0..2 {
        world
            .driver
            .push(&spec(), &changed, &token("push"))
            .await
            .unwrap();
    }

    assert_eq!(world.file("SOUL.md").await.as_deref(), Some("You are calm."));
    assert_eq!(world.file("MEMORY.md").await, Some(memory));
    assert_eq!(world.file("TOOLS.md").await.as_deref(), Some("None."));
    assert_eq!(world.file(".reef/runtime.json").await, None);
}

#[tokio::test]
async fn a_removed_agents_files_are_gone_and_the_others_stay() {
    let world = World::running(ModelConfig::default()).await;
    let mut other = bundle();
    other.agent_id = "agt_2".into();
    world.driver.push(&spec(), &other, &token("push")).await.unwrap();

    for _ in 0..2 {
        world
            .driver
            .remove_agent(&spec(), &bundle().agent_id, &token("remove"))
            .await
            .unwrap();
    }

    assert_eq!(world.store.files(&bundle().agent_id).await.unwrap(), []);
    assert_eq!(world.store.files(&other.agent_id).await.unwrap().len(), 1);
}

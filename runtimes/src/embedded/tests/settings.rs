//! Specs of what an owner sets for a runtime, and of agents at rest.

use reef_commands::ports::{DriverError, RuntimeDriver as _, RuntimeSettings};

use super::world::{Report, World, bundle, spec, task, token};
use crate::ModelConfig;

fn with_bundles(names: &[&str]) -> RuntimeSettings {
    RuntimeSettings {
        command_bundles: names.iter().map(|name| (*name).to_owned()).collect(),
        ..RuntimeSettings::default()
    }
}

#[tokio::test]
async fn an_agent_without_a_policy_is_limited_by_the_bundles_that_were_applied() {
    let world = World::running(ModelConfig::default()).await;
    let configure = async |names: &[&str]| {
        world
            .driver
            .configure(&spec(), &with_bundles(names), &token("configure"))
            .await
            .unwrap();
    };
    let mut search = task("search the web for tides", None);
    // What the control plane has by now was not applied yet: it does not count.
    search.bundle.command_bundles = vec!["browser-search".to_owned()];
    configure(&[]).await;
    world.driver.run_task(&spec(), search.clone()).await.unwrap();
    assert!(
        matches!(&world.reports()[1], Report::Failed { code, .. } if code == "denied_by_policy"),
        "{:?}",
        world.reports()
    );

    let world = world.restarted();
    *world.node.settled.lock().unwrap() = false;
    world
        .driver
        .configure(&spec(), &with_bundles(&["browser-search"]), &token("again"))
        .await
        .unwrap();
    search.bundle.command_bundles = Vec::new();
    world.driver.run_task(&spec(), search).await.unwrap();
    assert!(
        matches!(&world.reports()[3], Report::Completed { .. }),
        "{:?}",
        world.reports()
    );
}

#[tokio::test]
async fn a_runtime_that_does_not_exist_takes_no_settings() {
    let world = World::new();
    let refused = world
        .driver
        .configure(&spec(), &with_bundles(&[]), &token("configure"))
        .await;
    assert!(matches!(refused, Err(DriverError::Permanent(_))), "{refused:?}");
}

#[tokio::test]
async fn an_agent_at_rest_works_on_nothing_until_it_is_pushed_again() {
    let world = World::running(ModelConfig::default()).await;
    let agent = bundle().agent_id;
    for _ in 0..2 {
        world
            .driver
            .rest_agent(&spec(), &agent, &token("rest"))
            .await
            .unwrap();
    }
    let refused = world.say("Are you there?").await;
    assert!(matches!(refused, Err(DriverError::Transient(_))), "{refused:?}");
    assert!(world.file("SOUL.md").await.is_some());

    world
        .driver
        .push(&spec(), &bundle(), &token("push again"))
        .await
        .unwrap();
    world.say("Are you there?").await.unwrap();
    let rests = world.log().matches("agent put to rest").count();
    assert_eq!(rests, 1);
}

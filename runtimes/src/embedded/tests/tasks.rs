//! Tasks under a policy.

use reef_commands::{
    CommandError,
    ports::{DriverError, RuntimeDriver, TaskAssignment, Usage},
};
use reef_domain::RefusalKind;

use super::{
    chats::{REPLY, at},
    world::{Report, World, spec, task},
};
use crate::{
    ModelConfig,
    model::scripted_server::{ScriptedServer, events, plain},
};

const RULES: &str = "ALLOW: summarize\nREQUIRE CONFIRM: send email\nDENY: delete files";

async fn with_provider() -> (World, ScriptedServer) {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    (World::running(at(&server)).await, server)
}

fn done() -> Report {
    let usage = Usage {
        input_tokens: 40,
        output_tokens: 3,
    };
    Report::Completed {
        result: "The tide turns.".to_owned(),
        usage,
    }
}

fn unavailable() -> CommandError {
    CommandError::Unavailable {
        reason: "no database".to_owned(),
        unknown: false,
    }
}

#[tokio::test]
async fn an_allowed_task_is_claimed_and_done() {
    let (world, server) = with_provider().await;

    world
        .driver
        .run_task(&spec(), task("Please summarize the tides", Some(RULES)))
        .await
        .unwrap();

    assert_eq!(world.reports(), [Report::Claimed, done()]);
    let body = server.received().remove(0).body;
    assert_eq!(body["messages"][1]["content"], "Please summarize the tides");
}

#[tokio::test]
async fn a_denied_task_fails_and_no_model_hears_of_it() {
    let (world, server) = with_provider().await;

    world
        .driver
        .run_task(&spec(), task("delete all the files", Some(RULES)))
        .await
        .unwrap();

    let reports = world.reports();
    assert!(
        matches!(&reports[..], [Report::Claimed, Report::Failed { code, reason }]
            if code == "denied_by_policy" && reason.contains("DENY: delete files")),
        "{reports:?}"
    );
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_task_to_be_confirmed_waits_for_a_person() {
    for (description, rule) in [
        ("send an email to Ada", "REQUIRE CONFIRM: send email"),
        ("Sing a song", ""),
    ] {
        let (world, server) = with_provider().await;

        world
            .driver
            .run_task(&spec(), task(description, Some(RULES)))
            .await
            .unwrap();

        let reports = world.reports();
        assert!(
            matches!(&reports[..], [Report::Claimed, Report::ApprovalAsked { rule: asked, reason }]
                if asked == rule && !reason.is_empty()),
            "{reports:?}"
        );
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn an_approved_task_is_done_unless_the_policy_denies_it_by_now() {
    let (world, _server) = with_provider().await;
    let approved = TaskAssignment {
        approved: true,
        ..task("send an email to Ada", Some(RULES))
    };
    world.driver.run_task(&spec(), approved.clone()).await.unwrap();
    assert_eq!(world.reports(), [Report::Claimed, done()]);

    let (world, server) = with_provider().await;
    let mut denied = approved;
    denied.bundle.policy_rules = Some("DENY: send email".to_owned());
    world.driver.run_task(&spec(), denied).await.unwrap();

    assert!(matches!(&world.reports()[1], Report::Failed { code, .. } if code == "denied_by_policy"));
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn without_a_policy_the_command_bundles_limit() {
    let (world, _server) = with_provider().await;
    world
        .driver
        .run_task(&spec(), task("Write a poem", None))
        .await
        .unwrap();
    assert_eq!(world.reports(), [Report::Claimed, done()]);

    for (bundles, allowed) in [(vec![], false), (vec!["code-execution".to_owned()], true)] {
        let (world, _server) = with_provider().await;
        let mut run = task("Run the code below", None);
        run.bundle.command_bundles = bundles;

        world.driver.run_task(&spec(), run).await.unwrap();

        assert_eq!(world.reports()[1] == done(), allowed, "{:?}", world.reports());
    }
}

#[tokio::test]
async fn a_task_that_is_no_longer_to_be_done_is_let_go() {
    let (world, server) = with_provider().await;
    *world.node.settled.lock().unwrap() = true;

    world
        .driver
        .run_task(&spec(), task("summarize", Some(RULES)))
        .await
        .unwrap();

    assert_eq!(world.reports(), []);
    assert!(server.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_stays_busy_fails_the_task_with_its_reason() {
    let server = ScriptedServer::start(vec![plain("500 Oops", "text/plain", "out of order")]).await;
    let world = World::running(at(&server)).await;

    world
        .driver
        .run_task(&spec(), task("summarize", Some(RULES)))
        .await
        .unwrap();

    let reports = world.reports();
    assert!(
        matches!(&reports[1], Report::Failed { code, reason } if code == "model_error" && reason.contains("out of order")),
        "{reports:?}"
    );
    assert_eq!(server.received().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_broke_off_is_asked_for_again() {
    let begun = "data: {\"choices\":[{\"delta\":{\"content\":\"The \"}}]}\n\n";
    let server = ScriptedServer::start(vec![events(begun), events(REPLY)]).await;
    let world = World::running(at(&server)).await;

    world
        .driver
        .run_task(&spec(), task("summarize", Some(RULES)))
        .await
        .unwrap();

    assert_eq!(world.reports(), [Report::Claimed, done()]);
}

#[tokio::test(start_paused = true)]
async fn a_result_the_log_cannot_take_just_now_is_reported_again_without_asking_again() {
    let (world, server) = with_provider().await;
    world.node.errors.lock().unwrap().extend([unavailable()]);
    let first = world
        .driver
        .run_task(&spec(), task("summarize", Some(RULES)))
        .await;
    assert!(
        matches!(first, Err(DriverError::Transient(_))),
        "not claimed: {first:?}"
    );

    let node = std::sync::Arc::clone(&world.node);
    let (driver, handed) = (world.driver.clone(), task("summarize", Some(RULES)));
    let run = tokio::spawn(async move { driver.run_task(&spec(), handed).await });
    while node.reports.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    node.errors.lock().unwrap().extend([unavailable(), unavailable()]);
    run.await.unwrap().unwrap();

    assert_eq!(world.reports(), [Report::Claimed, done()]);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_task_settled_by_others_while_it_was_worked_on_is_dropped() {
    let (world, _server) = with_provider().await;
    let node = std::sync::Arc::clone(&world.node);
    let (driver, handed) = (world.driver.clone(), task("summarize", Some(RULES)));
    let run = tokio::spawn(async move { driver.run_task(&spec(), handed).await });
    while node.reports.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    node.errors.lock().unwrap().push_back(CommandError::refused(
        "task_failed",
        RefusalKind::Conflict,
        "it failed",
    ));

    run.await.unwrap().unwrap();

    assert_eq!(world.reports(), [Report::Claimed]);
    assert_eq!(world.file("MEMORY.md").await, None);
}

#[tokio::test]
async fn handing_a_task_twice_at_once_works_on_it_one_at_a_time() {
    let (world, server) = with_provider().await;
    let node = std::sync::Arc::clone(&world.node);
    let (driver, handed) = (world.driver.clone(), task("summarize", Some(RULES)));
    let first = tokio::spawn({
        let (driver, handed) = (driver.clone(), handed.clone());
        async move { driver.run_task(&spec(), handed).await }
    });
    while node.reports.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn(async move { driver.run_task(&spec(), handed).await });
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();

    assert_eq!(world.reports(), [Report::Claimed, done()]);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn without_a_provider_the_result_says_that_no_model_did_it() {
    let world = World::running(ModelConfig::default()).await;

    world
        .driver
        .run_task(&spec(), task("summarize the tides", Some(RULES)))
        .await
        .unwrap();

    let reports = world.reports();
    assert!(
        matches!(&reports[1], Report::Completed { result, usage }
            if result.contains("Reef's local responder") && *usage == Usage::default()),
        "{reports:?}"
    );
}

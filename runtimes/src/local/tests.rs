//! Specs of the hub and the driver over connections that are only channels.

mod scene;

use std::time::Duration;

use futures::StreamExt as _;
use reef_commands::{
    machine::RemoveMachine,
    ports::{ChatChunk, DriverError, RuntimeDriver as _, RuntimeObservation, Usage},
};
use reef_domain::{
    runtime::{Health, RuntimeStatus},
    task::TaskStatus,
};

use self::scene::{Scene, bundle, chat, task, token};
use super::protocol::{
    CLOSE_AWAY, CLOSE_PROTOCOL, CLOSE_REPLACED, CLOSE_REVOKED, CLOSE_SLOW, Call, FromNode, FromServer,
    Heartbeat, Observed, Outcome, Report, Verdict,
};

#[tokio::test]
async fn a_machine_runs_only_while_it_is_connected_and_says_so() {
    let scene = Scene::new().await;
    assert!(matches!(
        scene.driver.provision(&scene.spec(), &token()).await,
        Err(DriverError::Transient(_))
    ));
    let mut machine = scene.connect().await;
    let spec = scene.spec();
    let observing = scene.driver.observe(&spec);
    let (observed, ()) = tokio::join!(observing, async {
        let (id, call) = machine.request().await;
        assert_eq!(call, Call::Observe);
        let observation = Observed::Running { since: Scene::now() };
        machine.answer(id, Outcome::Observed { observation }).await;
    });
    assert!(matches!(observed, Ok(RuntimeObservation::Running { .. })));
    machine.hang_up().await;
    // Away, but not for so long that anybody knew.
    assert!(matches!(
        scene.driver.observe(&scene.spec()).await,
        Err(DriverError::Transient(_))
    ));
}

#[tokio::test]
async fn a_reply_comes_in_pieces_and_a_lost_connection_ends_it() {
    let scene = Scene::new().await;
    let mut machine = scene.connect().await;
    let mut reply = scene.driver.chat(&scene.spec(), chat("hi")).await.unwrap();
    let (id, call) = machine.request().await;
    assert!(matches!(call, Call::Chat { .. }));
    machine
        .say(&FromNode::Chunk {
            id,
            text: "Hel".to_owned(),
        })
        .await;
    machine
        .say(&FromNode::Chunk {
            id,
            text: "lo".to_owned(),
        })
        .await;
    let model = "local-responder".to_owned();
    let usage = Usage::default();
    machine
        .answer(
            id,
            Outcome::Replied {
                usage,
                model: model.clone(),
            },
        )
        .await;
    let pieces: Vec<_> = reply.by_ref().collect().await;
    assert_eq!(
        pieces,
        [
            Ok(ChatChunk::Delta("Hel".to_owned())),
            Ok(ChatChunk::Delta("lo".to_owned())),
            Ok(ChatChunk::Done { usage, model })
        ]
    );

    let mut broken = scene.driver.chat(&scene.spec(), chat("again")).await.unwrap();
    let (id, _) = machine.request().await;
    machine
        .say(&FromNode::Chunk {
            id,
            text: "Hel".to_owned(),
        })
        .await;
    assert!(matches!(broken.next().await, Some(Ok(ChatChunk::Delta(_)))));
    machine.hang_up().await;
    assert!(matches!(
        broken.next().await,
        Some(Err(DriverError::Transient(_)))
    ));
    assert!(broken.next().await.is_none());
}

#[tokio::test]
async fn a_reply_that_nobody_waits_for_is_cancelled() {
    let scene = Scene::new().await;
    let mut machine = scene.connect().await;
    let reply = scene.driver.chat(&scene.spec(), chat("hi")).await.unwrap();
    let (id, _) = machine.request().await;
    drop(reply);
    assert_eq!(machine.hear().await, Some(FromServer::Cancel { id }));
    // What still comes of it disturbs nobody.
    machine
        .say(&FromNode::Chunk {
            id,
            text: "late".to_owned(),
        })
        .await;
    machine.answer(id, Outcome::Done).await;
    machine.says_it_lives().await;
}

#[tokio::test]
async fn a_task_goes_on_with_the_next_connection() {
    let scene = Scene::new().await;
    let task_id = scene.task("count the fish").await;
    let mut machine = scene.connect().await;
    let spec = scene.spec();
    let work = scene.driver.run_task(&spec, task(&task_id));
    let (done, ()) = tokio::join!(work, async {
        let (_, call) = machine.request().await;
        assert!(matches!(call, Call::RunTask { .. }));
        assert_eq!(
            machine
                .report(
                    1,
                    Report::TaskClaimed {
                        task_id: task_id.clone()
                    }
                )
                .await,
            Verdict::Taken
        );
        machine.hang_up().await;
        let mut machine = scene.connect().await;
        let (id, call) = machine.request().await;
        assert!(matches!(call, Call::RunTask { .. }));
        let completed = Report::TaskCompleted {
            task_id: task_id.clone(),
            result: "seven".to_owned(),
            usage: Usage::default(),
        };
        assert_eq!(machine.report(1, completed.clone()).await, Verdict::Taken);
        // The acknowledgement was lost: it comes again.
        assert!(!matches!(
            machine.report(1, completed).await,
            Verdict::Refused { .. }
        ));
        machine.answer(id, Outcome::Done).await;
        machine.says_it_lives().await;
    });
    assert_eq!(done, Ok(()));
    assert_eq!(scene.task_status(&task_id).await, TaskStatus::Completed);
}

#[tokio::test]
async fn nobody_reports_on_tasks_of_others() {
    let scene = Scene::new().await;
    let other = Scene::new_in(&scene).await;
    let foreign = other.task("count the fish").await;
    let mut machine = scene.connect().await;
    let claim = Report::TaskClaimed {
        task_id: foreign.clone(),
    };
    assert_eq!(machine.report(1, claim).await, Verdict::Declined { over: true });
    let failed = Report::TaskFailed {
        task_id: foreign.clone(),
        code: "mischief".to_owned(),
        reason: String::new(),
    };
    assert_eq!(machine.report(2, failed).await, Verdict::Declined { over: true });
    assert_eq!(other.task_status(&foreign).await, TaskStatus::Pending);
}

#[tokio::test]
async fn log_lines_are_kept_once() {
    let scene = Scene::new().await;
    let line = |text: &str| Report::Logged {
        agent_id: None,
        level: reef_commands::ports::LogLevel::Info,
        message: text.to_owned(),
    };
    let mut machine = scene.connect().await;
    machine.report(1, line("one")).await;
    machine.report(2, line("two")).await;
    machine.hang_up().await;
    let mut machine = scene.connect().await;
    machine.report(2, line("two")).await;
    machine.report(3, line("three")).await;
    assert_eq!(scene.lines(), ["one", "two", "three"]);
    // Another process of the node counts anew.
    machine.hang_up().await;
    let mut machine = scene.connect_as("another").await;
    machine.report(1, line("four")).await;
    assert_eq!(scene.lines(), ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn the_newest_connection_counts() {
    let scene = Scene::new().await;
    let mut first = scene.connect().await;
    let mut second = scene.connect().await;
    assert_eq!(first.closed().await, CLOSE_REPLACED);
    second.says_it_lives().await;
    assert_eq!(scene.hub.connected(), 1);
}

#[tokio::test]
async fn a_removed_machine_is_cut_off_by_the_log_itself() {
    let scene = Scene::new().await;
    let watch = tokio::spawn(scene.hub.clone().cut_off_revoked(scene.store.clone()));
    let mut machine = scene.connect().await;
    let remove = RemoveMachine {
        machine_id: scene.machine.machine_id.clone(),
    };
    scene.operator(remove).await;
    assert_eq!(machine.closed().await, CLOSE_REVOKED);
    watch.abort();
}

#[tokio::test]
async fn a_removal_that_was_missed_is_noticed_with_the_next_heartbeat() {
    let scene = Scene::new().await;
    let mut machine = scene.connect().await;
    let remove = RemoveMachine {
        machine_id: scene.machine.machine_id.clone(),
    };
    scene.operator(remove).await;
    machine.say(&FromNode::Heartbeat(Heartbeat::default())).await;
    assert_eq!(machine.closed().await, CLOSE_REVOKED);
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection() {
    let scene = Scene::new().await;
    for first in ["", "{}", r#"{"type":"heartbeat"}"#, r#"{"type":"dance"}"#] {
        let mut machine = scene.call_in();
        machine.say_text(first).await;
        assert_eq!(machine.closed().await, CLOSE_PROTOCOL, "{first}");
    }
    let mut machine = scene.call_in();
    machine.hello(&[2, 3], "it").await;
    assert_eq!(machine.closed().await, CLOSE_PROTOCOL);
    let mut machine = scene.connect().await;
    machine.say_text(r#"{"type":"dance"}"#).await;
    assert_eq!(machine.closed().await, CLOSE_PROTOCOL);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_says_nothing_is_cut_off_and_unreachable() {
    let scene = Scene::new().await;
    let mut silent = scene.call_in();
    assert_eq!(silent.closed().await, CLOSE_SLOW);
    let mut machine = scene.connect().await;
    scene.runs().await;
    assert_eq!(machine.closed().await, CLOSE_SLOW);
    assert_eq!(scene.runtime().await.health, Health::Unreachable);
}

#[tokio::test]
async fn one_that_stays_away_has_stopped_and_comes_back_by_itself() {
    let scene = Scene::without_grace().await;
    let machine = scene.connect().await;
    scene.runs().await;
    machine.hang_up().await;
    scene.becomes(RuntimeStatus::Stopped).await;
    assert!(matches!(
        scene.driver.observe(&scene.spec()).await,
        Ok(RuntimeObservation::Stopped { .. })
    ));
    let _machine = scene.connect().await;
    scene.becomes(RuntimeStatus::Starting).await;
}

#[tokio::test]
async fn a_machine_that_does_not_read_is_not_waited_for() {
    let scene = Scene::new().await;
    let machine = scene.connect_narrow().await;
    let mut refused = None;
    let mut replies = Vec::new();
    for _ in 0..8 {
        match scene.driver.chat(&scene.spec(), chat("hi")).await {
            Ok(reply) => replies.push(reply),
            Err(error) => refused = Some(error),
        }
    }
    assert!(matches!(refused, Some(DriverError::Transient(_))), "{refused:?}");
    drop(machine);
}

#[tokio::test]
async fn what_is_too_long_for_a_frame_is_told_at_once() {
    let scene = Scene::new().await;
    let mut machine = scene.connect().await;
    let long = "x".repeat(reef_commands::ports::MAX_FRAME);
    assert!(matches!(
        scene.driver.chat(&scene.spec(), chat(&long)).await,
        Err(DriverError::Permanent(_))
    ));
    machine.says_it_lives().await;
}

#[tokio::test]
async fn a_server_that_stops_tells_its_machines() {
    let scene = Scene::new().await;
    let mut machine = scene.connect().await;
    scene.hub.close(Duration::from_secs(5)).await;
    assert_eq!(machine.closed().await, CLOSE_AWAY);
    assert_eq!(scene.hub.connected(), 0);
    let push = scene.driver.push(&scene.spec(), &bundle(), &token()).await;
    assert!(matches!(push, Err(DriverError::Transient(_))));
}

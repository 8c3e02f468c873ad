//! Specs of the view of runtimes.

use super::*;
use crate::views::kit::{Kit, at};

fn requested() -> Kit<Runtimes> {
    Kit::new().then(
        "rt_1",
        RuntimeEvent::Requested {
            runtime_id: "rt_1".into(),
            account_id: "acc_1".into(),
            owner_user_id: Some("usr_1".into()),
            name: Some("my-agents".to_owned()),
            tenancy: Tenancy::Dedicated,
            provider: "embedded".to_owned(),
            provider_ref: None,
            region: None,
            image_ref: None,
            deadline: at(600),
        },
    )
}

fn running() -> Kit<Runtimes> {
    requested().then(
        "rt_1",
        RuntimeEvent::Running {
            run: 1,
            provider_ref: "ref".to_owned(),
            public_ip: Some("192.0.2.1".to_owned()),
            since: at(2),
        },
    )
}

#[test]
fn a_running_runtime_shows_where_and_since_when() {
    let kit = running();
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!(
        (doc.status, doc.run, doc.running_since),
        (RuntimeStatus::Running, 1, Some(at(2)))
    );
    assert_eq!(
        (doc.public_ip.as_deref(), doc.deadline),
        (Some("192.0.2.1"), None)
    );
    assert_eq!(
        doc.gateway,
        GatewayDoc {
            status: GatewayStatus::Running,
            since: Some(at(2))
        }
    );
}

#[test]
fn a_stopped_runtime_keeps_its_name_at_the_provider_and_nothing_that_runs() {
    let reason = RuntimeStopReason::BalanceExhausted;
    let kit = running()
        .then("rt_1", RuntimeEvent::StopRequested { reason })
        .then(
            "rt_1",
            RuntimeEvent::Stopped {
                ran_until: Some(at(4)),
            },
        );
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!(
        (doc.status, doc.stop_reason),
        (RuntimeStatus::Stopped, Some(reason))
    );
    assert_eq!(
        (doc.provider_ref.as_deref(), doc.public_ip.clone()),
        (Some("ref"), None)
    );
    assert_eq!(
        (doc.running_since, doc.gateway.clone()),
        (None, GatewayDoc::default())
    );
}

#[test]
fn the_gateway_is_followed() {
    let kit = running().then("rt_1", RuntimeEvent::GatewayRestartRequested {});
    assert_eq!(kit.doc("rt_1").unwrap().gateway.status, GatewayStatus::Restarting);
    let kit = kit.then("rt_1", RuntimeEvent::GatewayRestarted { since: at(9) });
    let gateway = GatewayDoc {
        status: GatewayStatus::Running,
        since: Some(at(9)),
    };
    assert_eq!(kit.doc("rt_1").unwrap().gateway, gateway);
}

#[test]
fn a_failure_is_shown_until_the_next_start() {
    let failed = RuntimeEvent::Failed {
        code: "deadline_passed".to_owned(),
        reason: "slow".to_owned(),
        ran_until: None,
    };
    let kit = requested().then("rt_1", failed);
    assert_eq!(
        kit.doc("rt_1").unwrap().last_error.as_ref().unwrap().code,
        "deadline_passed"
    );
    let kit = kit.then("rt_1", RuntimeEvent::StartRequested { deadline: at(900) });
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!(
        (doc.status, doc.last_error.clone()),
        (RuntimeStatus::Starting, None)
    );
    assert_eq!(doc.deadline, Some(at(900)));
}

#[test]
fn a_destroyed_runtime_is_gone() {
    let kit = running().then("rt_1", RuntimeEvent::DestructionStarted {});
    assert_eq!(kit.doc("rt_1").unwrap().status(), Some("destroying"));
    let kit = kit.then(
        "rt_1",
        RuntimeEvent::Destroyed {
            ran_until: Some(at(3)),
        },
    );
    assert_eq!(kit.doc("rt_1"), None);
}

#[test]
fn the_time_it_ran_grows_while_it_runs_and_stands_still_while_it_does_not() {
    let kit = requested();
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!((doc.name.as_deref(), doc.started_at), (Some("my-agents"), None));
    assert_eq!(doc.total_ran_ms(at(500)), 0);
    let kit = running();
    assert_eq!(kit.doc("rt_1").unwrap().total_ran_ms(at(12)), 10_000);
    let stopped = |until| RuntimeEvent::Stopped {
        ran_until: Some(until),
    };
    let kit = kit.then("rt_1", stopped(at(32)));
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!((doc.total_ran_ms(at(500)), doc.started_at), (30_000, Some(at(2))));
    let again = RuntimeEvent::Running {
        run: 2,
        provider_ref: "ref".to_owned(),
        public_ip: None,
        since: at(100),
    };
    let kit = kit.then("rt_1", again);
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!(
        (doc.total_ran_ms(at(105)), doc.started_at),
        (35_000, Some(at(100)))
    );
    let failed = RuntimeEvent::Failed {
        code: "absent".to_owned(),
        reason: "gone".to_owned(),
        ran_until: Some(at(110)),
    };
    let kit = kit.then("rt_1", failed);
    assert_eq!(kit.doc("rt_1").unwrap().total_ran_ms(at(500)), 40_000);
}

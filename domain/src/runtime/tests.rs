//! Specs of the runtime.

use chrono::TimeZone;

use super::{RuntimeCommand as Do, RuntimeEvent as Did, RuntimeRefusal as No, *};
use crate::spec::given;

mod restart;
mod ssh_key;

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap()
}

fn request() -> Do {
    Do::Request {
        runtime_id: "rt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: Some("usr_1".into()),
        name: Some(" my-agents ".to_owned()),
        tenancy: Tenancy::Shared,
        provider: "embedded".to_owned(),
        provider_ref: None,
        region: None,
        image_ref: None,
        deadline: at(600),
    }
}

fn requested() -> Did {
    Runtime::default().decide(request()).unwrap().remove(0)
}

fn running(run: u32, since: i64) -> Did {
    Did::Running {
        run,
        provider_ref: "ref".to_owned(),
        public_ip: None,
        since: at(since),
    }
}

fn see_running(since: i64) -> Do {
    Do::ReportRunning {
        provider_ref: "ref".to_owned(),
        public_ip: None,
        since: at(since),
    }
}

fn stop() -> Do {
    Do::Stop {
        reason: RuntimeStopReason::Requested,
    }
}

fn stop_requested() -> Did {
    Did::StopRequested {
        reason: RuntimeStopReason::Requested,
    }
}

fn stopped() -> Did {
    Did::Stopped {
        ran_until: Some(at(90)),
    }
}

fn fail(ran_until: Option<i64>) -> Do {
    Do::ReportFailed {
        code: "gone".to_owned(),
        reason: "gone".to_owned(),
        ran_until: ran_until.map(at),
    }
}

fn failed(ran_until: Option<i64>) -> Did {
    Did::Failed {
        code: "gone".to_owned(),
        reason: "gone".to_owned(),
        ran_until: ran_until.map(at),
    }
}

fn history(status: RuntimeStatus) -> Vec<Did> {
    use RuntimeStatus as Status;
    let mut past = vec![requested()];
    past.extend(match status {
        Status::Provisioning => vec![],
        Status::Running => vec![running(1, 0)],
        Status::Stopping => vec![running(1, 0), stop_requested()],
        Status::Stopped => vec![running(1, 0), stop_requested(), stopped()],
        Status::Starting => {
            vec![
                running(1, 0),
                stop_requested(),
                stopped(),
                Did::StartRequested { deadline: at(700) },
            ]
        }
        Status::Failed => vec![failed(None)],
        Status::Destroying => vec![running(1, 0), Did::DestructionStarted {}],
        Status::Destroyed => {
            vec![
                running(1, 0),
                Did::DestructionStarted {},
                Did::Destroyed {
                    ran_until: Some(at(5)),
                },
            ]
        }
    });
    past
}

const ALL: [RuntimeStatus; 8] = [
    RuntimeStatus::Provisioning,
    RuntimeStatus::Starting,
    RuntimeStatus::Running,
    RuntimeStatus::Stopping,
    RuntimeStatus::Stopped,
    RuntimeStatus::Failed,
    RuntimeStatus::Destroying,
    RuntimeStatus::Destroyed,
];

#[test]
fn every_history_leads_to_its_status() {
    for status in ALL {
        assert_eq!(given::<Runtime>(history(status)).state().status, status);
    }
}

#[test]
fn it_is_requested_once_and_with_a_deadline() {
    let done = given::<Runtime>([]).when(request()).then([requested()]);
    assert_eq!(done.state().deadline, Some(at(600)));
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
    done.when(request()).refused(No::RuntimeAlreadyRequested);
}

#[test]
fn provider_region_and_image_are_checked() {
    let Do::Request {
        runtime_id,
        account_id,
        owner_user_id,
        tenancy,
        deadline,
        ..
    } = request()
    else {
        unreachable!()
    };
    for (provider, region, image_ref) in [
        ("", None, None),
        ("p", Some(""), None),
        ("p", None, Some(" ")),
        ("p\n", Some("\u{7}"), None),
    ] {
        given::<Runtime>([])
            .when(Do::Request {
                runtime_id: runtime_id.clone(),
                account_id: account_id.clone(),
                owner_user_id: owner_user_id.clone(),
                name: None,
                tenancy,
                provider: provider.to_owned(),
                provider_ref: None,
                region: region.map(str::to_owned),
                image_ref: image_ref.map(str::to_owned),
                deadline,
            })
            .refused(No::SpecInvalid);
    }
}

#[test]
fn stages_count_upwards_and_late_ones_are_ignored() {
    let advance = |seq| Do::Advance {
        seq,
        stage: "image".to_owned(),
        provider_ref: Some("i-1".to_owned()),
    };
    let advanced = |seq| Did::ProvisioningAdvanced {
        seq,
        stage: "image".to_owned(),
        provider_ref: Some("i-1".to_owned()),
    };
    let done = given::<Runtime>([requested()])
        .when(advance(2))
        .then([advanced(2)])
        .when(advance(1))
        .nothing();
    assert_eq!(done.state().provider_ref.as_deref(), Some("i-1"));
    given::<Runtime>(history(RuntimeStatus::Running))
        .when(advance(9))
        .nothing();
}

#[test]
fn running_is_an_observation_numbered_by_run() {
    use RuntimeStatus as Status;
    let first = given::<Runtime>([requested()])
        .when(see_running(10))
        .then([running(1, 10)]);
    assert_eq!(
        (first.state().run, first.state().running_since),
        (1, Some(at(10)))
    );
    assert_eq!(first.state().deadline, None);
    first.when(see_running(11)).nothing();
    given::<Runtime>(history(Status::Starting))
        .when(see_running(99))
        .then([running(2, 99)]);
    for status in [
        Status::Stopping,
        Status::Stopped,
        Status::Failed,
        Status::Destroying,
        Status::Destroyed,
    ] {
        given::<Runtime>(history(status)).when(see_running(99)).nothing();
    }
}

#[test]
fn runs_do_not_overlap() {
    given::<Runtime>(history(RuntimeStatus::Starting))
        .when(see_running(50))
        .then([running(2, 90)]);
    let broken = [
        requested(),
        running(1, 0),
        failed(Some(40)),
        Did::StartRequested { deadline: at(700) },
    ];
    given::<Runtime>(broken)
        .when(see_running(0))
        .then([running(2, 40)]);
}

#[test]
fn starting_asks_only_where_it_is_down() {
    use RuntimeStatus as Status;
    let start = Do::Start { deadline: at(900) };
    for status in [Status::Stopped, Status::Failed] {
        let done = given::<Runtime>(history(status))
            .when(start.clone())
            .then([Did::StartRequested { deadline: at(900) }]);
        assert_eq!(done.state().deadline, Some(at(900)));
        assert_eq!(done.state().last_error, None);
    }
    for status in [Status::Provisioning, Status::Starting, Status::Running] {
        given::<Runtime>(history(status)).when(start.clone()).nothing();
    }
    given::<Runtime>(history(Status::Stopping))
        .when(start.clone())
        .refused(No::RuntimeStopping);
    for status in [Status::Destroying, Status::Destroyed] {
        given::<Runtime>(history(status))
            .when(start.clone())
            .refused(No::RuntimeNotFound);
    }
}

#[test]
fn stopping_asks_once_also_before_it_is_up() {
    use RuntimeStatus as Status;
    for status in [Status::Provisioning, Status::Starting, Status::Running] {
        given::<Runtime>(history(status))
            .when(stop())
            .then([stop_requested()])
            .when(stop())
            .nothing();
    }
    for status in [Status::Stopped, Status::Failed] {
        given::<Runtime>(history(status)).when(stop()).nothing();
    }
    given::<Runtime>(history(Status::Destroying))
        .when(stop())
        .refused(No::RuntimeNotFound);
}

#[test]
fn stopped_is_recorded_with_how_long_it_ran() {
    use RuntimeStatus as Status;
    let see_stopped = Do::ReportStopped { ran_until: at(90) };
    for status in [Status::Stopping, Status::Running] {
        let done = given::<Runtime>(history(status))
            .when(see_stopped.clone())
            .then([stopped()]);
        assert_eq!(done.state().running_since, None);
    }
    given::<Runtime>([requested(), stop_requested()])
        .when(see_stopped.clone())
        .then([Did::Stopped { ran_until: None }]);
    for status in [
        Status::Provisioning,
        Status::Stopped,
        Status::Failed,
        Status::Destroyed,
    ] {
        given::<Runtime>(history(status))
            .when(see_stopped.clone())
            .nothing();
    }
}

#[test]
fn failing_keeps_the_code_and_never_charges_before_the_run_began() {
    use RuntimeStatus as Status;
    let done = given::<Runtime>(history(Status::Running))
        .when(fail(Some(40)))
        .then([failed(Some(40))]);
    assert_eq!(done.state().last_error.as_deref(), Some("gone"));
    given::<Runtime>(history(Status::Running))
        .when(fail(Some(-40)))
        .then([failed(Some(0))]);
    given::<Runtime>(history(Status::Provisioning))
        .when(fail(Some(40)))
        .then([failed(None)]);
    given::<Runtime>(history(Status::Starting))
        .when(fail(None))
        .then([failed(None)]);
    for status in [
        Status::Stopping,
        Status::Stopped,
        Status::Failed,
        Status::Destroying,
    ] {
        given::<Runtime>(history(status)).when(fail(None)).nothing();
    }
}

#[test]
fn the_gateway_restarts_only_on_a_running_runtime() {
    let gateway = Do::ReportGateway { since: at(50) };
    given::<Runtime>(history(RuntimeStatus::Running))
        .when(gateway.clone())
        .nothing()
        .when(Do::RestartGateway)
        .then([Did::GatewayRestartRequested {}])
        .when(Do::RestartGateway)
        .nothing()
        .when(gateway)
        .then([Did::GatewayRestarted { since: at(50) }]);
    given::<Runtime>(history(RuntimeStatus::Stopped))
        .when(Do::RestartGateway)
        .refused(No::RuntimeNotRunning);
}

#[test]
fn health_is_recorded_when_it_changes() {
    let feel = |health| Do::ReportHealth { health };
    given::<Runtime>(history(RuntimeStatus::Running))
        .when(feel(Health::Healthy))
        .nothing()
        .when(feel(Health::Unreachable))
        .then([Did::HealthChanged {
            health: Health::Unreachable,
        }]);
    given::<Runtime>(history(RuntimeStatus::Stopped))
        .when(feel(Health::Degraded))
        .nothing();
}

#[test]
fn destruction_starts_from_anywhere_and_ends_for_good() {
    use RuntimeStatus as Status;
    let gone = Do::ReportDestroyed { ran_until: at(5) };
    for status in [
        Status::Provisioning,
        Status::Starting,
        Status::Running,
        Status::Stopping,
        Status::Failed,
    ] {
        given::<Runtime>(history(status)).when(gone.clone()).nothing();
        let done = given::<Runtime>(history(status))
            .when(Do::Destroy)
            .then([Did::DestructionStarted {}])
            .when(Do::Destroy)
            .nothing()
            .when(gone.clone());
        assert!(done.state().is_gone());
    }
    given::<Runtime>(history(Status::Destroying))
        .when(gone)
        .then([Did::Destroyed {
            ran_until: Some(at(5)),
        }])
        .when(Do::Destroy)
        .nothing();
}

#[test]
fn nothing_can_be_asked_of_what_does_not_exist() {
    for command in [
        see_running(0),
        stop(),
        fail(None),
        Do::RestartGateway,
        Do::Destroy,
    ] {
        given::<Runtime>([]).when(command).refused(No::RuntimeNotFound);
    }
}

#[test]
fn an_agent_is_pushed_again_only_to_what_runs() {
    let push = || Do::PushAgent {
        agent_id: "agt_1".into(),
    };
    given::<Runtime>([requested(), running(1, 0)])
        .when(push())
        .then([Did::AgentPushRequested {
            agent_id: "agt_1".into(),
        }]);
    given::<Runtime>([requested()]).when(push()).then([]);
    given::<Runtime>([requested(), running(1, 0), stop_requested()])
        .when(push())
        .then([]);
}

#[test]
fn what_the_provider_will_call_it_is_known_beforehand_where_it_can_be() {
    let request = Do::Request {
        runtime_id: "rt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: None,
        name: None,
        tenancy: Tenancy::Shared,
        provider: "embedded".to_owned(),
        provider_ref: Some("embedded-rt_1".to_owned()),
        region: None,
        image_ref: None,
        deadline: at(600),
    };
    let mut runtime = Runtime::default();
    for event in runtime.decide(request).unwrap() {
        runtime.evolve(&event);
    }
    assert_eq!(runtime.provider_ref.as_deref(), Some("embedded-rt_1"));
}

#[test]
fn a_name_is_trimmed_and_bounded() {
    let Do::Request { runtime_id, .. } = request() else {
        unreachable!()
    };
    let named = |name: &str| {
        let mut asked = request();
        if let Do::Request { name: given, .. } = &mut asked {
            *given = Some(name.to_owned());
        }
        asked
    };
    let done = given::<Runtime>([]).when(named(" my-agents ")).state().clone();
    assert_eq!(done.runtime_id, Some(runtime_id));
    assert_eq!(done.name.as_deref(), Some("my-agents"));
    for bad in ["", "  ", "a\nb", &"x".repeat(65)] {
        given::<Runtime>([]).when(named(bad)).refused(No::NameInvalid);
    }
}

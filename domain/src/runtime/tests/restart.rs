//! Specs of a restart: the run goes on, its processes begin anew.

use super::{Did, Do, at, history, stop, stop_requested, *};

#[test]
fn a_running_runtime_restarts_once_at_a_time_and_goes_on_running() {
    let seen = || Do::ReportRestarted { since: at(50) };
    let done = given::<Runtime>(history(RuntimeStatus::Running))
        .when(seen())
        .nothing()
        .when(Do::Restart)
        .then([Did::RestartRequested {}])
        .when(Do::Restart)
        .nothing();
    assert!(done.state().is_running() && done.state().restarting);
    let done = done.when(seen()).then([Did::Restarted { since: at(50) }]);
    let state = done.state();
    assert!(state.is_running() && !state.restarting);
    let before = crate::replay::<Runtime>(&history(RuntimeStatus::Running));
    assert_eq!(
        (state.run, state.running_since),
        (before.run, before.running_since)
    );
}

#[test]
fn what_does_not_run_needs_no_restart() {
    use RuntimeStatus as Status;
    for status in [Status::Provisioning, Status::Stopped, Status::Destroying] {
        given::<Runtime>(history(status)).when(Do::Restart).nothing();
    }
    given::<Runtime>([])
        .when(Do::Restart)
        .refused(No::RuntimeNotFound);
}

#[test]
fn a_stop_ends_a_restart() {
    let done = given::<Runtime>(history(RuntimeStatus::Running))
        .when(Do::Restart)
        .then([Did::RestartRequested {}])
        .when(stop())
        .then([stop_requested()])
        .when(Do::ReportRestarted { since: at(60) })
        .nothing()
        .when(Do::ReportStopped { ran_until: at(70) })
        .then([Did::Stopped {
            ran_until: Some(at(70)),
        }]);
    assert!(!done.state().restarting);
}

//! Specs of the provisioning job.

use super::{ProvisioningJobCommand as Do, ProvisioningJobEvent as Did, ProvisioningJobRefusal as No, *};
use crate::spec::given;

fn request() -> Do {
    Do::Request {
        job_id: "job_1".into(),
        account_id: "acc_1".into(),
        runtime_id: "rt_1".into(),
        agent_id: Some("agt_1".into()),
    }
}

fn requested() -> Did {
    Did::Requested {
        job_id: "job_1".into(),
        account_id: "acc_1".into(),
        runtime_id: "rt_1".into(),
        agent_id: Some("agt_1".into()),
    }
}

fn stage(seq: u32) -> Do {
    Do::ReachStage {
        seq,
        stage: "image".to_owned(),
    }
}

fn line(seq: u32, message: &str) -> Do {
    Do::AppendLog {
        seq,
        level: JobLogLevel::Info,
        message: message.to_owned(),
    }
}

fn fail() -> Do {
    Do::Fail {
        code: "timeout".to_owned(),
        reason: "too slow".to_owned(),
    }
}

fn failed() -> Did {
    Did::Failed {
        code: "timeout".to_owned(),
        reason: "too slow".to_owned(),
    }
}

#[test]
fn it_is_requested_once() {
    let done = given::<ProvisioningJob>([]).when(request()).then([requested()]);
    assert_eq!(done.state().runtime_id, Some("rt_1".into()));
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
    done.when(request()).refused(No::JobAlreadyRequested);
}

#[test]
fn it_works_through_stages_and_lines_in_their_order() {
    let done = given::<ProvisioningJob>([requested()])
        .when(Do::Start)
        .then([Did::Started {}])
        .when(Do::Start)
        .nothing()
        .when(stage(2))
        .then([Did::StageReached {
            seq: 2,
            stage: "image".to_owned(),
        }])
        .when(stage(2))
        .nothing()
        .when(line(1, "pulling\0"))
        .then([Did::LogAppended {
            seq: 1,
            level: JobLogLevel::Info,
            message: "pulling".to_owned(),
        }])
        .when(line(1, "again"))
        .nothing();
    assert_eq!(done.state().status, JobStatus::Working);
}

#[test]
fn long_lines_are_cut_at_a_character_and_the_log_is_bounded() {
    let outcome = given::<ProvisioningJob>([requested()]).when(line(1, &"é".repeat(1500)));
    let Ok([Did::LogAppended { message, .. }]) = outcome.outcome().as_deref() else {
        panic!("no line")
    };
    assert_eq!(message.len(), 2000);
    given::<ProvisioningJob>([requested()])
        .when(line(1001, "one too many"))
        .nothing();
}

#[test]
fn a_finished_job_never_changes() {
    for (end, ended, status) in [
        (Do::Succeed, Did::Succeeded {}, JobStatus::Done),
        (fail(), failed(), JobStatus::Failed),
    ] {
        let done = given::<ProvisioningJob>([requested(), Did::Started {}])
            .when(end)
            .then([ended]);
        assert_eq!(done.state().status, status);
        done.when(Do::Succeed)
            .nothing()
            .when(fail())
            .nothing()
            .when(stage(9))
            .nothing()
            .when(Do::Start)
            .nothing();
    }
}

#[test]
fn nothing_can_be_asked_of_what_does_not_exist() {
    for command in [Do::Start, stage(1), line(1, "x"), Do::Succeed, fail()] {
        given::<ProvisioningJob>([])
            .when(command)
            .refused(No::JobNotFound);
    }
}

//! Specs of the view of provisioning jobs.

use super::*;
use crate::views::kit::{Kit, at};

fn requested() -> Kit<ProvisioningJobs> {
    Kit::new().then(
        "job_1",
        ProvisioningJobEvent::Requested {
            job_id: "job_1".into(),
            account_id: "acc_1".into(),
            runtime_id: "rt_1".into(),
            agent_id: Some("agt_1".into()),
        },
    )
}

fn line(seq: u32, message: &str) -> ProvisioningJobEvent {
    ProvisioningJobEvent::LogAppended {
        seq,
        level: JobLogLevel::Warn,
        message: message.to_owned(),
    }
}

#[test]
fn a_job_shows_its_stages_and_which_line_was_written_in_which() {
    let kit = requested()
        .then("job_1", line(1, "asking"))
        .then("job_1", ProvisioningJobEvent::Started {})
        .then(
            "job_1",
            ProvisioningJobEvent::StageReached {
                seq: 1,
                stage: "accepted".to_owned(),
            },
        )
        .then("job_1", line(2, "slow"))
        .then("job_1", ProvisioningJobEvent::Succeeded {});
    let doc = kit.doc("job_1").unwrap();
    assert_eq!((doc.status(), doc.parent_id()), (Some("done"), Some("rt_1")));
    assert_eq!(
        (doc.stage.as_deref(), doc.finished_at, doc.error.clone()),
        (Some("accepted"), Some(at(6)), None)
    );
    let lines: Vec<_> = doc
        .log
        .iter()
        .map(|line| (line.seq, line.stage.as_deref(), line.message.as_str(), line.at))
        .collect();
    assert_eq!(
        lines,
        [(1, None, "asking", at(2)), (2, Some("accepted"), "slow", at(5))]
    );
}

#[test]
fn a_failed_job_says_why() {
    let failed = ProvisioningJobEvent::Failed {
        code: "deadline_passed".to_owned(),
        reason: "slow".to_owned(),
    };
    let kit = requested().then("job_1", failed);
    let doc = kit.doc("job_1").unwrap();
    assert_eq!((doc.status(), doc.finished_at), (Some("failed"), Some(at(2))));
    assert_eq!(doc.error.as_ref().unwrap().code, "deadline_passed");
}

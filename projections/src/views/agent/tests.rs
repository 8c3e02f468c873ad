//! Specs of the view of agents.

use reef_domain::{agent::AgentStopReason, template::Bundle};

use super::*;
use crate::views::kit::{Kit, at};

fn created() -> Kit<Agents> {
    Kit::new().then(
        "agt_1",
        AgentEvent::Created {
            agent_id: "agt_1".into(),
            account_id: "acc_1".into(),
            owner_user_id: Some("usr_1".into()),
            name: "Ada".to_owned(),
            slug: Some("ada-1".to_owned()),
            display_name: Some("Ada L.".to_owned()),
            template_id: None,
            policy_id: Some("pol_1".into()),
            bundle: Bundle::default(),
        },
    )
}

fn deployed() -> Kit<Agents> {
    created().then(
        "agt_1",
        AgentEvent::Deployed {
            runtime_id: None,
            tenancy: Tenancy::Shared,
        },
    )
}

#[test]
fn an_agent_is_followed_through_its_life() {
    let kit = deployed()
        .then(
            "agt_1",
            AgentEvent::Placed {
                runtime_id: "rt_1".into(),
            },
        )
        .then("agt_1", AgentEvent::Started {});
    let doc = kit.doc("agt_1").unwrap();
    assert_eq!(
        (doc.status, doc.created_at, doc.started_at),
        (AgentStatus::Running, at(1), Some(at(4)))
    );
    assert_eq!(
        (doc.runtime_id.clone(), doc.tenancy),
        (Some("rt_1".into()), Tenancy::Shared)
    );
    let kit = kit.then(
        "agt_1",
        AgentEvent::Stopped {
            reason: AgentStopReason::Requested,
        },
    );
    let doc = kit.doc("agt_1").unwrap();
    assert_eq!(
        (doc.status, doc.stopped_at, doc.updated_at),
        (AgentStatus::Stopped, Some(at(5)), at(5))
    );
}

#[test]
fn a_failure_is_shown_until_the_next_start() {
    let failed = AgentEvent::Failed {
        code: "push_failed".to_owned(),
        reason: "no".to_owned(),
    };
    let kit = deployed().then("agt_1", failed);
    let failure = Failure {
        code: "push_failed".to_owned(),
        reason: "no".to_owned(),
    };
    assert_eq!(kit.doc("agt_1").unwrap().last_error, Some(failure));
    let kit = kit.then("agt_1", AgentEvent::StartRequested {});
    let doc = kit.doc("agt_1").unwrap();
    assert_eq!(
        (doc.status, doc.last_error.clone()),
        (AgentStatus::Provisioning, None)
    );
}

#[test]
fn name_model_and_policy_are_the_present_ones() {
    let renamed = AgentEvent::Updated {
        name: Some("Eva".to_owned()),
        display_name: Some("Eva P.".to_owned()),
        model: Some("m-2".to_owned()),
    };
    let kit = created()
        .then("agt_1", renamed)
        .then("agt_1", AgentEvent::PolicyDetached {});
    let doc = kit.doc("agt_1").unwrap();
    assert_eq!(
        (doc.name.as_str(), doc.model.as_str(), doc.policy_id.clone()),
        ("Eva", "m-2", None)
    );
    assert_eq!(
        (doc.slug.as_deref(), doc.display_name.as_deref()),
        (Some("ada-1"), Some("Eva P."))
    );
    let kit = kit.then(
        "agt_1",
        AgentEvent::PolicyAttached {
            policy_id: "pol_2".into(),
        },
    );
    assert_eq!(kit.doc("agt_1").unwrap().policy_id, Some("pol_2".into()));
}

#[test]
fn an_agent_is_gone_when_its_deletion_begins() {
    let kit = deployed().then("agt_1", AgentEvent::DeletionStarted {});
    assert_eq!(kit.doc("agt_1"), None);
    let kit = kit.then("agt_1", AgentEvent::Deleted {});
    assert_eq!(kit.doc("agt_1"), None);
}

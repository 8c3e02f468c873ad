//! Specs of the agent.

use super::{AgentCommand as Do, AgentEvent as Did, AgentRefusal as No, *};
use crate::spec::given;

fn create() -> Do {
    Do::Create {
        agent_id: "agt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: Some("usr_1".into()),
        name: " Ada ".to_owned(),
        template_id: Some("tmpl_research".into()),
        policy_id: Some("pol_1".into()),
        bundle: Bundle::default(),
    }
}

fn created() -> Did {
    Agent::default().decide(create()).unwrap().remove(0)
}

fn deployed() -> Did {
    Did::Deployed {
        runtime_id: Some("rt_1".into()),
        tenancy: Tenancy::Dedicated,
    }
}

fn failed() -> Did {
    Did::Failed {
        code: "provisioning_timeout".to_owned(),
        reason: "took too long".to_owned(),
    }
}

fn stopped() -> Did {
    Did::Stopped {
        reason: AgentStopReason::Requested,
    }
}

fn stop() -> Do {
    Do::Stop {
        reason: AgentStopReason::Requested,
    }
}

fn fail() -> Do {
    Do::ReportFailed {
        code: "provisioning_timeout".to_owned(),
        reason: "took too long".to_owned(),
    }
}

/// An agent of the template's making in each status.
fn history(status: AgentStatus) -> Vec<Did> {
    let mut past = vec![created()];
    past.extend(match status {
        AgentStatus::Defined => vec![],
        AgentStatus::Provisioning => vec![deployed()],
        AgentStatus::Running => vec![deployed(), Did::Started {}],
        AgentStatus::Stopped => vec![deployed(), stopped()],
        AgentStatus::Failed => vec![deployed(), failed()],
        AgentStatus::Deleting => vec![deployed(), Did::DeletionStarted {}],
        AgentStatus::Deleted => vec![deployed(), Did::DeletionStarted {}, Did::Deleted {}],
    });
    past
}

#[test]
fn every_history_leads_to_its_status() {
    for status in AgentStatus::ALL {
        assert_eq!(given::<Agent>(history(status)).state().status, status);
    }
}

#[test]
fn creating_keeps_what_it_was_made_of() {
    let done = given::<Agent>([]).when(create()).then([created()]);
    assert_eq!(done.state().name, "Ada");
    assert_eq!(done.state().policy_id, Some("pol_1".into()));
    assert_eq!(done.state().owner_user_id, Some("usr_1".into()));
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
    given::<Agent>([created()])
        .when(create())
        .refused(No::AgentAlreadyCreated);
}

#[test]
fn names_and_models_are_checked() {
    for bad in ["", "  ", "a\tb", &"x".repeat(101)] {
        let Do::Create {
            agent_id,
            account_id,
            owner_user_id,
            template_id,
            policy_id,
            bundle,
            ..
        } = create()
        else {
            unreachable!()
        };
        let name = bad.to_owned();
        given::<Agent>([])
            .when(Do::Create {
                agent_id,
                account_id,
                owner_user_id,
                name,
                template_id,
                policy_id,
                bundle,
            })
            .refused(No::NameInvalid);
        given::<Agent>([created()])
            .when(Do::Update {
                name: Some(bad.to_owned()),
                model: None,
            })
            .refused(No::NameInvalid);
        given::<Agent>([created()])
            .when(Do::Update {
                name: None,
                model: Some(bad.to_owned()),
            })
            .refused(No::ModelInvalid);
    }
}

#[test]
fn nothing_can_be_asked_of_what_does_not_exist() {
    for command in [
        Do::Start,
        stop(),
        Do::Restart,
        Do::Delete,
        Do::FinishDeletion,
        Do::ReportStarted,
        fail(),
    ] {
        given::<Agent>([])
            .when(command.clone())
            .refused(No::AgentNotFound);
        given::<Agent>(history(AgentStatus::Deleted))
            .when(command)
            .refused(No::AgentNotFound);
    }
}

#[test]
fn deploying_happens_once() {
    let deploy = Do::Deploy {
        runtime_id: Some("rt_1".into()),
        tenancy: Tenancy::Dedicated,
    };
    let done = given::<Agent>([created()])
        .when(deploy.clone())
        .then([deployed()]);
    assert_eq!(done.state().runtime_id, Some("rt_1".into()));
    given::<Agent>(history(AgentStatus::Provisioning))
        .when(deploy)
        .refused(No::AgentAlreadyDeployed);
}

#[test]
fn an_agent_without_a_runtime_is_placed_once() {
    let waiting = [
        created(),
        Did::Deployed {
            runtime_id: None,
            tenancy: Tenancy::Shared,
        },
    ];
    given::<Agent>(waiting)
        .when(Do::Place {
            runtime_id: "rt_2".into(),
        })
        .then([Did::Placed {
            runtime_id: "rt_2".into(),
        }])
        .when(Do::Place {
            runtime_id: "rt_3".into(),
        })
        .nothing();
}

#[test]
fn starting_asks_only_where_it_is_not_up() {
    use AgentStatus as Status;
    for status in [Status::Stopped, Status::Failed, Status::Defined] {
        let done = given::<Agent>(history(status))
            .when(Do::Start)
            .then([Did::StartRequested {}]);
        assert_eq!(done.state().status, Status::Provisioning);
        assert_eq!(done.state().failure_code, None);
        given::<Agent>(history(status))
            .when(Do::Restart)
            .then([Did::StartRequested {}]);
    }
    for status in [Status::Provisioning, Status::Running] {
        given::<Agent>(history(status)).when(Do::Start).nothing();
    }
    given::<Agent>(history(Status::Running))
        .when(Do::Restart)
        .then([Did::Restarted {}]);
    given::<Agent>(history(Status::Provisioning))
        .when(Do::Restart)
        .nothing();
}

#[test]
fn stopping_a_stopped_agent_changes_nothing() {
    use AgentStatus as Status;
    for status in [Status::Provisioning, Status::Running, Status::Failed] {
        given::<Agent>(history(status))
            .when(stop())
            .then([stopped()])
            .when(stop())
            .nothing();
    }
    given::<Agent>(history(Status::Defined))
        .when(stop())
        .refused(No::AgentNotDeployed);
}

#[test]
fn it_runs_only_when_its_runtime_says_so_in_time() {
    use AgentStatus as Status;
    let done = given::<Agent>(history(Status::Provisioning))
        .when(Do::ReportStarted)
        .then([Did::Started {}]);
    assert_eq!(done.state().status, Status::Running);
    for status in [
        Status::Running,
        Status::Stopped,
        Status::Failed,
        Status::Defined,
        Status::Deleting,
    ] {
        given::<Agent>(history(status)).when(Do::ReportStarted).nothing();
    }
}

#[test]
fn failing_keeps_the_code() {
    use AgentStatus as Status;
    for status in [Status::Provisioning, Status::Running] {
        let done = given::<Agent>(history(status)).when(fail()).then([failed()]);
        assert_eq!(done.state().failure_code.as_deref(), Some("provisioning_timeout"));
    }
    for status in [Status::Stopped, Status::Failed, Status::Deleting] {
        given::<Agent>(history(status)).when(fail()).nothing();
    }
}

#[test]
fn updating_tells_only_what_changed() {
    let update = |name: &str, model: &str| Do::Update {
        name: Some(name.to_owned()),
        model: Some(model.to_owned()),
    };
    given::<Agent>([created()])
        .when(update("Ada", "m-2"))
        .then([Did::Updated {
            name: None,
            model: Some("m-2".to_owned()),
        }])
        .when(update("Ada", "m-2"))
        .nothing()
        .when(update("Eva", "m-2"))
        .then([Did::Updated {
            name: Some("Eva".to_owned()),
            model: None,
        }]);
}

#[test]
fn policies_are_attached_and_detached_once() {
    let attach = |policy: &str| Do::AttachPolicy {
        policy_id: policy.into(),
    };
    given::<Agent>([created()])
        .when(attach("pol_1"))
        .nothing()
        .when(attach("pol_2"))
        .then([Did::PolicyAttached {
            policy_id: "pol_2".into(),
        }])
        .when(Do::DetachPolicy)
        .then([Did::PolicyDetached {}])
        .when(Do::DetachPolicy)
        .nothing();
}

#[test]
fn deletion_starts_from_anywhere_and_ends_for_good() {
    use AgentStatus as Status;
    for status in [
        Status::Defined,
        Status::Provisioning,
        Status::Running,
        Status::Stopped,
        Status::Failed,
    ] {
        let done = given::<Agent>(history(status))
            .when(Do::FinishDeletion)
            .nothing()
            .when(Do::Delete)
            .then([Did::DeletionStarted {}]);
        assert!(done.state().is_gone());
        done.when(Do::Delete)
            .nothing()
            .when(Do::Start)
            .refused(No::AgentNotFound)
            .when(Do::AttachPolicy {
                policy_id: "pol_1".into(),
            })
            .refused(No::AgentNotFound)
            .when(Do::FinishDeletion)
            .then([Did::Deleted {}])
            .when(Do::FinishDeletion)
            .refused(No::AgentNotFound);
    }
}

#[test]
fn work_is_taken_by_whoever_is_or_will_be_up() {
    for status in AgentStatus::ALL {
        let expected = match status {
            AgentStatus::Provisioning | AgentStatus::Running | AgentStatus::Failed => Ok(()),
            AgentStatus::Defined => Err(No::AgentNotDeployed),
            AgentStatus::Stopped => Err(No::AgentStopped),
            AgentStatus::Deleting | AgentStatus::Deleted => Err(No::AgentNotFound),
        };
        assert_eq!(given::<Agent>(history(status)).state().takes_work(), expected);
    }
}

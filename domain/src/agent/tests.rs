//! Specs of the agent.

use super::{AgentCommand as Do, AgentEvent as Did, AgentRefusal as No, *};
use crate::spec::given;

fn create() -> Do {
    Do::Create {
        agent_id: "agt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: Some("usr_1".into()),
        name: " Ada ".to_owned(),
        slug: None,
        display_name: None,
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
            slug,
            display_name,
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
                slug,
                display_name,
                template_id,
                policy_id,
                bundle,
            })
            .refused(No::NameInvalid);
        given::<Agent>([created()])
            .when(Do::Update {
                name: Some(bad.to_owned()),
                display_name: None,
                model: None,
            })
            .refused(No::NameInvalid);
        given::<Agent>([created()])
            .when(Do::Update {
                name: None,
                display_name: None,
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
        display_name: None,
        model: Some(model.to_owned()),
    };
    given::<Agent>([created()])
        .when(update("Ada", "m-2"))
        .then([Did::Updated {
            name: None,
            display_name: None,
            model: Some("m-2".to_owned()),
        }])
        .when(update("Ada", "m-2"))
        .nothing()
        .when(update("Eva", "m-2"))
        .then([Did::Updated {
            name: Some("Eva".to_owned()),
            display_name: None,
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

fn create_as(slug: &str, display_name: &str) -> Do {
    let mut asked = create();
    if let Do::Create {
        slug: its_slug,
        display_name: shown,
        ..
    } = &mut asked
    {
        *its_slug = Some(slug.to_owned());
        *shown = Some(display_name.to_owned());
    }
    asked
}

#[test]
fn a_slug_is_for_addresses_and_for_good() {
    for good in ["ab", "support-bot", "a1", "1-2", &"x".repeat(32)] {
        let decided = Agent::default().decide(create_as(good, " Bot ")).unwrap();
        let state = given::<Agent>(decided).state().clone();
        assert_eq!(state.slug.as_deref(), Some(good));
        assert_eq!(state.display_name.as_deref(), Some("Bot"));
    }
    for bad in [
        "",
        "a",
        "-a",
        "a-",
        "Ab",
        "a b",
        "a_b",
        "\u{e9}\u{e9}",
        "a/b",
        "ab ",
        &"x".repeat(33),
    ] {
        given::<Agent>([])
            .when(create_as(bad, "Bot"))
            .refused(No::SlugInvalid);
    }
}

#[test]
fn a_display_name_is_bounded_and_can_change() {
    for bad in ["", " ", "\u{7}", &"x".repeat(101)] {
        given::<Agent>([])
            .when(create_as("ab", bad))
            .refused(No::DisplayNameInvalid);
    }
    let call = |shown: &str| Do::Update {
        name: None,
        display_name: Some(shown.to_owned()),
        model: None,
    };
    let made = Agent::default().decide(create_as("ab", "Bot")).unwrap();
    given::<Agent>(made)
        .when(call("Bot"))
        .nothing()
        .when(call(" Eva "))
        .then([Did::Updated {
            name: None,
            display_name: Some("Eva".to_owned()),
            model: None,
        }])
        .when(call(""))
        .refused(No::DisplayNameInvalid);
}

//! Specs of what a webhook takes of the log.

use std::sync::Arc;

use super::*;
use crate::{Actor, ActorKind, Envelope, Metadata};

fn webhook(change: impl FnOnce(&mut Webhook)) -> Webhook {
    let mut webhook = native().state().clone();
    change(&mut webhook);
    webhook
}

fn envelope(event: impl Into<AnyEvent>, id: &str, account: &str) -> Envelope {
    let event = event.into();
    Envelope {
        position: 1,
        aggregate_type: event.aggregate_type(),
        aggregate_id: id.into(),
        sequence: 1,
        account_id: Some(account.into()),
        recorded_at: at(1),
        metadata: Metadata {
            event_id: "event-1".to_owned(),
            actor: Actor::new(ActorKind::Operator, "operator"),
            dialect: "native".to_owned(),
            correlation_id: "spec".to_owned(),
            causation_id: None,
        },
        payload: Arc::from(event.to_payload()),
        event,
    }
}

fn tested() -> Envelope {
    let event = Did::Tested {
        test_id: "t".to_owned(),
    };
    envelope(event, "wh_2", "acc_1")
}

#[test]
fn it_takes_what_it_names_of_its_own_account() {
    assert!(webhook(|_| ()).subscribes_to(&tested()));
    assert!(webhook(|webhook| webhook.events = names(&["WebhookTested"])).subscribes_to(&tested()));
    assert!(!webhook(|webhook| webhook.events = names(&["AgentStarted"])).subscribes_to(&tested()));
    assert!(!webhook(|webhook| webhook.account_id = Some("acc_2".into())).subscribes_to(&tested()));
    assert!(!Webhook::default().subscribes_to(&tested()));
    let mut operators = tested();
    operators.account_id = None;
    assert!(!webhook(|_| ()).subscribes_to(&operators));
    assert!(!Webhook::default().subscribes_to(&operators));
}

#[test]
fn it_takes_the_aggregate_types_it_names() {
    let of = |types: &[&str]| webhook(|webhook| webhook.aggregate_types = names(types));
    assert!(of(&["agent", "webhook"]).subscribes_to(&tested()));
    assert!(!of(&["agent"]).subscribes_to(&tested()));
}

#[test]
fn thermidoras_form_takes_activity_only() {
    let of = |events: &[&str]| {
        webhook(|webhook| {
            webhook.form = WebhookForm::Thermidora;
            webhook.events = names(events);
        })
    };
    assert!(!of(&["*"]).subscribes_to(&tested()));
    assert_eq!(activity_name("CronJobCompleted"), Some("cron.completed"));
    assert_eq!(activity_name("WebhookTested"), None);
}

#[test]
fn one_of_an_agent_or_a_runtime_takes_what_is_about_that() {
    use crate::agent::AgentEvent;
    let placed = || {
        envelope(
            AgentEvent::Placed {
                runtime_id: "rt_1".into(),
            },
            "agt_1",
            "acc_1",
        )
    };
    let of = |runtime: Option<&str>, agent: Option<&str>| {
        webhook(|webhook| {
            webhook.runtime_id = runtime.map(Into::into);
            webhook.agent_id = agent.map(Into::into);
        })
    };
    for (runtime, agent, takes) in [
        (Some("rt_1"), None, true),
        (Some("rt_2"), None, false),
        (None, Some("agt_1"), true),
        (None, Some("agt_2"), false),
        (Some("rt_1"), Some("agt_1"), true),
        (Some("rt_1"), Some("agt_2"), false),
        (Some("agt_1"), None, false),
    ] {
        assert_eq!(
            of(runtime, agent).subscribes_to(&placed()),
            takes,
            "{runtime:?} {agent:?}"
        );
    }
    assert!(!of(Some("rt_1"), None).subscribes_to(&tested()));
}

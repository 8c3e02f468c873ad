//! Specs of the webhook.

use chrono::TimeDelta;

use super::{WebhookCommand as Do, WebhookEvent as Did, WebhookRefusal as No, *};
use crate::spec::{Given, given};

mod subscription;

const URL: &str = "https://example.com/webhook";

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn create(url: &str, form: WebhookForm, events: &[&str]) -> Do {
    Do::Create {
        webhook_id: "wh_1".into(),
        account_id: "acc_1".into(),
        url: url.to_owned(),
        form,
        events: names(events),
        aggregate_types: vec![],
        runtime_id: None,
        agent_id: None,
        description: Some(" The pager ".to_owned()),
        secret_ref: "vlt_1".into(),
        secret_hint: "a1b2".to_owned(),
        from: None,
    }
}

fn created(form: WebhookForm, events: &[&str]) -> Did {
    Did::Created {
        webhook_id: "wh_1".into(),
        account_id: "acc_1".into(),
        url: URL.to_owned(),
        form,
        events: names(events),
        aggregate_types: vec![],
        runtime_id: None,
        agent_id: None,
        description: Some("The pager".to_owned()),
        secret_ref: "vlt_1".into(),
        secret_hint: "a1b2".to_owned(),
        from: None,
    }
}

fn native() -> Given<Webhook> {
    given([created(WebhookForm::Native, &["*"])])
}

fn off(reason: DisableReason) -> Did {
    Did::Disabled { reason, detail: None }
}

fn disable(reason: DisableReason) -> Do {
    Do::Disable { reason, detail: None }
}

#[test]
fn it_is_made_once_and_delivers_at_once() {
    let made = given::<Webhook>([])
        .when(create(
            URL,
            WebhookForm::Native,
            &["AgentStarted", "*", "AgentStarted"],
        ))
        .then([created(WebhookForm::Native, &["AgentStarted", "*"])]);
    assert_eq!(made.state().status, WebhookStatus::Enabled);
    made.when(create(URL, WebhookForm::Native, &["*"]))
        .refused(No::WebhookAlreadyExists);
}

#[test]
fn each_form_knows_its_own_events() {
    let unknown = |name: &str| No::EventsInvalid {
        unknown: Some(name.to_owned()),
    };
    let none = No::EventsInvalid { unknown: None };
    given::<Webhook>([])
        .when(create(URL, WebhookForm::Thermidora, &["AgentStarted"]))
        .refused(unknown("AgentStarted"))
        .when(create(
            URL,
            WebhookForm::Native,
            &["AgentStarted", "agent.message"],
        ))
        .refused(unknown("agent.message"))
        .when(create(URL, WebhookForm::Native, &[]))
        .refused(none)
        .when(create(
            URL,
            WebhookForm::Thermidora,
            &["cron.completed", "agent.message", "agent.error"],
        ))
        .then([created(
            WebhookForm::Thermidora,
            &["cron.completed", "agent.message", "agent.error"],
        )])
        .when(Do::Update(WebhookUpdate {
            aggregate_types: Some(names(&["agent"])),
            ..Default::default()
        }))
        .refused(No::AggregateTypesInvalid);
}

#[test]
fn what_is_no_url_is_refused() {
    for wrong in [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://user:pass@example.com/",
        "https://exa mple.com/",
        "https://example.com/\u{7}",
        "javascript:alert(1)",
        &format!("https://example.com/{}", "x".repeat(2048)),
    ] {
        given::<Webhook>([])
            .when(create(wrong, WebhookForm::Native, &["*"]))
            .refused(No::UrlInvalid);
    }
    native()
        .when(Do::Update(WebhookUpdate {
            url: Some("https://a@b/".to_owned()),
            ..Default::default()
        }))
        .refused(No::UrlInvalid);
}

#[test]
fn an_update_changes_what_is_given() {
    let updated = |url: &str, description: Option<&str>, agent: Option<&str>| Did::Updated {
        url: url.to_owned(),
        events: names(&["*"]),
        aggregate_types: vec![],
        runtime_id: None,
        agent_id: agent.map(Into::into),
        description: description.map(str::to_owned),
    };
    let with = |update: WebhookUpdate| Do::Update(update);
    native()
        .when(with(WebhookUpdate::default()))
        .nothing()
        .when(with(WebhookUpdate {
            url: Some("http://other.example/".to_owned()),
            ..Default::default()
        }))
        .then([updated("http://other.example/", Some("The pager"), None)])
        .when(with(WebhookUpdate {
            description: Change::Clear,
            agent_id: Change::Set("agt_1".into()),
            ..Default::default()
        }))
        .then([updated("http://other.example/", None, Some("agt_1"))])
        .when(with(WebhookUpdate {
            description: Change::Set("x".repeat(501)),
            ..Default::default()
        }))
        .refused(No::DescriptionInvalid)
        .when(with(WebhookUpdate {
            aggregate_types: Some(names(&["nothing"])),
            ..Default::default()
        }))
        .refused(No::AggregateTypesInvalid);
}

#[test]
fn it_is_switched_off_and_on_and_unchanged_says_nothing() {
    native()
        .when(Do::Enable { from: None })
        .nothing()
        .when(Do::Enable { from: Some(3) })
        .refused(No::WebhookEnabled)
        .when(disable(DisableReason::Failing))
        .then([off(DisableReason::Failing)])
        .when(disable(DisableReason::Owner))
        .nothing()
        .when(Do::Enable { from: Some(0) })
        .refused(No::PositionsInvalid)
        .when(Do::Enable { from: Some(3) })
        .then([Did::Enabled { from: Some(3) }])
        .when(disable(DisableReason::Gone))
        .then([off(DisableReason::Gone)]);
}

#[test]
fn a_disabled_one_is_tested_and_resent_but_not_replayed() {
    given::<Webhook>([created(WebhookForm::Native, &["*"]), off(DisableReason::Owner)])
        .when(Do::Test {
            test_id: "t".to_owned(),
        })
        .then([Did::Tested {
            test_id: "t".to_owned(),
        }])
        .when(Do::Resend { position: 4 })
        .then([Did::ResendRequested { position: 4 }])
        .when(Do::Resend { position: 0 })
        .refused(No::PositionsInvalid)
        .when(Do::Replay { from: 1, to: 2 })
        .refused(No::WebhookDisabled);
    native()
        .when(Do::Replay { from: 3, to: 2 })
        .refused(No::PositionsInvalid)
        .when(Do::Replay { from: 1, to: 2 })
        .then([Did::ReplayRequested { from: 1, to: 2 }]);
}

fn rotate(to: &str, until: i64) -> Do {
    Do::RotateSecret {
        secret_ref: to.into(),
        secret_hint: "c3d4".to_owned(),
        previous_until: at(until),
        now: at(1),
    }
}

fn rotated(to: &str, previous: Option<(&str, i64)>, dropped: &[&str]) -> Did {
    Did::SecretRotated {
        secret_ref: to.into(),
        secret_hint: "c3d4".to_owned(),
        previous_ref: previous.map(|(former, _)| former.into()),
        previous_until: previous.map(|(_, until)| at(until)),
        dropped: dropped.iter().map(|value| VaultRef::from(*value)).collect(),
    }
}

#[test]
fn both_secrets_sign_while_they_overlap() {
    let two = native()
        .when(rotate("vlt_2", 25))
        .then([rotated("vlt_2", Some(("vlt_1", 25)), &[])]);
    let refs = |given: &Given<Webhook>, hours| given.state().signing_refs(at(hours));
    assert_eq!(refs(&two, 24), [VaultRef::from("vlt_2"), VaultRef::from("vlt_1")]);
    assert_eq!(refs(&two, 25), [VaultRef::from("vlt_2")]);
    two.when(Do::RetireSecret { now: at(24) })
        .nothing()
        .when(Do::RetireSecret { now: at(25) })
        .then([Did::SecretRetired {
            dropped: "vlt_1".into(),
        }])
        .when(Do::RetireSecret { now: at(26) })
        .nothing();
}

#[test]
fn at_most_two_secrets_sign_and_what_signs_no_more_is_named() {
    native()
        .when(rotate("vlt_2", 25))
        .then([rotated("vlt_2", Some(("vlt_1", 25)), &[])])
        .when(rotate("vlt_3", 26))
        .then([rotated("vlt_3", Some(("vlt_2", 26)), &["vlt_1"])])
        .when(rotate("vlt_4", 1))
        .then([rotated("vlt_4", None, &["vlt_2", "vlt_3"])]);
}

#[test]
fn what_is_deleted_is_gone() {
    let gone = native().when(Do::Delete).then([Did::Deleted {}]);
    assert!(gone.state().is_gone() && gone.state().signing_refs(at(0)).is_empty());
    gone.when(Do::Delete)
        .refused(No::WebhookNotFound)
        .when(Do::Enable { from: None })
        .refused(No::WebhookNotFound)
        .when(create(URL, WebhookForm::Native, &["*"]))
        .refused(No::WebhookAlreadyExists);
}

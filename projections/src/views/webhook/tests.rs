//! Specs of the view of webhooks.

use reef_domain::webhook::WebhookEvent as Did;

use super::*;
use crate::views::tests::log::{at, doc};

fn created() -> Did {
    Did::Created {
        webhook_id: "wh_1".into(),
        account_id: "acc_1".into(),
        url: "https://example.com/webhook".to_owned(),
        form: WebhookForm::Native,
        events: vec!["*".to_owned()],
        aggregate_types: vec!["agent".to_owned()],
        runtime_id: None,
        agent_id: Some("agt_1".into()),
        description: Some("The pager".to_owned()),
        secret_ref: "vlt_1".into(),
        secret_hint: "a1b2".to_owned(),
        from: Some(1),
    }
}

fn disabled() -> Did {
    Did::Disabled {
        reason: DisableReason::Gone,
        detail: Some("answered 410".to_owned()),
    }
}

fn webhook(events: impl IntoIterator<Item = Did>) -> Option<WebhookDoc> {
    doc::<Webhooks>("wh_1", "wh_1", events)
}

#[test]
fn a_webhook_is_shown_without_where_its_secret_is() {
    let made = webhook([created()]).unwrap();
    assert_eq!(
        (made.status, made.secret_hint.as_str()),
        (WebhookStatus::Enabled, "a1b2")
    );
    assert_eq!((made.created_at, made.updated_at), (at(1), at(1)));
    assert!(!serde_json::to_string(&made).unwrap().contains("vlt_1"));
}

#[test]
fn one_that_is_off_says_why_until_it_is_on_again() {
    let off = webhook([created(), disabled()]).unwrap();
    assert_eq!(off.status(), Some("disabled"));
    assert_eq!(
        off.disabled,
        Some(WebhookDisabled {
            reason: DisableReason::Gone,
            detail: Some("answered 410".to_owned()),
            at: at(2),
        })
    );
    let on = webhook([created(), disabled(), Did::Enabled { from: None }]).unwrap();
    assert_eq!(
        (on.status, on.disabled, on.updated_at),
        (WebhookStatus::Enabled, None, at(3))
    );
}

#[test]
fn the_hint_is_that_of_the_secret_in_use() {
    let rotated = Did::SecretRotated {
        secret_ref: "vlt_2".into(),
        secret_hint: "c3d4".to_owned(),
        previous_ref: Some("vlt_1".into()),
        previous_until: Some(at(9)),
        dropped: vec![],
    };
    let two = webhook([created(), rotated.clone()]).unwrap();
    assert_eq!(
        (two.secret_hint.as_str(), two.previous_secret_until),
        ("c3d4", Some(at(9)))
    );
    let retired = Did::SecretRetired {
        dropped: "vlt_1".into(),
    };
    let one = webhook([created(), rotated, retired]).unwrap();
    assert_eq!(one.previous_secret_until, None);
}

#[test]
fn what_is_asked_of_deliveries_changes_no_document_and_a_deleted_one_has_none() {
    let asked = [
        created(),
        Did::Tested {
            test_id: "t".to_owned(),
        },
        Did::ReplayRequested { from: 1, to: 2 },
        Did::ResendRequested { position: 1 },
    ];
    assert_eq!(webhook(asked), webhook([created()]));
    assert_eq!(webhook([created(), Did::Deleted {}]), None);
}

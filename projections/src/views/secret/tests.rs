//! Specs of the view of secrets' names.

use reef_domain::secret::{OwnerKind, SecretOwner, SecretsEvent as Did};

use super::*;
use crate::views::tests::log::{at, doc};

fn owner() -> SecretOwner {
    SecretOwner::new(OwnerKind::Agent, "agt_1")
}

fn stored(name: &str) -> Did {
    Did::Stored {
        account_id: "acc_1".into(),
        owner: owner(),
        name: name.to_owned(),
        vault_ref: "v".into(),
        replaced: None,
    }
}

#[test]
fn names_stand_in_order_with_the_time_they_were_set_last() {
    let doc = doc::<Secrets>(
        "agent/agt_1",
        "agent/agt_1",
        [stored("b"), stored("a"), stored("b")],
    )
    .unwrap();
    let names: Vec<(&str, _)> = doc
        .names
        .iter()
        .map(|secret| (secret.name.as_str(), secret.set_at))
        .collect();
    assert_eq!(names, [("a", at(2)), ("b", at(3))]);
    assert_eq!(
        (doc.owner_kind, doc.owner_id.as_str()),
        (OwnerKind::Agent, "agt_1")
    );
}

#[test]
fn removed_names_and_purged_owners_go() {
    let removed = Did::Removed {
        name: "a".to_owned(),
        vault_ref: "v".into(),
        in_force: None,
    };
    let doc_after = |events: Vec<Did>| doc::<Secrets>("agent/agt_1", "agent/agt_1", events);
    let doc = doc_after(vec![stored("a"), stored("b"), removed]).unwrap();
    assert!(doc.has("b") && !doc.has("a"));
    let purged = Did::Purged {
        account_id: "acc_1".into(),
        owner: owner(),
    };
    assert_eq!(doc_after(vec![stored("a"), purged]), None);
}

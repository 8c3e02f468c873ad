//! Specs of the view of policies.

use reef_domain::policy::{Origin, PolicyEvent as Did};

use super::*;
use crate::views::tests::log::{at, doc};

fn created() -> Did {
    Did::Created {
        policy_id: "pol_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        name: "Strict".to_owned(),
        rules: "DENY: sudo\n".to_owned(),
        origin: Origin::Migrated,
    }
}

#[test]
fn only_what_was_updated_changes() {
    let updated = Did::Updated {
        name: Some("Loose".to_owned()),
        rules: None,
    };
    let doc = doc::<Policies>("pol_1", "pol_1", [created(), updated]).unwrap();
    assert_eq!((doc.name.as_str(), doc.rules.as_str()), ("Loose", "DENY: sudo\n"));
    assert_eq!(
        (doc.origin, doc.created_at, doc.updated_at),
        (Origin::Migrated, at(1), at(2))
    );
}

#[test]
fn a_deleted_policy_is_gone() {
    assert_eq!(
        doc::<Policies>("pol_1", "pol_1", [created(), Did::Deleted {}]),
        None
    );
}

//! Specs of the views of keys and credentials.

use reef_domain::{Dialect, api_key::ApiKeyEvent as Did};

use super::*;
use crate::views::tests::log::{at, doc};

fn issued() -> Did {
    Did::Issued {
        key_id: "key_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        dialect: Dialect::Tropic,
        name: None,
        prefix: "tropic_live_sk_a1b2".to_owned(),
        sha256: "hash".to_owned(),
        scopes: ["*".to_owned()].into(),
    }
}

fn revoked() -> Did {
    Did::Revoked {
        sha256: "hash".to_owned(),
    }
}

#[test]
fn a_key_is_shown_without_its_hash() {
    let doc = doc::<ApiKeys>("key_1", "key_1", [issued()]).unwrap();
    assert_eq!(doc.status, ApiKeyStatus::Active);
    assert!(!serde_json::to_string(&doc).unwrap().contains("hash"));
}

#[test]
fn a_revoked_key_is_still_shown_and_stands_for_nobody() {
    let doc_of_key = doc::<ApiKeys>("key_1", "key_1", [issued(), revoked()]).unwrap();
    assert_eq!(
        (doc_of_key.status, doc_of_key.revoked_at),
        (ApiKeyStatus::Revoked, Some(at(2)))
    );
    assert_eq!(doc::<Credentials>("key_1", "hash", [issued(), revoked()]), None);
}

#[test]
fn a_credential_is_found_by_the_hash() {
    let doc = doc::<Credentials>("key_1", "hash", [issued()]).unwrap();
    assert_eq!(
        (doc.account_id.as_str(), doc.user_id.as_str()),
        ("acc_1", "usr_1")
    );
    assert_eq!((doc.dialect, doc.scopes.len()), (Dialect::Tropic, 1));
}

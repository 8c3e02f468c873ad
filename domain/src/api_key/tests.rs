//! Specs of the API key.

use super::{ApiKeyCommand as Do, ApiKeyEvent as Did, ApiKeyRefusal as No, *};
use crate::spec::given;

fn issue(sha256: &str, scopes: &[&str], name: Option<&str>) -> Do {
    Do::Issue {
        key_id: "key_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        dialect: Dialect::Native,
        name: name.map(ToOwned::to_owned),
        prefix: "reef_live_sk_a1b2c3".to_owned(),
        sha256: sha256.to_owned(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
    }
}

fn hash() -> String {
    "0a".repeat(32)
}

fn issued() -> Vec<Did> {
    ApiKey::default().decide(issue(&hash(), &["*"], None)).unwrap()
}

#[test]
fn scopes_are_kept_in_order_and_once() {
    given::<ApiKey>([])
        .when(issue(&hash(), &["tasks:write", "chat", "chat"], Some(" ci ")))
        .then([Did::Issued {
            key_id: "key_1".into(),
            account_id: "acc_1".into(),
            user_id: "usr_1".into(),
            dialect: Dialect::Native,
            name: Some("ci".to_owned()),
            prefix: "reef_live_sk_a1b2c3".to_owned(),
            sha256: hash(),
            scopes: ["chat".to_owned(), "tasks:write".to_owned()].into(),
        }]);
}

#[test]
fn what_does_not_look_right_is_refused() {
    for sha256 in ["", "0A", &"g".repeat(64), &"A".repeat(64), &"a".repeat(63)] {
        given::<ApiKey>([])
            .when(issue(sha256, &["*"], None))
            .refused(No::HashInvalid);
    }
    let long = "x".repeat(65);
    for scopes in [&[][..], &[""], &["Tasks"], &["a b"], &[long.as_str()], &["a"; 33]] {
        given::<ApiKey>([])
            .when(issue(&hash(), scopes, None))
            .refused(No::ScopesInvalid);
    }
    given::<ApiKey>([])
        .when(issue(&hash(), &["*"], Some("\u{7}")))
        .refused(No::NameInvalid);
}

#[test]
fn an_id_is_issued_once() {
    given::<ApiKey>(issued())
        .when(issue(&hash(), &["*"], None))
        .refused(No::ApiKeyAlreadyIssued);
}

#[test]
fn revoked_is_for_good() {
    let done = given::<ApiKey>(issued())
        .when(Do::Revoke)
        .then([Did::Revoked { sha256: hash() }]);
    assert!(done.state().revoked);
    done.when(Do::Revoke)
        .nothing()
        .when(issue(&hash(), &["*"], None))
        .refused(No::ApiKeyAlreadyIssued);
}

#[test]
fn an_unknown_key_is_not_revoked() {
    given::<ApiKey>([]).when(Do::Revoke).refused(No::ApiKeyNotFound);
}

//! Specs of an owner's secrets.

use super::{SecretsCommand as Do, SecretsEvent as Did, SecretsRefusal as No, *};
use crate::spec::given;

fn owner() -> SecretOwner {
    SecretOwner::new(OwnerKind::Agent, "agt_1")
}

fn store(name: &str, reference: &str) -> Do {
    let (name, vault_ref) = (name.to_owned(), VaultRef::from(reference));
    Do::Store {
        account_id: "acc_1".into(),
        owner: owner(),
        name,
        vault_ref,
    }
}

fn stored(name: &str, reference: &str) -> Did {
    replacing(name, reference, None)
}

fn replacing(name: &str, reference: &str, former: Option<&str>) -> Did {
    let (name, vault_ref) = (name.to_owned(), VaultRef::from(reference));
    Did::Stored {
        account_id: "acc_1".into(),
        owner: owner(),
        name,
        vault_ref,
        replaced: former.map(VaultRef::from),
    }
}

fn purge() -> Do {
    Do::Purge {
        account_id: "acc_1".into(),
        owner: owner(),
    }
}

fn purged() -> Did {
    Did::Purged {
        account_id: "acc_1".into(),
        owner: owner(),
    }
}

#[test]
fn a_name_is_set_and_replaced() {
    let done = given::<Secrets>([])
        .when(store("openai_api_key", "v1"))
        .then([stored("openai_api_key", "v1")])
        .when(store("openai_api_key", "v1"))
        .nothing()
        .when(store("openai_api_key", "v2"))
        .then([replacing("openai_api_key", "v2", Some("v1"))]);
    assert_eq!(done.state().names["openai_api_key"], VaultRef::from("v2"));
}

#[test]
fn names_look_like_variables() {
    for name in ["", "1a", "a b", "é", "a/b", &"a".repeat(129)] {
        given::<Secrets>([])
            .when(store(name, "v"))
            .refused(No::NameInvalid);
    }
    for name in ["A", "_x", "telegram.bot-token_2"] {
        given::<Secrets>([])
            .when(store(name, "v"))
            .then([stored(name, "v")]);
    }
}

#[test]
fn what_is_not_set_cannot_be_removed() {
    let remove = Do::Remove { name: "a".to_owned() };
    given::<Secrets>([])
        .when(remove.clone())
        .refused(No::SecretNotFound);
    given::<Secrets>([stored("a", "v")])
        .when(remove.clone())
        .then([Did::Removed {
            name: "a".to_owned(),
            vault_ref: "v".into(),
            in_force: None,
        }])
        .when(remove)
        .refused(No::SecretNotFound);
}

#[test]
fn there_is_a_limit_of_names_but_not_of_changes() {
    let full: Vec<Did> = (0..MAX_SECRETS).map(|n| stored(&format!("n{n}"), "v")).collect();
    given::<Secrets>(full.clone())
        .when(store("one_more", "v"))
        .refused(No::TooManySecrets { limit: MAX_SECRETS });
    given::<Secrets>(full)
        .when(store("n0", "v2"))
        .then([replacing("n0", "v2", Some("v"))]);
}

#[test]
fn nothing_is_stored_after_the_purge() {
    let done = given::<Secrets>([stored("a", "v")])
        .when(purge())
        .then([purged()]);
    assert!(done.state().names.is_empty());
    done.when(purge())
        .nothing()
        .when(store("a", "v"))
        .refused(No::OwnerGone);
    given::<Secrets>([])
        .when(purge())
        .then([purged()])
        .when(store("a", "v"))
        .refused(No::OwnerGone);
}

#[test]
fn owners_are_written_kind_and_id() {
    for kind in OwnerKind::ALL {
        let owner = SecretOwner::new(kind, "x-y");
        assert_eq!(owner.to_string().parse(), Ok(owner));
    }
    for text in ["", "agent", "agent/", "swarm/1", "/1", "agent/a/b", "agent/a b"] {
        assert_eq!(text.parse::<SecretOwner>(), Err(NotAnOwner), "{text}");
    }
}

#[test]
fn what_is_in_force_is_kept_until_the_next_sync() {
    let owner = || SecretOwner::new(OwnerKind::User, "usr_1");
    let stored = |place: &str, replaced: Option<&str>| Did::Stored {
        account_id: "acc_1".into(),
        owner: owner(),
        name: "key".to_owned(),
        vault_ref: place.into(),
        replaced: replaced.map(VaultRef::from),
    };
    let store = |place: &str| Do::Store {
        account_id: "acc_1".into(),
        owner: owner(),
        name: "key".to_owned(),
        vault_ref: place.into(),
    };
    let synced = |place: &str, dropped: &[&str]| Did::Synced {
        account_id: "acc_1".into(),
        owner: owner(),
        in_force: [("key".to_owned(), place.into())].into(),
        dropped: dropped.iter().map(|place| VaultRef::from(*place)).collect(),
    };
    let sync = || Do::Sync {
        account_id: "acc_1".into(),
        owner: owner(),
    };
    let remove = || Do::Remove {
        name: "key".to_owned(),
    };
    given::<Secrets>([]).when(sync()).then([]);
    given::<Secrets>([stored("one", None)])
        .when(sync())
        .then([synced("one", &[])]);
    let first = || vec![stored("one", None), synced("one", &[])];
    given::<Secrets>(first()).when(sync()).then([]);
    given::<Secrets>(first())
        .when(store("two"))
        .then([stored("two", None)]);
    let newer = || [first(), vec![stored("two", None)]].concat();
    given::<Secrets>(newer())
        .when(store("three"))
        .then([stored("three", Some("two"))]);
    given::<Secrets>(newer())
        .when(sync())
        .then([synced("two", &["one"])]);
    given::<Secrets>(newer()).when(remove()).then([Did::Removed {
        name: "key".to_owned(),
        vault_ref: "two".into(),
        in_force: Some("one".into()),
    }]);
    given::<Secrets>(first()).when(remove()).then([Did::Removed {
        name: "key".to_owned(),
        vault_ref: "one".into(),
        in_force: None,
    }]);
}

//! Specs of the commands of secrets.

use reef_domain::{Dialect, account::Role};
use reef_projections::views::secret::Secrets as SecretNames;
use serde_json::json;

use super::*;
use crate::{
    Caller,
    spec::{World, body, code, kinds},
};

const VALUE: &str = "sk-very-secret";

fn user(user: &UserId) -> SecretOwner {
    SecretOwner::new(OwnerKind::User, user)
}

async fn stored(world: &World, owner: &SecretOwner, name: &str) -> String {
    let secrets = world.state::<Secrets>(owner.to_string()).await;
    let value = world
        .bus
        .services()
        .vault
        .get(&VaultOwner(owner.to_string()), &secrets.names[name])
        .await;
    String::from_utf8(value.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_value_is_in_the_vault_and_nowhere_else() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let owner = user(&member.user);
    let answer = world
        .by(
            &member.caller,
            StoreSecret::new(owner.clone(), "openai_api_key", VALUE),
        )
        .await
        .unwrap();
    assert_eq!(kinds(&answer), ["SecretStored"]);
    assert!(!serde_json::to_string(&answer).unwrap().contains(VALUE));
    assert!(
        world
            .store
            .events()
            .iter()
            .all(|envelope| !envelope.payload.contains(VALUE))
    );
    assert!(
        world
            .doc::<SecretNames>(owner.to_string())
            .await
            .unwrap()
            .has("openai_api_key")
    );
    assert_eq!(stored(&world, &owner, "openai_api_key").await, VALUE);
}

#[tokio::test]
async fn a_new_value_replaces_the_old() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let owner = user(&member.user);
    for value in ["one", "two"] {
        world
            .by(&member.caller, StoreSecret::new(owner.clone(), "k", value))
            .await
            .unwrap();
    }
    assert_eq!(stored(&world, &owner, "k").await, "two");
    let remove = RemoveSecret {
        owner,
        name: "k".to_owned(),
        account_id: None,
    };
    assert_eq!(
        kinds(&world.by(&member.caller, remove.clone()).await.unwrap()),
        ["SecretRemoved"]
    );
    assert_eq!(code(world.by(&member.caller, remove).await), "secret_not_found");
}

#[tokio::test]
async fn what_is_refused_is_not_in_the_vault_either() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let bad_name = StoreSecret::new(user(&member.user), "not a name", VALUE);
    assert_eq!(
        code(world.by(&member.caller, bad_name).await),
        "secret_name_invalid"
    );
    for value in [String::new(), "x".repeat(65_537)] {
        let bad_value = StoreSecret::new(user(&member.user), "k", value);
        assert_eq!(code(world.by(&member.caller, bad_value).await), "invalid_command");
    }
    let first = world
        .by(&member.caller, StoreSecret::new(user(&member.user), "k", VALUE))
        .await
        .unwrap();
    assert_eq!(first.events.len(), 1);
    let reference = world.state::<Secrets>(user(&member.user).to_string()).await.names["k"].clone();
    // The vault in memory numbers what it is given.
    assert!(
        reference.as_str().ends_with('1'),
        "{reference} is the first value the vault was given"
    );
}

#[tokio::test]
async fn owners_must_exist_and_be_the_callers() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let stranger = world.account("other", Dialect::Native).await;
    let member = world.user(&owner, Role::Member).await;
    let store = async |caller: &Caller, kind: OwnerKind, id: &str| {
        world
            .by(caller, StoreSecret::new(SecretOwner::new(kind, id), "k", VALUE))
            .await
    };
    for (kind, id) in [
        (OwnerKind::User, owner.user.as_str()),
        (OwnerKind::Account, owner.account.as_str()),
        (OwnerKind::Agent, "agt_none"),
        (OwnerKind::Runtime, "rt_none"),
    ] {
        assert_eq!(
            code(store(&stranger.caller, kind, id).await),
            "not_found",
            "{kind:?}"
        );
    }
    assert_eq!(
        code(store(&member.caller, OwnerKind::User, owner.user.as_str()).await),
        "not_your_user"
    );
    assert_eq!(
        code(store(&member.caller, OwnerKind::Account, owner.account.as_str()).await),
        "not_your_user"
    );
    store(&member.caller, OwnerKind::User, member.user.as_str())
        .await
        .unwrap();
    store(&owner.caller, OwnerKind::User, member.user.as_str())
        .await
        .unwrap();
    store(&owner.caller, OwnerKind::Account, owner.account.as_str())
        .await
        .unwrap();
}

#[test]
fn a_value_is_never_printed() {
    let command = body::<StoreSecret>(json!({ "owner": "agent/agt_1", "name": "k", "value": VALUE }));
    assert!(!format!("{command:?}").contains(VALUE));
}

//! Specs of the commands of API keys.

use reef_domain::{Dialect, account::Role};
use reef_projections::views::api_key::{ApiKeys, Credentials};

use super::*;
use crate::{
    account::{CloseAccount, SuspendAccount},
    spec::{World, code, kinds},
};

fn issue(account: &AccountId) -> IssueApiKey {
    IssueApiKey {
        account_id: Some(account.clone()),
        ..Default::default()
    }
}

fn text(answer: &crate::Answer, field: &str) -> String {
    answer.result.as_ref().unwrap()[field]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_key_is_shown_once_and_found_by_its_hash() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let answer = world.operator(issue(&owner.account)).await.unwrap();
    let key = text(&answer, "key");
    assert!(key.starts_with("tropic_live_sk_") && key.starts_with(&text(&answer, "prefix")));
    let found = world.doc::<Credentials>(digest_key(&key)).await.unwrap();
    assert_eq!((found.account_id, found.user_id), (owner.account, owner.user));
    assert!(found.scopes.contains("*"));
    let stored: Vec<_> = world
        .store
        .events()
        .iter()
        .map(|envelope| envelope.payload.to_string())
        .collect();
    assert!(!stored.concat().contains(&key));
}

#[tokio::test]
async fn a_revoked_key_stands_for_nobody() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let answer = world.by(&owner.caller, IssueApiKey::default()).await.unwrap();
    let revoke = RevokeApiKey {
        key_id: answer.aggregate.id.as_str().into(),
    };
    assert_eq!(
        kinds(&world.by(&owner.caller, revoke.clone()).await.unwrap()),
        ["ApiKeyRevoked"]
    );
    assert!(world.by(&owner.caller, revoke).await.unwrap().events.is_empty());
    assert_eq!(
        world.doc::<Credentials>(digest_key(&text(&answer, "key"))).await,
        None
    );
    assert!(
        world
            .doc::<ApiKeys>(&answer.aggregate.id)
            .await
            .unwrap()
            .revoked_at
            .is_some()
    );
}

#[tokio::test]
async fn a_key_can_do_no_more_than_its_maker() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let narrow = owner.with_scopes(&["keys:write", "tasks:*"]);
    let asking = |scopes: &[&str]| IssueApiKey {
        scopes: Some(scopes.iter().map(ToString::to_string).collect()),
        ..Default::default()
    };
    for wide in [&["*"][..], &["agents:write"], &["tasks:write", "keys:*"]] {
        assert_eq!(
            code(world.by(&narrow, asking(wide)).await),
            "scope_not_held",
            "{wide:?}"
        );
    }
    world.by(&narrow, asking(&["tasks:write"])).await.unwrap();
    let inherited = world.by(&narrow, IssueApiKey::default()).await.unwrap();
    let scopes = world
        .doc::<ApiKeys>(&inherited.aggregate.id)
        .await
        .unwrap()
        .scopes;
    assert_eq!(Vec::from_iter(scopes), ["keys:write", "tasks:*"]);
}

#[tokio::test]
async fn only_owners_and_admins_handle_keys_of_others() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let member = world.user(&owner, Role::Member).await;
    let for_owner = IssueApiKey {
        user_id: Some(owner.user.clone()),
        ..Default::default()
    };
    assert_eq!(code(world.by(&member.caller, for_owner).await), "not_your_user");
    let for_member = IssueApiKey {
        user_id: Some(member.user.clone()),
        ..Default::default()
    };
    world.by(&owner.caller, for_member).await.unwrap();
    let owners = world.by(&owner.caller, IssueApiKey::default()).await.unwrap();
    let revoke = RevokeApiKey {
        key_id: owners.aggregate.id.as_str().into(),
    };
    assert_eq!(code(world.by(&member.caller, revoke).await), "not_your_user");
}

#[tokio::test]
async fn other_accounts_are_out_of_reach() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let stranger = world.account("other", Dialect::Native).await;
    assert_eq!(
        code(world.by(&stranger.caller, issue(&owner.account)).await),
        "not_found"
    );
    let key = world
        .by(&owner.caller, IssueApiKey::default())
        .await
        .unwrap()
        .aggregate
        .id;
    let revoke = RevokeApiKey {
        key_id: key.as_str().into(),
    };
    assert_eq!(code(world.by(&stranger.caller, revoke).await), "not_found");
    let foreign_user = IssueApiKey {
        user_id: Some(stranger.user),
        ..Default::default()
    };
    assert_eq!(code(world.by(&owner.caller, foreign_user).await), "not_found");
}

#[tokio::test]
async fn accounts_out_of_use_get_no_keys() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let suspend = SuspendAccount {
        account_id: owner.account.clone(),
        reason: String::new(),
    };
    world.operator(suspend).await.unwrap();
    assert_eq!(
        code(world.operator(issue(&owner.account)).await),
        "account_suspended"
    );
    world
        .operator(CloseAccount {
            account_id: owner.account.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        code(world.operator(issue(&owner.account)).await),
        "account_closed"
    );
}

//! Specs of the commands of ledgers.

use reef_domain::Dialect;
use reef_projections::{
    Filter, Query,
    views::ledger::{LedgerEntries, Ledgers},
};

use super::*;
use crate::{
    Caller, Request,
    account::CloseAccount,
    spec::{World, code, kinds},
};

fn grant(account_id: &AccountId, amount_micro: u64, grant_id: Option<&str>) -> GrantCredits {
    GrantCredits {
        account_id: account_id.clone(),
        amount_micro,
        grant_id: grant_id.map(ToOwned::to_owned),
        description: "welcome".to_owned(),
    }
}

#[tokio::test]
async fn a_grant_id_counts_once() {
    let world = World::new();
    let account = world.account("acme", Dialect::Native).await.account;
    assert_eq!(
        kinds(&world.operator(grant(&account, 5, Some("g"))).await.unwrap()),
        ["CreditsGranted"]
    );
    assert!(
        world
            .operator(grant(&account, 5, Some("g")))
            .await
            .unwrap()
            .events
            .is_empty()
    );
    assert_eq!(
        code(world.operator(grant(&account, 6, Some("g"))).await),
        "grant_conflict"
    );
    for _ in 0..2 {
        world.operator(grant(&account, 1, None)).await.unwrap();
    }
    assert_eq!(world.doc::<Ledgers>(&account).await.unwrap().balance_micro, 7);
    let query = Query {
        filters: vec![Filter::Parent(account.to_string())],
        ..Query::default()
    };
    let entries = world
        .bus
        .services()
        .views
        .all::<LedgerEntries>(query)
        .await
        .unwrap();
    assert_eq!(
        entries.iter().map(|entry| entry.amount_micro).collect::<Vec<_>>(),
        [1, 1, 5]
    );
}

#[tokio::test]
async fn a_repeated_request_counts_once() {
    let world = World::new();
    let account = world.account("acme", Dialect::Native).await.account;
    for replayed in [false, true] {
        let request = Request::new(Caller::operator(), "spec").once("key");
        let answer = world
            .bus
            .execute(&grant(&account, 5, None), request)
            .await
            .unwrap();
        assert_eq!(answer.replayed, replayed);
    }
    assert_eq!(world.doc::<Ledgers>(&account).await.unwrap().balance_micro, 5);
}

#[tokio::test]
async fn grants_at_the_same_moment_all_count() {
    let world = World::new();
    let account = world.account("acme", Dialect::Native).await.account;
    let grants = (0..20).map(|_| world.operator(grant(&account, 1, None)));
    for granted in futures::future::join_all(grants).await {
        granted.unwrap();
    }
    assert_eq!(world.doc::<Ledgers>(&account).await.unwrap().balance_micro, 20);
}

#[tokio::test]
async fn credits_need_an_account_in_use_and_a_sensible_amount() {
    let world = World::new();
    let account = world.account("acme", Dialect::Native).await.account;
    assert_eq!(
        code(world.operator(grant(&"acc_none".into(), 1, None)).await),
        "not_found"
    );
    for absurd in [0, u64::MAX] {
        assert_eq!(
            code(world.operator(grant(&account, absurd, None)).await),
            "amount_invalid"
        );
    }
    world
        .operator(CloseAccount {
            account_id: account.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        code(world.operator(grant(&account, 1, None)).await),
        "account_closed"
    );
}

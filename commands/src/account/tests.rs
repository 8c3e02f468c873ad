//! Specs of the commands of accounts.

use reef_projections::views::{account::Accounts, ledger::Ledgers};

use super::*;
use crate::spec::{World, code, kinds};

fn register(email: &str, dialect: Dialect) -> RegisterAccount {
    RegisterAccount {
        name: "Acme".to_owned(),
        owner_email: email.to_owned(),
        dialect,
        ..Default::default()
    }
}

#[tokio::test]
async fn registering_opens_the_ledger_in_the_same_append() {
    let world = World::new();
    let answer = world
        .operator(register("a@example.com", Dialect::Tropic))
        .await
        .unwrap();
    let expected = [
        "AccountRegistered",
        "UserAdded",
        "PlanAssigned",
        "LedgerOpened",
        "ReservationClaimed",
    ];
    assert_eq!(kinds(&answer), expected);
    let doc = world.doc::<Accounts>(&answer.aggregate.id).await.unwrap();
    assert_eq!(doc.plan.charge_quantum_micro, 10_000);
    assert_eq!(
        world
            .doc::<Ledgers>(&answer.aggregate.id)
            .await
            .unwrap()
            .balance_micro,
        0
    );
    assert_eq!(
        answer.result.unwrap()["user_id"],
        doc.owner().unwrap().user_id.as_str()
    );
}

#[tokio::test]
async fn an_email_is_unique_within_its_dialect_whatever_its_case() {
    let world = World::new();
    world
        .operator(register("a@example.com", Dialect::Native))
        .await
        .unwrap();
    let before = world.store.events().len();
    assert_eq!(
        code(world.operator(register(" A@Example.com ", Dialect::Native)).await),
        "email_taken"
    );
    assert_eq!(
        world.store.events().len(),
        before,
        "nothing of a refused command is stored"
    );
    world
        .operator(register("a@example.com", Dialect::Agento))
        .await
        .unwrap();
}

#[tokio::test]
async fn no_address_stands_in_a_reservation() {
    let world = World::new();
    world
        .operator(register("a@example.com", Dialect::Native))
        .await
        .unwrap();
    let reservations = world.store.events();
    let reservation = reservations
        .iter()
        .find(|e| e.aggregate_type == "reservation")
        .unwrap();
    assert!(!reservation.aggregate_id.contains("example"));
}

#[tokio::test]
async fn only_one_of_two_at_the_same_moment_gets_the_email() {
    let world = World::new();
    let (one, other) = tokio::join!(
        world.operator(register("a@example.com", Dialect::Native)),
        world.operator(register("a@example.com", Dialect::Native)),
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn closing_frees_the_email_and_needs_an_empty_house() {
    let world = World::new();
    let first = world.account("acme", Dialect::Native).await;
    let close = CloseAccount {
        account_id: first.account.clone(),
    };
    assert_eq!(
        kinds(&world.operator(close.clone()).await.unwrap()),
        ["AccountClosed", "ReservationReleased"]
    );
    assert!(world.operator(close).await.unwrap().events.is_empty());
    world
        .operator(register("acme@example.com", Dialect::Native))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_suspended_account_is_reinstated() {
    let world = World::new();
    let account_id = world.account("acme", Dialect::Native).await.account;
    let suspend = SuspendAccount {
        account_id: account_id.clone(),
        reason: String::new(),
    };
    assert_eq!(
        kinds(&world.operator(suspend).await.unwrap()),
        ["AccountSuspended"]
    );
    let reinstate = ReinstateAccount { account_id };
    assert_eq!(
        kinds(&world.operator(reinstate).await.unwrap()),
        ["AccountReinstated"]
    );
}

#[tokio::test]
async fn what_does_not_exist_is_told() {
    let world = World::new();
    let account_id: AccountId = "acc_none".into();
    assert_eq!(
        code(
            world
                .operator(ReinstateAccount {
                    account_id: account_id.clone()
                })
                .await
        ),
        "not_found"
    );
    assert_eq!(
        code(
            world
                .operator(AssignPlan {
                    account_id,
                    plan: Plan::default()
                })
                .await
        ),
        "not_found"
    );
}

#[tokio::test]
async fn an_account_keeps_an_owner() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let demote = |user: &UserId| GrantRole {
        account_id: owner.account.clone(),
        user_id: user.clone(),
        role: Role::Member,
    };
    assert_eq!(code(world.operator(demote(&owner.user)).await), "last_owner");
    world.user(&owner, Role::Owner).await;
    assert_eq!(
        kinds(&world.operator(demote(&owner.user)).await.unwrap()),
        ["RoleGranted"]
    );
}

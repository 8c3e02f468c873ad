//! Specs of registering with an invite code.

use futures::future::join_all;
use reef_projections::views::{account::Accounts, ledger::Ledgers};

use super::*;
use crate::spec::World;

fn ada(code: &str) -> Registration {
    Registration {
        dialect: Dialect::Thermidora,
        name: "Ada".to_owned(),
        email: "Ada@Example.com".to_owned(),
        invite_code: code.to_owned(),
        balance_micro: 0,
    }
}

fn numbered(code: &str, number: usize) -> Registration {
    Registration {
        email: format!("u{number}@example.com"),
        ..ada(code)
    }
}

async fn code(world: &World, uses: u32) -> String {
    let issue = IssueInviteCode {
        uses,
        ..IssueInviteCode::default()
    };
    let answer = world.operator(issue).await.unwrap();
    answer.result.unwrap()["code"].as_str().unwrap().to_owned()
}

async fn refused(world: &World, registration: &Registration) -> &'static str {
    register(&world.bus, registration, "spec")
        .await
        .unwrap_err()
        .code()
}

#[tokio::test]
async fn a_code_opens_an_account_once() {
    let world = World::new();
    let code = code(&world, 1).await;
    let opened = register(&world.bus, &ada(&code), "spec").await.unwrap();
    let account = world.doc::<Accounts>(&opened.account_id).await.unwrap();
    assert_eq!(account.dialect, Dialect::Thermidora);
    assert_eq!(account.owner().unwrap().user_id, opened.user_id);
    assert_eq!(refused(&world, &numbered(&code, 1)).await, "invite_code_used");
    assert_eq!(
        refused(&world, &numbered("invite_made_up", 1)).await,
        "invite_code_unknown"
    );
    let log = format!("{:?}", world.store.events());
    assert!(!log.contains(&code) && log.contains(&digest_key(&code)));
}

#[tokio::test]
async fn of_many_at_once_as_many_as_the_code_is_for_get_in() {
    let world = World::new();
    let code = code(&world, 3).await;
    let all: Vec<_> = (0..10).map(|number| numbered(&code, number)).collect();
    let tried = join_all(all.iter().map(|one| register(&world.bus, one, "spec"))).await;
    assert_eq!(tried.iter().filter(|tried| tried.is_ok()).count(), 3);
    let refused = tried.into_iter().filter_map(Result::err);
    assert!(
        refused
            .into_iter()
            .all(|error| error.code() == "invite_code_used")
    );
    let opened = world.event_types();
    let opened = opened.iter().filter(|kind| **kind == "AccountRegistered");
    assert_eq!(opened.count(), 3);
}

#[tokio::test]
async fn an_e_mail_is_taken_in_any_case_and_the_code_is_not_used_up() {
    let world = World::new();
    let code = code(&world, 2).await;
    register(&world.bus, &ada(&code), "spec").await.unwrap();
    let again = Registration {
        email: "aDA@example.COM".to_owned(),
        ..ada(&code)
    };
    assert_eq!(refused(&world, &again).await, "email_taken");
    assert_eq!(refused(&world, &ada("made up")).await, "invite_code_unknown");
    register(&world.bus, &numbered(&code, 1), "spec").await.unwrap();
}

#[tokio::test]
async fn the_ledger_starts_with_what_is_configured() {
    let world = World::new();
    let code = code(&world, 2).await;
    let rich = Registration {
        balance_micro: 5_000_000,
        ..numbered(&code, 1)
    };
    for (registration, balance) in [(rich, 5_000_000), (numbered(&code, 2), 0)] {
        let opened = register(&world.bus, &registration, "spec").await.unwrap();
        let ledger = world.doc::<Ledgers>(&opened.account_id).await.unwrap();
        assert_eq!(ledger.balance_micro, balance);
    }
}

#[tokio::test]
async fn a_code_that_was_taken_back_opens_nothing_and_what_it_opened_stays() {
    let world = World::new();
    let code = code(&world, 2).await;
    let opened = register(&world.bus, &ada(&code), "spec").await.unwrap();
    let revoke = |code: &str| RevokeInviteCode {
        invite_code_id: digest_key(code).into(),
    };
    for _ in 0..2 {
        world.operator(revoke(&code)).await.unwrap();
    }
    assert_eq!(refused(&world, &numbered(&code, 1)).await, "invite_code_unknown");
    assert!(world.doc::<Accounts>(&opened.account_id).await.is_some());
    let absent = world.operator(revoke("invite_made_up")).await;
    assert_eq!(absent.unwrap_err().code(), "not_found");
}

//! Specs of signing in.

use futures::future::join_all;
use reef_projections::views::account::AccountDoc;

use super::*;
use crate::{
    account::{CloseAccount, RegisterAccount, SuspendAccount},
    spec::{World, body, code, kinds},
};

const ISSUER: &str = "https://clerk.example.com";

fn ada() -> ExternalIdentity {
    ExternalIdentity {
        issuer: ISSUER.to_owned(),
        subject: "user_2abc".to_owned(),
        email: None,
        name: None,
        dialect: Dialect::Tropic,
    }
}

async fn account(world: &World, caller: &Caller) -> AccountDoc {
    let id = caller.account_id.as_ref().unwrap();
    world.doc::<Accounts>(id).await.unwrap()
}

fn refused(result: Result<Caller, CommandError>) -> &'static str {
    result.expect_err("a refusal").code()
}

#[tokio::test]
async fn the_first_sign_in_opens_an_account() {
    let world = World::new();
    let caller = resolve(&world.bus, &ada()).await.unwrap();
    assert_eq!(
        caller.user_id,
        Some("user_2abc".into()),
        "tropic.yaml: subject is the user id"
    );
    assert_eq!(caller.dialect, Dialect::Tropic);
    assert_eq!(caller.actor, Actor::new(ActorKind::User, "user_2abc"));
    assert!(caller.may("agents:write"));
    let account = account(&world, &caller).await;
    assert_eq!((&*account.name, account.owner_email), ("user_2abc", None));
    assert_eq!(account.users.len(), 1);
    assert_eq!(
        account.plan,
        reef_domain::account::Plan::for_dialect(Dialect::Tropic)
    );
    let expected = [
        "ReservationClaimed",
        "AccountRegistered",
        "UserAdded",
        "PlanAssigned",
        "IdentityLinked",
        "LedgerOpened",
        "ReservationClaimed",
    ];
    let mut happened = world.event_types();
    let mut sorted = expected;
    happened.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(happened, sorted);
}

#[tokio::test]
async fn later_ones_append_nothing() {
    let world = World::new();
    let first = resolve(&world.bus, &ada()).await.unwrap();
    let events = world.event_types().len();
    let renamed = ExternalIdentity {
        name: Some("Ada".to_owned()),
        ..ada()
    };
    assert_eq!(resolve(&world.bus, &renamed).await.unwrap(), first);
    assert_eq!(world.event_types().len(), events);
}

#[tokio::test]
async fn many_first_requests_at_once_make_one_account() {
    let world = World::new();
    let callers = join_all((0..20).map(|_| {
        let bus = world.bus.clone();
        async move { resolve(&bus, &ada()).await.unwrap() }
    }))
    .await;
    assert!(callers.iter().all(|caller| *caller == callers[0]));
    let registered = world
        .event_types()
        .into_iter()
        .filter(|kind| *kind == "AccountRegistered")
        .count();
    assert_eq!(registered, 1);
}

#[tokio::test]
async fn the_account_is_named_after_the_person() {
    let world = World::new();
    let told = ExternalIdentity {
        name: Some(" Ada\u{7} Lovelace ".to_owned()),
        email: Some("ada@example.com".to_owned()),
        ..ada()
    };
    let ada = resolve(&world.bus, &told).await.unwrap();
    let doc = account(&world, &ada).await;
    assert_eq!(doc.name, "Ada Lovelace");
    assert_eq!(doc.owner_email.as_deref(), Some("ada@example.com"));
    let nameless = ExternalIdentity {
        subject: "user_2def".to_owned(),
        email: Some("no address".to_owned()),
        ..self::ada()
    };
    let caller = resolve(&world.bus, &nameless).await.unwrap();
    let doc = account(&world, &caller).await;
    assert_eq!((&*doc.name, doc.owner_email), ("no address", None));
}

#[tokio::test]
async fn an_address_opens_no_account_that_is_there() {
    let world = World::new();
    let theirs = world.account("ada", Dialect::Tropic).await;
    let told = ExternalIdentity {
        email: Some("Ada@example.com".to_owned()),
        ..ada()
    };
    let caller = resolve(&world.bus, &told).await.unwrap();
    assert_ne!(caller.account_id, Some(theirs.account));
    assert_eq!(account(&world, &caller).await.owner_email, None);
}

#[tokio::test]
async fn the_same_subject_of_another_issuer_is_somebody_else() {
    let world = World::new();
    resolve(&world.bus, &ada()).await.unwrap();
    let other = ExternalIdentity {
        issuer: "https://other.example.com".to_owned(),
        ..ada()
    };
    assert_eq!(refused(resolve(&world.bus, &other).await), "user_id_taken");
    let plain = ExternalIdentity {
        subject: "auth0|17".to_owned(),
        ..other
    };
    let caller = resolve(&world.bus, &plain).await.unwrap();
    let user = caller.user_id.unwrap();
    assert!(
        user.as_str().starts_with("user_") && user.as_str().len() == 13,
        "{user}"
    );
}

#[tokio::test]
async fn a_user_id_that_the_operator_chose_is_not_taken_over() {
    let world = World::new();
    let register: RegisterAccount = body(json!({
        "name": "Acme", "owner_email": "a@acme.example", "dialect": "tropic", "user_id": "user_2abc",
    }));
    let answer = world.operator(register).await.unwrap();
    assert_eq!(refused(resolve(&world.bus, &ada()).await), "user_id_taken");
    let link = LinkIdentity {
        account_id: answer.aggregate.id.as_str().into(),
        user_id: "user_2abc".into(),
        issuer: ISSUER.to_owned(),
        subject: "user_2abc".to_owned(),
    };
    let linked = world.operator(link.clone()).await.unwrap();
    assert_eq!(kinds(&linked), ["IdentityLinked", "ReservationClaimed"]);
    assert!(world.operator(link).await.unwrap().events.is_empty());
    let caller = resolve(&world.bus, &ada()).await.unwrap();
    assert_eq!(caller.account_id, Some(answer.aggregate.id.as_str().into()));
}

#[tokio::test]
async fn an_identity_leads_to_one_account() {
    let world = World::new();
    resolve(&world.bus, &ada()).await.unwrap();
    let other = world.account("other", Dialect::Tropic).await;
    let link = LinkIdentity {
        account_id: other.account,
        user_id: other.user,
        issuer: ISSUER.to_owned(),
        subject: "user_2abc".to_owned(),
    };
    assert_eq!(code(world.operator(link).await), "identity_taken");
}

#[tokio::test]
async fn suspended_and_closed_accounts_are_refused() {
    let world = World::new();
    let caller = resolve(&world.bus, &ada()).await.unwrap();
    let account_id = caller.account_id.unwrap();
    let suspend: SuspendAccount = body(json!({ "account_id": account_id }));
    world.operator(suspend).await.unwrap();
    assert_eq!(refused(resolve(&world.bus, &ada()).await), "account_suspended");
    world.operator(CloseAccount { account_id }).await.unwrap();
    assert_eq!(refused(resolve(&world.bus, &ada()).await), "account_closed");
}

#[test]
fn issuer_and_subject_make_the_id() {
    let id = identity_id("a", "b");
    assert_eq!(id.as_str().len(), 64);
    assert_eq!(id, identity_id("a", "b"));
    assert_ne!(id, identity_id("ab", ""));
    assert_ne!(id, identity_id("b", "a"));
}

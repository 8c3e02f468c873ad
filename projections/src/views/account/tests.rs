//! Specs of the view of accounts.

use reef_domain::{
    Dialect,
    account::{AccountEvent as Did, AccountStatus, Plan, Role},
};

use super::*;
use crate::views::tests::log::{at, doc};

fn registered() -> Vec<Did> {
    vec![
        Did::Registered {
            account_id: "acc_1".into(),
            dialect: Dialect::Tropic,
            name: "Acme".to_owned(),
            owner_email: Some("a@acme.example".to_owned()),
        },
        Did::UserAdded {
            user_id: "usr_1".into(),
            email: None,
            name: None,
            role: Role::Owner,
        },
        Did::PlanAssigned {
            plan: Plan {
                max_active_agents: 9,
                ..Plan::default()
            },
        },
    ]
}

#[test]
fn an_account_shows_its_users_and_plan() {
    let doc = doc::<Accounts>("acc_1", "acc_1", registered()).unwrap();
    assert_eq!(
        (doc.status, doc.dialect, doc.plan.max_active_agents),
        (AccountStatus::Registered, Dialect::Tropic, 9)
    );
    assert_eq!(doc.owner().unwrap().user_id.as_str(), "usr_1");
    assert_eq!((doc.created_at, doc.updated_at), (at(1), at(3)));
}

#[test]
fn its_status_follows() {
    let after = |more: Vec<Did>| {
        let events: Vec<Did> = registered().into_iter().chain(more).collect();
        let doc = doc::<Accounts>("acc_1", "acc_1", events).unwrap();
        (doc.status, doc.suspended_reason)
    };
    let suspended = Did::Suspended {
        reason: "unpaid".to_owned(),
    };
    assert_eq!(
        after(vec![suspended.clone()]),
        (AccountStatus::Suspended, Some("unpaid".to_owned()))
    );
    assert_eq!(
        after(vec![suspended, Did::Reinstated {}]),
        (AccountStatus::Registered, None)
    );
    assert_eq!(after(vec![Did::Closed {}]).0, AccountStatus::Closed);
}

#[test]
fn a_granted_role_replaces_the_former() {
    let mut events = registered();
    events.push(Did::UserAdded {
        user_id: "usr_2".into(),
        email: None,
        name: None,
        role: Role::Member,
    });
    events.push(Did::RoleGranted {
        user_id: "usr_2".into(),
        role: Role::Admin,
    });
    let doc = doc::<Accounts>("acc_1", "acc_1", events).unwrap();
    let roles: Vec<Role> = doc.users.iter().map(|user| user.role).collect();
    assert_eq!(roles, [Role::Owner, Role::Admin]);
}

//! Specs of the account.

use super::{AccountCommand as Do, AccountEvent as Did, AccountRefusal as No, *};
use crate::spec::given;

fn register(name: &str, email: &str) -> Do {
    Do::Register {
        account_id: "acc_1".into(),
        dialect: Dialect::Tropic,
        name: name.to_owned(),
        owner_user_id: "usr_1".into(),
        owner_email: Some(email.to_owned()),
        plan: Plan::for_dialect(Dialect::Tropic),
    }
}

fn registered() -> Vec<Did> {
    Account::default()
        .decide(register("Acme", "a@acme.example"))
        .unwrap()
}

fn and(more: impl IntoIterator<Item = Did>) -> Vec<Did> {
    registered().into_iter().chain(more).collect()
}

fn added(user: &str, role: Role) -> Did {
    Did::UserAdded {
        user_id: user.into(),
        email: None,
        name: None,
        role,
    }
}

#[test]
fn registering_makes_the_owner_and_the_plan() {
    let done = given::<Account>([])
        .when(register("  Acme ", " a@acme.example"))
        .then([
            Did::Registered {
                account_id: "acc_1".into(),
                dialect: Dialect::Tropic,
                name: "Acme".to_owned(),
                owner_email: Some("a@acme.example".to_owned()),
            },
            Did::UserAdded {
                user_id: "usr_1".into(),
                email: Some("a@acme.example".to_owned()),
                name: None,
                role: Role::Owner,
            },
            Did::PlanAssigned {
                plan: Plan {
                    charge_quantum_micro: 10_000,
                    ..Plan::default()
                },
            },
        ]);
    assert_eq!(done.state().users[&UserId::from("usr_1")], Role::Owner);
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
}

#[test]
fn an_owner_without_an_address_is_fine() {
    let register = Do::Register {
        account_id: "acc_1".into(),
        dialect: Dialect::Tropic,
        name: "Acme".to_owned(),
        owner_user_id: "user_1".into(),
        owner_email: None,
        plan: Plan::for_dialect(Dialect::Tropic),
    };
    let done = given::<Account>([]).when(register);
    assert_eq!(done.state().owner_email, None);
    assert_eq!(done.state().users[&UserId::from("user_1")], Role::Owner);
}

fn link(user: &str, subject: &str) -> Do {
    Do::LinkIdentity {
        user_id: user.into(),
        identity_id: "9f86".into(),
        issuer: "https://clerk.example.com".to_owned(),
        subject: subject.to_owned(),
    }
}

#[test]
fn a_way_to_sign_in_leads_to_one_user() {
    given::<Account>(and([added("usr_2", Role::Member)]))
        .when(link("usr_2", "user_abc"))
        .then([Did::IdentityLinked {
            account_id: "acc_1".into(),
            user_id: "usr_2".into(),
            identity_id: "9f86".into(),
            issuer: "https://clerk.example.com".to_owned(),
            subject: "user_abc".to_owned(),
        }])
        .when(link("usr_2", "user_abc"))
        .nothing()
        .when(link("usr_1", "user_abc"))
        .refused(No::IdentityTaken)
        .when(link("usr_3", "user_abc"))
        .refused(No::UserNotFound);
    given::<Account>(registered())
        .when(link("usr_1", " \n"))
        .refused(No::IdentityInvalid);
}

#[test]
fn an_id_registers_once() {
    given::<Account>(registered())
        .when(register("Other", "b@acme.example"))
        .refused(No::AccountAlreadyRegistered);
}

#[test]
fn names_and_addresses_are_checked() {
    for name in ["", "   ", "a\nb", &"x".repeat(101)] {
        given::<Account>([])
            .when(register(name, "a@b.example"))
            .refused(No::NameInvalid);
    }
    let _ = given::<Account>([])
        .when(register(&"é".repeat(100), "a@b.example"))
        .outcome()
        .as_ref()
        .unwrap();
    for email in [
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        &format!("{}@b", "a".repeat(260)),
    ] {
        given::<Account>([])
            .when(register("Acme", email))
            .refused(No::EmailInvalid);
    }
}

#[test]
fn plans_out_of_range_are_refused() {
    let bad = [
        Plan {
            price_micro_per_hour: u64::MAX,
            ..Plan::default()
        },
        Plan {
            metering_interval_s: 0,
            ..Plan::default()
        },
        Plan {
            metering_interval_s: u32::MAX,
            ..Plan::default()
        },
        Plan {
            charge_quantum_micro: 0,
            ..Plan::default()
        },
        Plan {
            max_active_agents: u32::MAX,
            ..Plan::default()
        },
        Plan {
            id: String::new(),
            ..Plan::default()
        },
    ];
    for plan in bad {
        given::<Account>(registered())
            .when(Do::AssignPlan { plan })
            .refused(No::PlanInvalid);
    }
}

#[test]
fn the_same_plan_again_changes_nothing() {
    let plan = Plan::for_dialect(Dialect::Tropic);
    given::<Account>(registered())
        .when(Do::AssignPlan { plan })
        .nothing();
    let plan = Plan {
        max_active_agents: 9,
        ..Plan::default()
    };
    given::<Account>(registered())
        .when(Do::AssignPlan { plan: plan.clone() })
        .then([Did::PlanAssigned { plan }]);
}

#[test]
fn users_are_added_once() {
    let add = Do::AddUser {
        user_id: "usr_2".into(),
        email: None,
        name: None,
        role: Role::Member,
    };
    given::<Account>(registered())
        .when(add.clone())
        .then([added("usr_2", Role::Member)])
        .when(add)
        .refused(No::UserAlreadyAdded);
}

#[test]
fn roles_change_but_an_owner_stays() {
    let grant = |user: &str, role| Do::GrantRole {
        user_id: user.into(),
        role,
    };
    given::<Account>(registered())
        .when(grant("usr_9", Role::Admin))
        .refused(No::UserNotFound);
    given::<Account>(registered())
        .when(grant("usr_1", Role::Owner))
        .nothing();
    given::<Account>(registered())
        .when(grant("usr_1", Role::Member))
        .refused(No::LastOwner);
    given::<Account>(and([added("usr_2", Role::Owner)]))
        .when(grant("usr_1", Role::Member))
        .then([Did::RoleGranted {
            user_id: "usr_1".into(),
            role: Role::Member,
        }])
        .when(grant("usr_2", Role::Member))
        .refused(No::LastOwner);
}

#[test]
fn suspending_and_reinstating() {
    let suspend = Do::Suspend {
        reason: "unpaid".to_owned(),
    };
    given::<Account>(registered())
        .when(suspend.clone())
        .then([Did::Suspended {
            reason: "unpaid".to_owned(),
        }])
        .when(suspend)
        .nothing()
        .when(Do::Reinstate)
        .then([Did::Reinstated {}])
        .when(Do::Reinstate)
        .nothing();
    given::<Account>(registered())
        .when(Do::Suspend {
            reason: "x".repeat(501),
        })
        .refused(No::ReasonInvalid);
}

#[test]
fn closed_is_for_good() {
    given::<Account>(registered())
        .when(Do::Close)
        .then([Did::Closed {}])
        .when(Do::Close)
        .nothing()
        .when(Do::Reinstate)
        .refused(No::AccountClosed)
        .when(Do::AssignPlan {
            plan: Plan::default(),
        })
        .refused(No::AccountClosed);
}

#[test]
fn what_is_not_registered_does_not_exist() {
    given::<Account>([]).when(Do::Close).refused(No::AccountNotFound);
    given::<Account>([])
        .when(Do::Reinstate)
        .refused(No::AccountNotFound);
}

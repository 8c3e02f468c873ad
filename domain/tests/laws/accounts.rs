//! Commands of accounts and ledgers, sensible and absurd ones.

use proptest::{option, prelude::*};
use reef_domain::{
    account::{AccountCommand, Plan, Role},
    ledger::{LedgerCommand, LedgerUnit},
};

use crate::commands::{dialect, id, number, text};

fn plan() -> impl Strategy<Value = Plan> {
    (text(), number(), any::<u32>(), number(), 0..20_u32).prop_map(
        |(id, price, interval, quantum, agents)| Plan {
            name: id.clone(),
            id,
            price_micro_per_hour: price,
            metering_interval_s: interval,
            charge_quantum_micro: quantum,
            max_active_agents: agents,
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![
        Role::Owner,
        Role::Admin,
        Role::Member,
        Role::Tester,
        Role::Customer,
    ])
}

pub(crate) fn account() -> impl Strategy<Value = AccountCommand> {
    use AccountCommand as Do;
    prop_oneof![
        (
            id(),
            dialect(),
            text(),
            id(),
            option::of("[a-z@ ]{1,6}"),
            option::of(plan())
        )
            .prop_map(
                |(account_id, dialect, name, owner_user_id, owner_email, plan)| Do::Register {
                    account_id,
                    dialect,
                    name,
                    owner_user_id,
                    owner_email: owner_email.map(|email| format!("{email}@b")),
                    plan: plan.unwrap_or_default(),
                }
            ),
        (id(), option::of(text()), option::of(text()), role()).prop_map(|(user_id, email, name, role)| {
            Do::AddUser {
                user_id,
                email,
                name,
                role,
            }
        }),
        (id(), role()).prop_map(|(user_id, role)| Do::GrantRole { user_id, role }),
        (id(), id(), text(), text()).prop_map(|(user_id, identity_id, issuer, subject)| {
            Do::LinkIdentity {
                user_id,
                identity_id,
                issuer,
                subject,
            }
        }),
        plan().prop_map(|plan| Do::AssignPlan { plan }),
        text().prop_map(|reason| Do::Suspend { reason }),
        Just(Do::Reinstate),
        Just(Do::Close),
    ]
}

pub(crate) fn ledger() -> impl Strategy<Value = LedgerCommand> {
    use LedgerCommand as Do;
    let charge = (id(), id(), 0..3_u64, 0..6_u64, number(), number(), number());
    prop_oneof![
        (
            id(),
            prop::sample::select(vec![LedgerUnit::Credit, LedgerUnit::Usd])
        )
            .prop_map(|(account_id, unit)| Do::Open { account_id, unit }),
        (id(), id(), text(), number(), text()).prop_map(
            |(account_id, entry_id, grant_id, amount_micro, description)| Do::GrantCredits {
                account_id,
                entry_id,
                grant_id,
                amount_micro,
                description,
            }
        ),
        charge.prop_map(
            |(account_id, runtime_id, run, interval, elapsed_ms, rate, quantum)| {
                Do::ChargeRuntime {
                    account_id,
                    entry_id: "txn".into(),
                    runtime_id,
                    run,
                    interval,
                    elapsed_ms,
                    rate_micro_per_hour: rate,
                    quantum_micro: quantum,
                }
            }
        ),
        (id(), id(), id(), 0..2_000_000_u32, text()).prop_map(
            |(account_id, checkout_id, user_id, credits, provider_ref)| Do::StartCheckout {
                account_id,
                checkout_id,
                user_id,
                credits,
                provider_ref,
            }
        ),
        (id(), text()).prop_map(|(checkout_id, provider_ref)| Do::CompleteCheckout {
            checkout_id,
            provider_ref,
            entry_id: "txn".into(),
        }),
    ]
}

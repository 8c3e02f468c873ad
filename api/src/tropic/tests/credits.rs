//! Credits.

use std::time::Duration;

use serde_json::json;

use super::{
    client::{Tropic, each, id},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    the_balance_is_what_came_less_what_went,
    at_zero_the_vm_is_stopped,
    without_a_payment_provider_nothing_is_bought
);

/// A plan under which a second costs what five minutes do.
async fn hasten(rig: &Rig, user: &Tropic<'_>) {
    let plan = json!({
        "id": "fast", "name": "Fast", "price_micro_per_hour": 1_500_000_000_u64, "metering_interval_s": 1,
        "charge_quantum_micro": 10_000,
    });
    let body = json!({ "account_id": user.account, "plan": plan });
    rig.command(OPERATOR, "AssignPlan", body).await.ok();
}

/// Hundredths of a credit.
fn cents(value: &serde_json::Value) -> i64 {
    let text = format!("{:.2}", value.as_f64().unwrap());
    assert!(
        (value.as_f64().unwrap() - text.parse::<f64>().unwrap()).abs() < 1e-9,
        "{value} has two decimals"
    );
    text.replace('.', "").parse().unwrap()
}

async fn the_balance_is_what_came_less_what_went(rig: &Rig) {
    let ada = Tropic::poor_user(rig, "ada").await;
    covers(&["tropic.get-balance.4"]);
    let first = ada.ok("get-balance", &[], None).await;
    assert_eq!(first, json!({ "balance": 0, "userId": ada.user }));
    assert_eq!(ada.ok("list-transactions", &[], None).await, json!([]));
    ada.fails("start-vm", &[], None, 400).await;

    covers(&["tropic.get-balance.1"]);
    let credits = json!({ "account_id": ada.account, "amount_micro": 847_500_000 });
    rig.command(OPERATOR, "GrantCredits", credits).await.ok();
    assert_eq!(ada.ok("get-balance", &[], None).await["balance"], json!(847.5));
    hasten(rig, &ada).await;
    ada.running_vm().await;
    let started = std::time::Instant::now();
    let rows = loop {
        let rows = ada.ok("list-transactions", &[], None).await;
        if rows.as_array().unwrap().len() >= 4 {
            break rows;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{rows}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    covers(&[
        "tropic.list-transactions.1",
        "tropic.list-transactions.2",
        "tropic.list-transactions.3",
    ]);
    let times = each(&rows, "createdAt");
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let rows = rows.as_array().unwrap();
    let (purchase, charges) = rows.split_last().unwrap();
    assert_eq!(
        (&purchase["type"], &purchase["amount"]),
        (&json!("purchase"), &json!(847.5))
    );
    let ids: std::collections::BTreeSet<_> = rows.iter().map(id).collect();
    assert_eq!(ids.len(), rows.len(), "each has its own");
    assert!(
        ids.iter().all(|id| id.starts_with("txn_") && id.len() == 10),
        "{ids:?}"
    );
    covers(&["tropic.get-balance.5"]);
    let amounts: Vec<i64> = charges
        .iter()
        .rev()
        .map(|charge| cents(&charge["amount"]))
        .collect();
    let rounded = |count: i64| (count * 500 + 6) / 12;
    for (index, amount) in (1..).zip(&amounts) {
        assert_eq!(
            -amount,
            rounded(index) - rounded(index - 1),
            "{amounts:?}: running totals are exact"
        );
    }
    for charge in charges {
        assert_eq!(charge["type"], "vm_runtime");
        assert!(cents(&charge["amount"]) < 0, "{charge}");
        assert!(
            charge["description"]
                .as_str()
                .unwrap()
                .starts_with("VM runtime ("),
            "{charge}"
        );
    }

    covers(&["tropic.get-balance.6"]);
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-vm-status", &[], "status", "stopped").await;
    covers(&["tropic.get-balance.3"]);
    let mut seen = None;
    let started = std::time::Instant::now();
    loop {
        let rows = ada.ok("list-transactions", &[], None).await;
        let sum: i64 = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| cents(&row["amount"]))
            .sum();
        let balance = ada.ok("get-balance", &[], None).await["balance"].clone();
        if sum == cents(&balance) && seen == Some(sum) {
            break;
        }
        seen = Some(sum);
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{sum} is not {balance}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn an_hour_costs_five_credits_in_steps_of_five_minutes() {
    covers(&["tropic.get-balance.2"]);
    let rig = super::client::server(crate::rig::Database::sqlite(), |_| {}).await;
    let ada = Tropic::user(&rig, "ada").await;
    let account = rig
        .get(OPERATOR, &format!("/v1/views/accounts/{}", ada.account))
        .await
        .ok();
    let plan = &account.body["plan"];
    assert_eq!(plan["price_micro_per_hour"], 5_000_000);
    assert_eq!(plan["metering_interval_s"], 300);
    assert_eq!(plan["charge_quantum_micro"], 10_000, "two decimals");
    rig.stop().await;
}

async fn at_zero_the_vm_is_stopped(rig: &Rig) {
    let ada = Tropic::poor_user(rig, "ada").await;
    let credits = json!({ "account_id": ada.account, "amount_micro": 500_000 });
    rig.command(OPERATOR, "GrantCredits", credits).await.ok();
    hasten(rig, &ada).await;
    covers(&["tropic.get-balance.7", "tropic.stop-vm.4"]);
    ada.ok("start-vm", &[], None).await;
    let started = std::time::Instant::now();
    while ada.ok("get-balance", &[], None).await["balance"] != 0 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the balance is never used up"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ada.becomes("get-vm-status", &[], "status", "stopped").await;
    let message = ada.fails("start-vm", &[], None, 400).await;
    assert!(message.contains("balance"), "{message}");
    assert_eq!(ada.ok("get-balance", &[], None).await["balance"], 0);
}

async fn without_a_payment_provider_nothing_is_bought(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.create-checkout-session.5"]);
    let urls = json!({ "successUrl": "https://tropic.bot/a", "cancelUrl": "https://tropic.bot/b" });
    let with = |quantity: serde_json::Value| {
        let mut body = urls.clone();
        body["quantity"] = quantity;
        body
    };
    let message = ada
        .fails("create-checkout-session", &[], Some(with(json!(1000))), 500)
        .await;
    assert!(message.contains("payment provider"), "{message}");
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("10"),
        json!(null),
        json!(1_000_001),
        json!(5_000_000_000_u64),
    ] {
        ada.fails("create-checkout-session", &[], Some(with(bad)), 400)
            .await;
    }
    for bad in ["", "tropic.bot", "ftp://tropic.bot", "javascript:alert(1)"] {
        let mut body = with(json!(1000));
        body["successUrl"] = json!(bad);
        ada.fails("create-checkout-session", &[], Some(body), 400).await;
    }
}

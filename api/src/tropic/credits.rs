//! Credits: what is left, what came and went, and how to buy more.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
};
use reef_commands::{
    CommandError,
    ledger::{StartCreditCheckout, apply_payment_event},
};
use reef_domain::RefusalKind;
use reef_projections::{
    Filter,
    views::ledger::{LedgerEntries, LedgerEntryDoc, Ledgers},
};

use serde_json::json;

use super::{is_me, to_wire, wire};
use crate::{
    App, Problem,
    body::JsonBody,
    dialect::{Answer, Api, Body, Call},
    openapi::Who,
};

const JSON: &str = "application/json";
/// Where the payment provider puts its signature.
const SIGNATURE: &str = "stripe-signature";

pub(super) fn routes(api: &mut Api) {
    let balance = api.schema::<wire::Balance>();
    let rows = api.list_of::<wire::Transaction>();
    let get = api.route("get", "/credits/{userId}/balance", "get-balance", "What is left");
    api.add(get.answers(JSON, balance), self::balance);
    let path = "/credits/{userId}/transactions";
    let list = api.route("get", path, "list-transactions", "What came and went");
    api.add(list.answers(JSON, rows), transactions);
    let (page, order) = (api.schema::<wire::CheckoutPage>(), api.schema::<wire::Checkout>());
    let path = "/credits/create-checkout-session";
    let checkout = api.route(
        "post",
        path,
        "create-checkout-session",
        "Open a payment page for credits",
    );
    let checkout = checkout
        .says("1000 credits cost 25 US dollars.")
        .once()
        .takes(order);
    api.add(checkout.with_status(201).answers(JSON, page), self::checkout);
    let received = api.schema::<wire::Received>();
    let webhook = api.route(
        "post",
        "/credits/webhook",
        "payment-webhook",
        "The payment provider's events",
    );
    let webhook = webhook.says("Signed by the provider; credits are added once per checkout.");
    let webhook = webhook.only_for(Who::Anybody).takes(json!({ "type": "object" }));
    api.add(webhook.answers(JSON, received), self::webhook);
}

async fn balance(call: Call, Path(user): Path<String>) -> Result<Answer<wire::Balance>, Problem> {
    is_me(&call, &user)?;
    let ledger = call.find::<Ledgers>("account", call.account().as_str()).await?;
    Ok(Answer::ok(to_wire::balance(ledger, user)))
}

async fn transactions(
    call: Call,
    Path(user): Path<String>,
) -> Result<Answer<Vec<wire::Transaction>>, Problem> {
    is_me(&call, &user)?;
    let filter = Filter::Parent(call.account().to_string());
    let entries: Vec<LedgerEntryDoc> = call.all::<LedgerEntries, _>(vec![filter]).await?;
    Ok(Answer::ok(
        entries.into_iter().map(to_wire::transaction).collect(),
    ))
}

async fn checkout(
    call: Call,
    Body(body): Body<wire::Checkout>,
) -> Result<Answer<wire::CheckoutPage>, Problem> {
    let start = StartCreditCheckout {
        account_id: None,
        user_id: Some(call.user().clone()),
        quantity: body.quantity,
        success_url: body.success_url,
        cancel_url: body.cancel_url,
    };
    let done = call.execute(&start).await?;
    let url = done.result.as_ref().and_then(|result| result["url"].as_str());
    let url = url.ok_or_else(|| Problem::internal(&"a payment page has no address"))?;
    Ok(Answer::created(wire::CheckoutPage { url: url.to_owned() }).of(&done))
}

/// The signature alone is the credential; whatever is not about a checkout of ours is taken and left.
async fn webhook(
    State(state): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Answer<wire::Received>, Problem> {
    let payments = state.services().gateways.payments.as_ref();
    let none = || {
        Problem::refused(
            "payments_not_configured",
            RefusalKind::NotReady,
            "no payment provider is configured",
        )
    };
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let event = payments
        .ok_or_else(none)?
        .verify_event(&body, signature.unwrap_or_default())
        .map_err(CommandError::from)?;
    apply_payment_event(&state.parts.bus, event).await?;
    Ok(Answer::ok(wire::Received { received: true }))
}

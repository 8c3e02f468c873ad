//! Credits bought through Stripe, judged by Stripe's own library (npm, of the API's version that we ask for): its types know every
//! parameter of the session that the server asks for, its client asks in the same words, and what it signs is believed.
//!
//! What Stripe itself makes of a session is not seen here: nobody else's Checkout can be had without the internet.

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::{
    harness::{Account, Database, Setup, left_out},
    output, script,
    stripe_wire::{Asked, KEY, Server},
};

const SECRET: &str = "whsec_of_the_peers";

/// The part of a type that has these fields.
fn part(kind: &str, fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("{field:?}")).collect();
    format!("Pick<{kind}, {}>", fields.join(" | "))
}

fn fields(value: &Value) -> Vec<&str> {
    let fields = value.as_object().map(Map::keys);
    fields.into_iter().flatten().map(String::as_str).collect()
}

/// What the library answers to these requests.
async fn library(modules: &str, requests: &[Value]) -> Vec<Value> {
    let mut command = Command::new("node");
    command
        .arg(script("stripe.mjs"))
        .env("REEF_TEST_NODE_MODULES", modules);
    let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
    let answers = output(command, &lines.join("\n")).await;
    assert_eq!(answers.len(), requests.len());
    let answers = answers
        .iter()
        .map(|line| serde_json::from_str(line).expect("the peer prints JSON"));
    answers.collect()
}

/// The types of what goes to and fro, each with the value that must fit; `broken` must not.
fn judged(parameters: &Value, asked: &Asked, session: &Value, event: &Value) -> (Value, Vec<bool>) {
    const SESSION: &str = "Stripe.Checkout.Session";
    const PARAMETERS: &str = "Stripe.Checkout.SessionCreateParams";
    let broken = |pointer: &str, value: Value| {
        let mut parameters = parameters.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        parameters.pointer_mut(parent).expect("it is there")[name] = value;
        (json!([PARAMETERS, parameters]), false)
    };
    let event_type = format!(
        "{} & {{ data: {{ object: {} }} }}",
        part("Stripe.CheckoutSessionCompletedEvent", &["id", "object", "type"]),
        part(SESSION, &fields(&event["data"]["object"])),
    );
    let late = part("Stripe.CheckoutSessionAsyncPaymentSucceededEvent", &["type"]);
    let values = [
        (json!([PARAMETERS, parameters]), true),
        broken("/cancel_page", json!("https://tropic.bot")),
        broken("/mode", json!("gift")),
        broken("/line_items/0/price_data/unit_amount", json!("twenty")),
        broken("/line_items/0/price_data/product_data/title", json!("Credits")),
        (
            json!(["Stripe.StripeConfig[\"apiVersion\"]", asked.version]),
            true,
        ),
        (json!([part(SESSION, &fields(session)), session]), true),
        (
            json!([part(SESSION, &["payment_status"]), { "payment_status": "settled" }]),
            false,
        ),
        (json!([event_type, event]), true),
        (
            json!([late, { "type": "checkout.session.async_payment_succeeded" }]),
            true,
        ),
    ];
    let (values, fit): (Vec<Value>, Vec<bool>) = values.into_iter().unzip();
    (json!({ "types": values }), fit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_library_asks_for_the_same_session_and_its_signature_is_believed() {
    let Ok(modules) = std::env::var("REEF_TEST_NODE_MODULES") else {
        return left_out(
            "checkouts judged by `stripe` (npm)",
            "REEF_TEST_NODE_MODULES is not set",
        );
    };
    let stripe = Server::start().await;
    let server = Setup::on(&Database::sqlite())
        .with("REEF_STRIPE_SECRET_KEY", KEY)
        .with("REEF_STRIPE_WEBHOOK_SECRET", SECRET)
        .with("REEF_STRIPE_BASE_URL", &stripe.url)
        .start()
        .await;
    let client = Account::of(&server.operator(), "tropic", "buyer").await.client;
    let post = |path: &str, body: &Value| {
        client
            .request(Method::POST, &format!("/tropic/api{path}"))
            .json(body)
    };
    let order = json!({
        "quantity": 1000,
        "successUrl": "https://tropic.bot/credits?success=true&session={CHECKOUT_SESSION_ID}",
        "cancelUrl": "https://tropic.bot/credits",
    });
    let page = client
        .send(post("/credits/create-checkout-session", &order))
        .await;
    let page = page.expect("an answer").ok().body;
    let asked = stripe.asked().pop().expect("a session was asked for");

    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&asked.form)
        .finish();
    let parameters = library(&modules, &[json!({ "parameters": form })])
        .await
        .remove(0);
    let create = json!({ "create": {
        "url": stripe.url, "key": KEY, "version": asked.version, "params": parameters,
    } });
    let session = library(&modules, &[create]).await.remove(0);
    let by_library = stripe.asked().pop().expect("the library asked too");
    assert_eq!(by_library.form, asked.form, "the library says it in other words");
    assert_eq!(by_library.version, asked.version);
    assert_eq!(by_library.key, "asked-by-the-library");
    assert_eq!(session["object"], "checkout.session");

    let mut paid = session.clone();
    paid["id"] = json!(page["url"].as_str().and_then(|url| url.rsplit('/').next()));
    paid["payment_status"] = json!("paid");
    paid["status"] = json!("complete");
    paid["url"] = Value::Null;
    let event = json!({
        "id": "evt_1", "object": "event", "type": "checkout.session.completed", "data": { "object": paid },
    });
    let payload = event.to_string();
    let (types, fit) = judged(&parameters, &asked, &session, &event);
    let sign = json!({ "sign": { "payload": payload, "secret": SECRET } });
    let answers = library(&modules, &[types, sign]).await;
    let said = answers[0].as_array().expect("a list for each value");
    let fitting: Vec<bool> = said.iter().map(|said| *said == json!([])).collect();
    assert_eq!(fitting, fit, "{}", answers[0]);

    let signature = answers[1].as_str().expect("a header");
    let deliver = |signature: String| {
        let request = post("/credits/webhook", &event).body(payload.clone());
        client.send(request.header("stripe-signature", signature))
    };
    let forged = deliver(signature.replace("v1=", "v1=00"))
        .await
        .expect("an answer");
    assert_eq!(forged.status, 400, "{}", forged.text);
    for _ in 0..5 {
        deliver(signature.to_owned()).await.expect("an answer").ok();
    }
    let ledger = client.list("ledgers", "").await;
    assert_eq!(
        ledger[0]["balance_micro"], 1_100_000_000,
        "granted once, beside the 100 it had"
    );
}

//! Specs of the Stripe client, against a server that speaks its wire.

mod server;

use reef_commands::ports::SystemClock;
use serde_json::{Value, json};

use self::server::{Fault, KEY, Server};
use super::*;

fn account(url: &str, key: &str) -> StripeConfig {
    StripeConfig::new(key, "whsec_test", Some(url)).unwrap()
}

/// A client that loses its patience soon.
fn stripe(server: &Server, key: &str) -> Stripe {
    let (patience, pauses) = (Duration::from_millis(500), [Duration::from_millis(1); 2]);
    Stripe::patient(account(&server.url, key), Arc::new(SystemClock), patience, pauses).unwrap()
}

fn request(checkout: &str) -> CheckoutRequest {
    CheckoutRequest {
        checkout_id: checkout.into(),
        account_id: "acc_1".into(),
        user_id: "user_1".into(),
        credits: 1000,
        amount_cents: 2500,
        success_url: "https://tropic.bot/credits?success=true&session={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "https://tropic.bot/credits".to_owned(),
    }
}

fn token(text: &str) -> EffectToken {
    EffectToken(text.to_owned())
}

fn trouble(message: &str) -> Value {
    json!({ "type": "api_error", "message": message })
}

#[tokio::test]
async fn a_session_is_asked_for_and_its_page_given() {
    let server = Server::start().await;
    let session = stripe(&server, KEY)
        .create_checkout(&request("chk_1"), &token("checkout-chk_1"))
        .await
        .unwrap();
    assert_eq!(session.provider_ref, "cs_test_1");
    assert_eq!(session.url, "https://checkout.stripe.com/c/pay/cs_test_1");
    let asked = server.asked();
    assert_eq!(
        (asked.len(), &*asked[0].key, &*asked[0].version),
        (1, "checkout-chk_1", "2024-06-20")
    );
    let expected = json!({
        "mode": "payment",
        "client_reference_id": "chk_1",
        "success_url": "https://tropic.bot/credits?success=true&session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://tropic.bot/credits",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "2500",
        "line_items[0][price_data][product_data][name]": "1000 credits",
        "metadata[checkout_id]": "chk_1",
        "metadata[account_id]": "acc_1",
        "metadata[user_id]": "user_1",
        "payment_intent_data[metadata][checkout_id]": "chk_1",
    });
    assert_eq!(json!(asked[0].form), expected);
}

#[tokio::test]
async fn the_same_token_opens_one_session() {
    let server = Server::start().await;
    let stripe = stripe(&server, KEY);
    let first = stripe
        .create_checkout(&request("chk_1"), &token("t"))
        .await
        .unwrap();
    assert_eq!(
        stripe.create_checkout(&request("chk_1"), &token("t")).await,
        Ok(first)
    );
    assert_eq!(server.sessions(), 1);
    let other = stripe.create_checkout(&request("chk_2"), &token("t")).await;
    assert!(matches!(other, Err(PaymentError::Refused(_))), "{other:?}");
}

#[tokio::test]
async fn what_passes_is_tried_again_under_the_same_token() {
    let passing = [
        || Fault::Status(429, trouble("Too many requests")),
        || Fault::Status(500, trouble("Something went wrong")),
        || Fault::Status(503, trouble("Down")),
        || Fault::Status(409, trouble("Another request is in progress")),
        || Fault::Silence,
    ];
    for fault in passing {
        let server = Server::start().await;
        server.fails([fault(), fault()]);
        stripe(&server, KEY)
            .create_checkout(&request("chk_1"), &token("t"))
            .await
            .unwrap();
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|asked| asked.key == "t"));
        assert_eq!(server.sessions(), 1);
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told() {
    let server = Server::start().await;
    let stripe = stripe(&server, KEY);
    server.fails((0..3).map(|_| Fault::Status(500, trouble("Something went wrong"))));
    let failed = stripe.create_checkout(&request("chk_1"), &token("a")).await;
    assert_eq!(
        failed,
        Err(PaymentError::Unavailable(
            "Something went wrong (status 500)".to_owned()
        ))
    );
    server.fails([Fault::Final(500, trouble("Do not"))]);
    let failed = stripe.create_checkout(&request("chk_1"), &token("b")).await;
    assert_eq!(
        failed,
        Err(PaymentError::Unavailable("Do not (status 500)".to_owned()))
    );
    assert_eq!(
        server.asked().len(),
        4,
        "nobody insists where Stripe advises against it"
    );
    server.fails((0..3).map(|_| Fault::Silence));
    let failed = stripe.create_checkout(&request("chk_1"), &token("c")).await;
    assert!(matches!(failed, Err(PaymentError::Unavailable(_))), "{failed:?}");
}

#[tokio::test]
async fn refusals_are_passed_on_once() {
    let server = Server::start().await;
    let stripe = stripe(&server, KEY);
    for (status, message) in [
        (400, "Not a valid URL"),
        (402, "Your card was declined.\n"),
        (404, "Unrecognized"),
    ] {
        let kind = if status == 402 {
            "card_error"
        } else {
            "invalid_request_error"
        };
        server.fails([Fault::Status(status, json!({ "type": kind, "message": message }))]);
        let refused = stripe.create_checkout(&request("chk_1"), &token("t")).await;
        let told = format!("{} (status {status})", message.trim_end());
        assert_eq!(refused, Err(PaymentError::Refused(told)));
    }
    server.fails([Fault::Status(400, json!({ "message": "x".repeat(10_000) }))]);
    let refused = stripe
        .create_checkout(&request("chk_1"), &token("t"))
        .await
        .unwrap_err();
    assert!(refused.to_string().len() < 400);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn our_key_is_in_no_error() {
    let server = Server::start().await;
    let wrong = stripe(&server, "sk_test_secret_and_wrong");
    let refused = wrong
        .create_checkout(&request("chk_1"), &token("t"))
        .await
        .unwrap_err();
    assert!(matches!(refused, PaymentError::Misconfigured(_)), "{refused:?}");
    assert!(!refused.to_string().contains("sk_test"));
    assert!(!format!("{:?}", account(&server.url, KEY)).contains("clownfish"));
    let elsewhere = Server::start().await;
    server.fails([Fault::Redirect(format!("{}/v1/checkout/sessions", elsewhere.url))]);
    let refused = wrong.create_checkout(&request("chk_1"), &token("t")).await;
    assert!(
        matches!(refused, Err(PaymentError::Misconfigured(_))),
        "{refused:?}"
    );
    assert!(elsewhere.asked().is_empty(), "the key goes nowhere else");
}

#[tokio::test]
async fn a_page_is_never_invented() {
    let server = Server::start().await;
    let stripe = stripe(&server, KEY);
    for text in [
        "",
        "<html>",
        "{}",
        r#"{"id": "cs_1"}"#,
        r#"{"id": "cs_1", "url": null}"#,
        r#"{"id": "cs_1", "url": "javascript:alert(1)"}"#,
    ] {
        server.fails([Fault::Text(text)]);
        let failed = stripe.create_checkout(&request("chk_1"), &token("t")).await;
        assert!(
            matches!(failed, Err(PaymentError::Unavailable(_))),
            "{text}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn a_stripe_that_is_not_there_is_told() {
    let server = Server::start().await;
    let stripe = stripe(&server, KEY);
    drop(server);
    let failed = stripe.create_checkout(&request("chk_1"), &token("t")).await;
    assert!(matches!(failed, Err(PaymentError::Unavailable(_))), "{failed:?}");
}

#[test]
fn accounts_that_cannot_be_used_are_refused() {
    let refused = |key, webhook, url| StripeConfig::new(key, webhook, url).unwrap_err();
    assert_eq!(refused(" ", "w", None), StripeConfigError::SecretKey);
    assert_eq!(refused("a\nb", "w", None), StripeConfigError::SecretKey);
    assert_eq!(refused("k", " ", None), StripeConfigError::WebhookSecret);
    for url in ["http://api.example", "api.stripe.com"] {
        assert!(matches!(
            refused("k", "w", Some(url)),
            StripeConfigError::Address(_)
        ));
    }
}

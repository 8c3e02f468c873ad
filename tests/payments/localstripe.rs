//! Stripe as other people imitate it: localstripe (PyPI). It has no Checkout Sessions, but it signs events.

use std::{process::Stdio, sync::Arc};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use reef_commands::ports::{
    CheckoutRequest, EffectToken, PaymentError, PaymentEvent, Payments as _, SystemClock,
};
use reef_gateways::stripe::{Stripe, StripeConfig};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
};

use crate::{
    WEBHOOK_SECRET,
    harness::{LONG, left_out, wait_until},
};

/// A localstripe that lives as long as this.
struct LocalStripe {
    url: String,
    _process: Child,
}

impl LocalStripe {
    /// `None`, said aloud, where it is not installed.
    async fn start() -> Option<Self> {
        let Ok(python) = std::env::var("REEF_TEST_PYTHON") else {
            left_out(
                "events signed by localstripe (PyPI)",
                "REEF_TEST_PYTHON is not set",
            );
            return None;
        };
        // Whoever was first installed the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let free = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let process = Command::new(python)
            .args(["-m", "localstripe", "--from-scratch", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("localstripe starts");
        let url = format!("http://127.0.0.1:{port}");
        wait_until("localstripe answers", LONG, async || {
            reqwest::get(&url).await.ok()
        })
        .await;
        Some(Self {
            url,
            _process: process,
        })
    }

    fn client(&self) -> Stripe {
        let config =
            StripeConfig::new("sk_test_12345", WEBHOOK_SECRET, Some(&self.url)).expect("a configuration");
        Stripe::new(config, Arc::new(SystemClock)).expect("a client")
    }
}

type Delivery = (Bytes, String);

async fn receive(State(deliveries): State<mpsc::Sender<Delivery>>, headers: HeaderMap, body: Bytes) {
    let signature = headers["stripe-signature"].to_str().expect("a text").to_owned();
    deliveries.send((body, signature)).await.expect("somebody waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_signed_by_localstripe_is_believed() {
    let Some(localstripe) = LocalStripe::start().await else {
        return;
    };
    let (sender, mut deliveries) = mpsc::channel(8);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let router = Router::new().route("/hook", post(receive)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });

    let http = reqwest::Client::new();
    let registered = http
        .post(format!("{}/_config/webhooks/reef", localstripe.url))
        .json(&serde_json::json!({ "url": hook, "secret": WEBHOOK_SECRET }))
        .send()
        .await
        .expect("localstripe answers");
    assert!(registered.status().is_success(), "{registered:?}");
    let created = http
        .post(format!("{}/v1/customers", localstripe.url))
        .bearer_auth("sk_test_12345")
        .json(&serde_json::json!({ "description": "Ada" }))
        .send()
        .await
        .expect("localstripe answers");
    assert!(created.status().is_success(), "{created:?}");

    let delivered = tokio::time::timeout(LONG, deliveries.recv())
        .await
        .expect("an event comes");
    let (body, signature) = delivered.expect("an event");
    let stripe = localstripe.client();
    let event = stripe.verify_event(&body, &signature);
    assert!(
        matches!(&event, Ok(PaymentEvent::Other { kind, .. }) if kind == "customer.created"),
        "{event:?}"
    );
    let mut changed = body.to_vec();
    *changed.last_mut().expect("a body") = b' ';
    assert!(matches!(
        stripe.verify_event(&changed, &signature),
        Err(PaymentError::BadSignature(_))
    ));
}

/// It has no Checkout Sessions and says so without an explanation: no page is made of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_localstripe_does_not_make_is_refused() {
    let Some(localstripe) = LocalStripe::start().await else {
        return;
    };
    let request = CheckoutRequest {
        checkout_id: "chk_1".into(),
        account_id: "acc_1".into(),
        user_id: "user_1".into(),
        credits: 1000,
        amount_cents: 2500,
        success_url: "https://tropic.bot/credits".to_owned(),
        cancel_url: "https://tropic.bot/credits".to_owned(),
    };
    let token = EffectToken("checkout-chk_1".to_owned());
    let refused = localstripe.client().create_checkout(&request, &token).await;
    assert!(matches!(refused, Err(PaymentError::Refused(_))), "{refused:?}");
}

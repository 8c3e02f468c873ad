//! Stripe's side of the wire, as far as Checkout Sessions go: bearer key, form, idempotency keys, errors.
//!
//! Written after <https://docs.stripe.com/api/checkout/sessions/create>, `/api/idempotent_requests` and
//! `/api/errors`; localstripe has no Checkout Sessions. Stripe's own library speaks to it in `tests/peers/stripe.rs`.
#![allow(dead_code, reason = "each program that includes this file uses its part")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The key that is accepted.
pub(crate) const KEY: &str = "sk_test_clownfish";

/// What goes wrong with one request.
pub(crate) enum Fault {
    /// This status and error, before anything is done.
    Status(u16, Value),
    /// The same, with the advice not to try again.
    Final(u16, Value),
    /// The session is made, and the answer never comes.
    Silence,
    /// This text, with status 200.
    Text(&'static str),
    /// Elsewhere.
    Redirect(String),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) version: String,
    pub(crate) form: BTreeMap<String, String>,
}

#[derive(Default)]
struct Inner {
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<VecDeque<Fault>>,
    /// By idempotency key.
    done: Mutex<BTreeMap<String, Done>>,
}

/// A form, and the answer it got.
type Done = (BTreeMap<String, String>, Value);

/// A Stripe that lives as long as this.
pub(crate) struct Server {
    pub(crate) url: String,
    inner: Arc<Inner>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/v1/checkout/sessions", post(create))
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, inner, serving }
    }

    /// The next requests go wrong like this.
    pub(crate) fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.faults.lock().extend(faults);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().clone()
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.inner.done.lock().len()
    }
}

fn error(status: u16, error: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "error": error }))).into_response()
}

async fn create(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let asked = Asked {
        key: header("idempotency-key"),
        version: header("stripe-version"),
        form: form.clone(),
    };
    inner.asked.lock().push(asked.clone());
    let fault = inner.faults.lock().pop_front();
    match fault {
        Some(Fault::Status(status, what)) => return error(status, &what),
        Some(Fault::Final(status, what)) => {
            return ([("stripe-should-retry", "false")], error(status, &what)).into_response();
        }
        Some(Fault::Text(text)) => return text.into_response(),
        Some(Fault::Redirect(to)) => return (StatusCode::FOUND, [("location", to)]).into_response(),
        Some(Fault::Silence) => {
            session(&inner, asked);
            return std::future::pending().await;
        }
        None => {}
    }
    if header("authorization") != format!("Bearer {KEY}") {
        let presented = header("authorization");
        let message = format!("Invalid API Key provided: {presented}");
        return error(
            401,
            &json!({ "type": "invalid_request_error", "message": message }),
        );
    }
    for required in ["mode", "success_url", "line_items[0][price_data][unit_amount]"] {
        if !form.contains_key(required) {
            let message = format!("Missing required param: {required}.");
            return error(
                400,
                &json!({ "type": "invalid_request_error", "message": message }),
            );
        }
    }
    session(&inner, asked)
}

/// The session of that idempotency key: the first answer again for the same form, an error for another.
fn session(inner: &Inner, asked: Asked) -> Response {
    let mut done = inner.done.lock();
    if let Some((form, answer)) = done.get(&asked.key) {
        if *form == asked.form {
            return Json(answer.clone()).into_response();
        }
        let message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        return error(400, &json!({ "type": "idempotency_error", "message": message }));
    }
    let id = format!("cs_test_{}", done.len() + 1);
    let answer = json!({
        "id": id,
        "object": "checkout.session",
        "client_reference_id": asked.form.get("client_reference_id"),
        "mode": "payment",
        "payment_status": "unpaid",
        "status": "open",
        "url": format!("https://checkout.stripe.com/c/pay/{id}"),
    });
    done.insert(asked.key, (asked.form, answer.clone()));
    Json(answer).into_response()
}

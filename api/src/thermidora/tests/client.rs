//! An account of Thermidora, which compares every answer with the contract.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::{body::Body, http::Request};
use reef_commands::Gateways;
use serde_json::Value;

pub(in crate::thermidora) use crate::contract::caller::each;
use crate::{
    ApiConfig,
    contract::{
        Contract, Endpoint,
        caller::{self, Caller},
    },
    rig::{Database, Reply, Rig},
    thermidora::BASE,
};

/// The contract of Thermidora.
pub(in crate::thermidora) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read("thermidora"));

/// A server without limits unless they are asked for.
pub(in crate::thermidora) async fn server(database: Database, change: impl FnOnce(&mut ApiConfig)) -> Rig {
    server_among(Gateways::default(), database, change).await
}

/// The same among these services outside.
pub(in crate::thermidora) async fn server_among(
    gateways: Gateways,
    database: Database,
    change: impl FnOnce(&mut ApiConfig),
) -> Rig {
    let rig = Rig::among(gateways, database, change).await;
    reef_commands::template::seed::seed(&rig.bus).await.unwrap();
    reef_commands::skill::seed::seed(&rig.bus).await.unwrap();
    rig
}

/// An account with a key.
pub(in crate::thermidora) type Thermidora<'a> = Caller<'a, Words>;

/// How Thermidora is spoken.
pub(in crate::thermidora) struct Words;

impl caller::Words for Words {
    const DIALECT: &'static str = "thermidora";

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn request(key: &str, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
        request(key, method, path, body)
    }

    #[track_caller]
    fn is_envelope(reply: &Reply) {
        is_envelope(reply);
    }

    fn message(body: &Value) -> &Value {
        &body["error"]["message"]
    }
}

impl<'a> Thermidora<'a> {
    /// A new account with 100 dollars.
    pub(in crate::thermidora) async fn account(rig: &'a Rig, name: &str) -> Self {
        Self::funded(rig, name).await
    }

    /// A new account as the operator makes one: without money.
    pub(in crate::thermidora) async fn poor_account(rig: &'a Rig, name: &str) -> Self {
        Self::registered(rig, name).await
    }

    /// Somebody who has no account yet.
    pub(in crate::thermidora) fn nobody(rig: &'a Rig) -> Self {
        Self::stranger(rig, "", "")
    }

    /// Waits until the aggregate has so many events of that type.
    pub(in crate::thermidora) async fn until_events(&self, kind: &str, id: &str, event: &str, count: usize) {
        // Ids of owners have a slash.
        let id = id.replace('/', "%2F");
        let started = Instant::now();
        loop {
            let types = self.events(kind, &id).await;
            if types.iter().filter(|one| *one == event).count() >= count {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{count} {event}: {types:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The path below the base path, with its parameters.
pub(in crate::thermidora) fn path(endpoint: Endpoint<'_>, args: &[&str]) -> String {
    caller::path(endpoint, &[], args)
}

/// A request to a path below the base path: an API key goes into `X-API-Key`, any other credential is a bearer
/// token; no key: no credential.
pub(in crate::thermidora) fn request(
    key: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Request<Body> {
    let path = format!("{BASE}{path}");
    if key.is_empty() || key.starts_with("tc_live_") {
        caller::request(("x-api-key", key), method, &path, body)
    } else {
        let bearer = format!("Bearer {key}");
        caller::request(("authorization", &bearer), method, &path, body)
    }
}

/// Whether the reply is a whole failure as Thermidora's clients know it.
#[track_caller]
pub(in crate::thermidora) fn is_envelope(reply: &Reply) {
    let code = match reply.status {
        400 => "invalid_request",
        401 => "unauthorized",
        402 => "insufficient_balance",
        404 => "not_found",
        409 => "conflict",
        429 => "rate_limited",
        500 => "internal_error",
        503 => "instance_not_ready",
        status => panic!("{status} is none of the eight: {}", reply.text),
    };
    assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text);
    assert_eq!(reply.body.as_object().unwrap().len(), 1, "{}", reply.text);
    let error = reply.body["error"].as_object().unwrap();
    assert_eq!(error.len(), 3, "{}", reply.text);
    assert_eq!(error["status"], reply.status, "{}", reply.text);
    assert_eq!(error["code"], code, "{}", reply.text);
    assert!(
        error["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{}",
        reply.text
    );
    if reply.status == 429 {
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!(wait > 0, "{}", reply.text);
    }
}

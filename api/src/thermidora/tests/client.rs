//! An account of Thermidora, which compares every answer with the contract.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::{body::Body, http::Request};
use reef_commands::Gateways;
use serde_json::{Value, json};

pub(in crate::thermidora) use crate::contract::caller::each;
use crate::{
    ApiConfig,
    contract::{Contract, Endpoint, caller},
    rig::{Database, OPERATOR, Reply, Rig},
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
#[derive(Clone)]
pub(in crate::thermidora) struct Thermidora<'a> {
    pub(in crate::thermidora) rig: &'a Rig,
    pub(in crate::thermidora) account: String,
    pub(in crate::thermidora) key: String,
}

impl<'a> Thermidora<'a> {
    /// A new account with 100 dollars.
    pub(in crate::thermidora) async fn account(rig: &'a Rig, name: &str) -> Self {
        let account = Self::poor_account(rig, name).await;
        let dollars = json!({ "account_id": account.account, "amount_micro": 100_000_000 });
        rig.command(OPERATOR, "GrantCredits", dollars).await.ok();
        account
    }

    /// A new account as the operator makes one: without money.
    pub(in crate::thermidora) async fn poor_account(rig: &'a Rig, name: &str) -> Self {
        let account =
            json!({ "name": name, "owner_email": format!("{name}@example.com"), "dialect": "thermidora" });
        let made = rig.command(OPERATOR, "RegisterAccount", account).await.ok();
        let (_, key) = rig.key(&made.id(), &["*"]).await;
        Self {
            rig,
            account: made.id(),
            key,
        }
    }

    /// Somebody who has no account yet.
    pub(in crate::thermidora) fn nobody(rig: &'a Rig) -> Self {
        Self {
            rig,
            account: String::new(),
            key: String::new(),
        }
    }

    /// The same account with another credential.
    pub(in crate::thermidora) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Whatever comes back from the endpoint, compared with the contract. `args` are the parameters of the
    /// path in order.
    pub(in crate::thermidora) async fn call(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
    ) -> Reply {
        self.call_with(endpoint, args, body, "").await
    }

    /// The same with a query.
    pub(in crate::thermidora) async fn call_with(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        query: &str,
    ) -> Reply {
        let endpoint = CONTRACT.endpoint(endpoint);
        let path = format!("{}{query}", path(endpoint, args));
        let reply = self.send(endpoint.method(), &path, body).await;
        caller::check(endpoint, &reply, is_envelope);
        reply
    }

    /// The answer, if it is the documented success.
    pub(in crate::thermidora) async fn ok(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
    ) -> Value {
        let reply = self.call(endpoint, args, body).await;
        let status = CONTRACT.endpoint(endpoint).status();
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        reply.body
    }

    /// The message, if it is the failure.
    pub(in crate::thermidora) async fn fails(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        status: u16,
    ) -> String {
        let reply = self.call(endpoint, args, body).await;
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        reply.body["error"]["message"].as_str().unwrap().to_owned()
    }

    /// A request to a path below the base path.
    pub(in crate::thermidora) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.rig.send(request(&self.key, method, path, body)).await
    }

    /// Waits until the endpoint's answer has the value in the field, and returns the answer.
    pub(in crate::thermidora) async fn becomes(
        &self,
        endpoint: &str,
        args: &[&str],
        field: &str,
        value: &str,
    ) -> Value {
        let started = Instant::now();
        loop {
            let answer = self.ok(endpoint, args, None).await;
            if answer[field] == value {
                return answer;
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{endpoint} does not become {value}: {answer}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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

    /// Types of the events of an aggregate, oldest first, as the operator sees them.
    pub(in crate::thermidora) async fn events(&self, kind: &str, id: &str) -> Vec<String> {
        let path = format!("/v1/streams/{kind}/{id}");
        let stream = self.rig.get(OPERATOR, &path).await.ok();
        let events = stream.body["data"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
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

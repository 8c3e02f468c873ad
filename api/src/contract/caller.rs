//! How tests call an endpoint of a contract, and whether what comes back is what it promises.

use std::{
    marker::PhantomData,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use super::{Contract, Endpoint};
use crate::rig::{OPERATOR, Reply, Rig};

/// What differs between the callers of one dialect and another.
pub(crate) trait Words {
    /// Name of the dialect.
    const DIALECT: &'static str;
    /// What its document promises.
    fn contract() -> &'static Contract;
    /// A request to a path below the base path; no key: no credential.
    fn request(key: &str, method: &str, path: &str, body: Option<Value>) -> Request<Body>;
    /// Asserts that the reply is a whole failure.
    fn is_envelope(reply: &Reply);
    /// The message of a failure.
    fn message(body: &Value) -> &Value;
}

/// A user of a dialect with a key, who compares every answer with the contract.
pub(crate) struct Caller<'a, W> {
    pub(crate) rig: &'a Rig,
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) key: String,
    pub(crate) words: PhantomData<W>,
}

// Derived, it would ask the same of the words.
impl<W> Clone for Caller<'_, W> {
    fn clone(&self) -> Self {
        Self {
            rig: self.rig,
            account: self.account.clone(),
            user: self.user.clone(),
            key: self.key.clone(),
            words: PhantomData,
        }
    }
}

impl<'a, W: Words> Caller<'a, W> {
    /// Somebody whose account is not there yet, or of no interest.
    pub(crate) fn stranger(rig: &'a Rig, user: &str, key: &str) -> Self {
        Self {
            rig,
            account: String::new(),
            user: user.to_owned(),
            key: key.to_owned(),
            words: PhantomData,
        }
    }

    /// A new account as the operator makes one: without money.
    pub(crate) async fn registered(rig: &'a Rig, name: &str) -> Self {
        let account =
            json!({ "name": name, "owner_email": format!("{name}@example.com"), "dialect": W::DIALECT });
        let made = rig.command(OPERATOR, "RegisterAccount", account).await.ok();
        let (_, key) = rig.key(&made.id(), &["*"]).await;
        Self {
            account: made.id(),
            ..Self::stranger(rig, made.body["result"]["user_id"].as_str().unwrap(), &key)
        }
    }

    /// The same with 100 credits or dollars.
    pub(crate) async fn funded(rig: &'a Rig, name: &str) -> Self {
        let caller = Self::registered(rig, name).await;
        let credits = json!({ "account_id": caller.account, "amount_micro": 100_000_000 });
        rig.command(OPERATOR, "GrantCredits", credits).await.ok();
        caller
    }

    /// The same user with another credential.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Whatever comes back from the endpoint, compared with the contract. `args` are the parameters of the
    /// path in order, but for the user's own id.
    pub(crate) async fn call(&self, endpoint: &str, args: &[&str], body: Option<Value>) -> Reply {
        self.call_with(endpoint, args, body, "").await
    }

    /// The same with a query.
    pub(crate) async fn call_with(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        query: &str,
    ) -> Reply {
        let endpoint = W::contract().endpoint(endpoint);
        let path = format!("{}{query}", self.path(endpoint, args));
        let reply = self.send(endpoint.method(), &path, body).await;
        check(endpoint, &reply, W::is_envelope);
        reply
    }

    /// The answer, if it is the documented success.
    pub(crate) async fn ok(&self, endpoint: &str, args: &[&str], body: Option<Value>) -> Value {
        let reply = self.call(endpoint, args, body).await;
        let status = W::contract().endpoint(endpoint).status();
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        reply.body
    }

    /// The message, if it is the failure.
    pub(crate) async fn fails(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        status: u16,
    ) -> String {
        let reply = self.call(endpoint, args, body).await;
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        W::message(&reply.body).as_str().unwrap().to_owned()
    }

    /// The path below the base path, with its parameters.
    pub(crate) fn path(&self, endpoint: Endpoint<'_>, args: &[&str]) -> String {
        path(endpoint, &[("userId", &self.user)], args)
    }

    /// A request to a path below the base path.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.rig.send(W::request(&self.key, method, path, body)).await
    }

    /// Waits until the endpoint's answer has the value in the field, and returns the answer.
    pub(crate) async fn becomes(&self, endpoint: &str, args: &[&str], field: &str, value: &str) -> Value {
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

    /// Types of the events of an aggregate, oldest first, as the operator sees them.
    pub(crate) async fn events(&self, kind: &str, id: &str) -> Vec<String> {
        let path = format!("/v1/streams/{kind}/{id}");
        let stream = self.rig.get(OPERATOR, &path).await.ok();
        let events = stream.body["data"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The path below the base path, with its parameters: `known` are always the same, `args` the others in order.
#[track_caller]
pub(crate) fn path(endpoint: Endpoint<'_>, known: &[(&str, &str)], args: &[&str]) -> String {
    let mut args = args.iter();
    let mut value = |name: &str| match known.iter().find(|(one, _)| *one == name) {
        Some((_, value)) => (*value).to_owned(),
        None => (*args.next().unwrap_or_else(|| panic!("{name} is not given"))).to_owned(),
    };
    let steps = endpoint
        .path()
        .split('/')
        .map(|step| match step.strip_prefix(':') {
            Some(name) => value(name),
            None => step.to_owned(),
        });
    steps.collect::<Vec<_>>().join("/")
}

/// A request with one header more, if its value is not empty.
pub(crate) fn request(
    (header, value): (&str, &str),
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path);
    if !value.is_empty() {
        request = request.header(header, value);
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
    .unwrap()
}

/// Whether the reply is the endpoint's documented success or one of its documented failures, in the dialect's
/// envelope.
#[track_caller]
fn check(endpoint: Endpoint<'_>, reply: &Reply, is_envelope: fn(&Reply)) {
    if reply.status < 400 {
        assert_eq!(
            reply.status,
            endpoint.status(),
            "{}: {}",
            endpoint.id(),
            reply.text
        );
        if reply.header("content-type") == "application/json" {
            endpoint.check(&reply.body);
        }
    } else {
        let declared = endpoint.failures().contains(&u64::from(reply.status));
        assert!(
            declared,
            "{} has no status {}: {}",
            endpoint.id(),
            reply.status,
            reply.text
        );
        is_envelope(reply);
    }
}

/// A field of every item of a list.
pub(crate) fn each<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap()).collect()
}

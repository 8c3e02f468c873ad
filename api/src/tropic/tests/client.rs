//! A user of Tropic, who compares every answer with the contract.

use std::sync::LazyLock;

use axum::{body::Body, http::Request};
use reef_commands::Gateways;
use serde_json::{Value, json};

pub(in crate::tropic) use crate::contract::caller::each;
use crate::{
    ApiConfig,
    contract::{
        Contract,
        caller::{self, Caller},
    },
    rig::{Database, Reply, Rig},
    tropic::BASE,
};

/// The contract of Tropic.
pub(in crate::tropic) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::read("tropic"));

/// A server with the templates of a first start, without limits unless they are asked for.
pub(in crate::tropic) async fn server(database: Database, change: impl FnOnce(&mut ApiConfig)) -> Rig {
    server_among(Gateways::default(), database, change).await
}

/// The same among these services outside.
pub(in crate::tropic) async fn server_among(
    gateways: Gateways,
    database: Database,
    change: impl FnOnce(&mut ApiConfig),
) -> Rig {
    let rig = Rig::among(gateways, database, |config| {
        config.trusted_proxies = vec!["192.0.2.1".parse().unwrap()];
        change(config);
    })
    .await;
    reef_commands::template::seed::seed(&rig.bus).await.unwrap();
    rig
}

/// A user with a key.
pub(in crate::tropic) type Tropic<'a> = Caller<'a, Words>;

/// How Tropic is spoken.
pub(in crate::tropic) struct Words;

impl caller::Words for Words {
    const DIALECT: &'static str = "tropic";

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
        &body["message"]
    }
}

impl<'a> Tropic<'a> {
    /// A new user, with credits for 20 hours of a VM.
    pub(in crate::tropic) async fn user(rig: &'a Rig, name: &str) -> Self {
        Self::funded(rig, name).await
    }

    /// A new user as the operator makes one: without credits.
    pub(in crate::tropic) async fn poor_user(rig: &'a Rig, name: &str) -> Self {
        Self::registered(rig, name).await
    }

    /// The first template of the marketplace.
    pub(in crate::tropic) async fn template(&self) -> String {
        let template = self.ok("get-template", &["web-research"], None).await;
        template["id"].as_str().unwrap().to_owned()
    }

    /// A new policy; its id.
    pub(in crate::tropic) async fn policy(&self, rules: &str) -> String {
        let body = json!({ "name": "rules", "rules": rules });
        id(&self.ok("create-policy", &[], Some(body)).await)
    }

    /// A new agent; its id.
    pub(in crate::tropic) async fn agent(&self, name: &str, policy: Option<&str>) -> String {
        let body = json!({ "templateId": self.template().await, "name": name, "policyId": policy });
        id(&self.ok("deploy-agent", &[], Some(body)).await)
    }

    /// A new task; its id.
    pub(in crate::tropic) async fn task(&self, agent: &str, description: &str) -> String {
        let body = json!({ "description": description });
        id(&self.ok("submit-task", &[agent], Some(body)).await)
    }

    /// Waits until the task has the status, and returns it.
    pub(in crate::tropic) async fn task_becomes(&self, task: &str, status: &str) -> Value {
        self.becomes("get-task", &[task], "status", status).await
    }

    /// Starts the user's VM and waits until it runs.
    pub(in crate::tropic) async fn running_vm(&self) {
        self.ok("start-vm", &[], None).await;
        self.becomes("get-vm-status", &[], "status", "running").await;
    }
}

/// A request to a path below the base path; no key: no credential.
pub(in crate::tropic) fn request(key: &str, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let bearer = if key.is_empty() {
        String::new()
    } else {
        format!("Bearer {key}")
    };
    caller::request(("authorization", &bearer), method, &format!("{BASE}{path}"), body)
}

/// Whether the reply is a whole failure as Tropic's clients know it.
#[track_caller]
pub(in crate::tropic) fn is_envelope(reply: &Reply) {
    let label = match reply.status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Rate Limited",
        500 => "Server Error",
        status => panic!("{status} is none of the six: {}", reply.text),
    };
    assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text);
    let body = reply.body.as_object().unwrap();
    assert_eq!(body.len(), 3, "{}", reply.text);
    assert_eq!(body["statusCode"], reply.status, "{}", reply.text);
    assert_eq!(body["error"], label, "{}", reply.text);
    assert!(
        body["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{}",
        reply.text
    );
}

/// The `id` of an answer.
#[track_caller]
pub(in crate::tropic) fn id(answer: &Value) -> String {
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id: {answer}"))
        .to_owned()
}

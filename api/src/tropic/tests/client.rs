//! A user of Tropic, who compares every answer with the contract.

use std::sync::LazyLock;

use axum::{body::Body, http::Request};
use reef_commands::Gateways;
use serde_json::{Value, json};

pub(in crate::tropic) use crate::contract::caller::each;
use crate::{
    ApiConfig,
    contract::{Contract, Endpoint, caller},
    rig::{Database, OPERATOR, Reply, Rig},
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
#[derive(Clone)]
pub(in crate::tropic) struct Tropic<'a> {
    pub(in crate::tropic) rig: &'a Rig,
    pub(in crate::tropic) account: String,
    pub(in crate::tropic) user: String,
    pub(in crate::tropic) key: String,
}

impl<'a> Tropic<'a> {
    /// A new user, with credits for 20 hours of a VM.
    pub(in crate::tropic) async fn user(rig: &'a Rig, name: &str) -> Self {
        let user = Self::poor_user(rig, name).await;
        let credits = json!({ "account_id": user.account, "amount_micro": 100_000_000 });
        rig.command(OPERATOR, "GrantCredits", credits).await.ok();
        user
    }

    /// A new user as the operator makes one: without credits.
    pub(in crate::tropic) async fn poor_user(rig: &'a Rig, name: &str) -> Self {
        let account =
            json!({ "name": name, "owner_email": format!("{name}@example.com"), "dialect": "tropic" });
        let made = rig.command(OPERATOR, "RegisterAccount", account).await.ok();
        let user = made.body["result"]["user_id"].as_str().unwrap().to_owned();
        let (_, key) = rig.key(&made.id(), &["*"]).await;
        Self {
            rig,
            account: made.id(),
            user,
            key,
        }
    }

    /// The same user with another key.
    pub(in crate::tropic) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Whatever comes back from the endpoint, compared with the contract. `args` are the parameters of the
    /// path in order, but for the user's own id.
    pub(in crate::tropic) async fn call(&self, endpoint: &str, args: &[&str], body: Option<Value>) -> Reply {
        self.call_with(endpoint, args, body, "").await
    }

    /// The same with a query.
    pub(in crate::tropic) async fn call_with(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        query: &str,
    ) -> Reply {
        let endpoint = CONTRACT.endpoint(endpoint);
        let path = format!("{}{query}", self.path(endpoint, args));
        let reply = self.send(endpoint.method(), &path, body).await;
        caller::check(endpoint, &reply, is_envelope);
        reply
    }

    /// The answer, if it is the documented success.
    pub(in crate::tropic) async fn ok(&self, endpoint: &str, args: &[&str], body: Option<Value>) -> Value {
        let reply = self.call(endpoint, args, body).await;
        let status = CONTRACT.endpoint(endpoint).status();
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        reply.body
    }

    /// The message, if it is the failure.
    pub(in crate::tropic) async fn fails(
        &self,
        endpoint: &str,
        args: &[&str],
        body: Option<Value>,
        status: u16,
    ) -> String {
        let reply = self.call(endpoint, args, body).await;
        assert_eq!(reply.status, status, "{endpoint}: {}", reply.text);
        reply.body["message"].as_str().unwrap().to_owned()
    }

    /// The path below the base path, with its parameters.
    pub(in crate::tropic) fn path(&self, endpoint: Endpoint<'_>, args: &[&str]) -> String {
        caller::path(endpoint, &[("userId", &self.user)], args)
    }

    /// A request to a path below the base path.
    pub(in crate::tropic) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.rig.send(request(&self.key, method, path, body)).await
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

    /// Waits until the endpoint's answer has the value in the field, and returns the answer.
    pub(in crate::tropic) async fn becomes(
        &self,
        endpoint: &str,
        args: &[&str],
        field: &str,
        value: &str,
    ) -> Value {
        let started = std::time::Instant::now();
        loop {
            let answer = self.ok(endpoint, args, None).await;
            if answer[field] == value {
                return answer;
            }
            assert!(
                started.elapsed() < std::time::Duration::from_secs(30),
                "{endpoint} does not become {value}: {answer}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Starts the user's VM and waits until it runs.
    pub(in crate::tropic) async fn running_vm(&self) {
        self.ok("start-vm", &[], None).await;
        self.becomes("get-vm-status", &[], "status", "running").await;
    }

    /// Types of the events of an aggregate, oldest first, as the operator sees them.
    pub(in crate::tropic) async fn events(&self, kind: &str, id: &str) -> Vec<String> {
        let path = format!("/v1/streams/{kind}/{id}");
        let stream = self.rig.get(OPERATOR, &path).await.ok();
        let events = stream.body["data"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
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

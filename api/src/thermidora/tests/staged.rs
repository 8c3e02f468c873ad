//! Instances and agents for tests about what is in them, made by the core's own commands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Thermidora;
use crate::rig::OPERATOR;

impl Thermidora<'_> {
    async fn told(&self, command: &str, body: Value) -> String {
        self.rig.command(&self.key, command, body).await.ok().id()
    }

    /// A running instance.
    pub(super) async fn staged_instance(&self) -> String {
        let id = self.told("ProvisionRuntime", json!({})).await;
        self.until_status("runtimes", &id, "running").await;
        id
    }

    /// An agent that runs on the instance.
    pub(super) async fn staged_agent(&self, instance: &str) -> String {
        let deploy = json!({ "template_id": "tmpl_web-research", "name": "Ada", "runtime_id": instance });
        let id = self.told("DeployAgent", deploy).await;
        self.until_status("agents", &id, "running").await;
        id
    }

    /// Starts a stopped instance.
    pub(super) async fn restage(&self, instance: &str) {
        self.told("StartRuntime", json!({ "runtime_id": instance })).await;
        self.until_status("runtimes", instance, "running").await;
    }

    /// Stops a running instance.
    pub(super) async fn unstage(&self, instance: &str) {
        self.told("StopRuntime", json!({ "runtime_id": instance })).await;
        self.until_status("runtimes", instance, "stopped").await;
    }

    /// Has an instance removed; that may take a while yet.
    pub(super) async fn strike(&self, instance: &str) {
        self.told("DestroyRuntime", json!({ "runtime_id": instance }))
            .await;
    }

    /// Status of a document, as the operator sees it.
    pub(super) async fn staged_status(&self, view: &str, id: &str) -> Value {
        let path = format!("/v1/views/{view}/{id}");
        self.rig.get(OPERATOR, &path).await.ok().body["status"].clone()
    }

    async fn until_status(&self, view: &str, id: &str, status: &str) {
        until(&format!("{id} {status}"), async || {
            self.staged_status(view, id).await == status
        })
        .await;
    }

    /// Waits until the aggregate has that many events of the type.
    pub(super) async fn until_events(&self, kind: &str, id: &str, event: &str, count: usize) {
        // Ids of owners have a slash.
        let id = id.replace('/', "%2F");
        until(event, async || {
            let types = self.events(kind, &id).await;
            types.iter().filter(|one| *one == event).count() >= count
        })
        .await;
    }
}

/// Waits until that holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{what} never came about"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

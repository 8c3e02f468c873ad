//! Cheap commands by many clients side by side: each makes one event.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::future::join_all;
use serde_json::json;

use crate::harness::Account;

/// Clients side by side.
const CLIENTS: u64 = 24;
/// Every so many commands make a policy; the others change one.
const MADE: u64 = 20;

/// Writes events until there are enough.
pub(crate) struct Events {
    account: Arc<Account>,
    policies: Vec<String>,
    next: AtomicU64,
    acknowledged: AtomicU64,
}

impl Events {
    pub(crate) async fn new(account: Account) -> Arc<Self> {
        let mut policies = Vec::new();
        for client in 0..CLIENTS {
            let name = format!("of client {client}");
            policies.push(account.policy(&name, "ALLOW: read").await);
        }
        Arc::new(Self {
            account: Arc::new(account),
            policies,
            next: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        })
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Writes so many more as fast as it goes; commands that a killed server did not answer are left at that.
    pub(crate) async fn write(self: &Arc<Self>, more: u64) {
        self.write_with(more, CLIENTS).await;
    }

    /// Writes so many more with so few clients that deliveries keep up.
    pub(crate) async fn write_slowly(self: &Arc<Self>, more: u64) {
        self.write_with(more, 1).await;
    }

    async fn write_with(self: &Arc<Self>, more: u64, clients: u64) {
        let enough = self.acknowledged() + more;
        let clients = (0..clients).map(|client| tokio::spawn(Arc::clone(self).client(client, enough)));
        for client in join_all(clients).await {
            client.expect("a client ends well");
        }
    }

    async fn client(self: Arc<Self>, client: u64, enough: u64) {
        let place = usize::try_from(client).expect("few");
        while self.acknowledged() < enough {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let name = format!("p{number}");
            let (command, body) = if number.is_multiple_of(MADE) {
                ("CreatePolicy", json!({ "name": name, "rules": "ALLOW: read" }))
            } else {
                let body = json!({ "policy_id": self.policies[place], "name": name });
                ("UpdatePolicy", body)
            };
            let request = self.account.client.prepare(command, &body);
            match self.account.client.send(request).await {
                Ok(answer) if answer.status == 200 => {
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                Ok(answer) => panic!("{command}: {} {}", answer.status, answer.text),
                // The server is away for a moment.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    }
}

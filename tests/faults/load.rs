//! Writers that keep sending commands under idempotency keys, and remember what was acknowledged.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::{Account, Answer, Client, Log};

/// Writers at work side by side.
const WRITERS: usize = 16;

/// One command and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) key: String,
    name: &'static str,
    body: Value,
    answer: Option<Value>,
}

/// An account's agent and policies under load.
pub(crate) struct Load {
    client: Client,
    pub(crate) agent: String,
    shared_policy: String,
    own_policies: Vec<String>,
    acknowledged: Mutex<Vec<Sent>>,
    open: Mutex<Vec<Sent>>,
    unavailable: AtomicUsize,
    stop: AtomicBool,
    next: AtomicUsize,
}

impl Load {
    /// An agent that may do what the tasks ask for, a policy that everybody changes, and one per writer.
    pub(crate) async fn prepare(account: &Account) -> Arc<Self> {
        let rules = account.policy("all may", "ALLOW: count").await;
        let agent = account.running_agent("Counter", Some(&rules)).await;
        let mut own_policies = Vec::new();
        for writer in 0..WRITERS {
            own_policies.push(
                account
                    .policy(&format!("of writer {writer}"), "ALLOW: read")
                    .await,
            );
        }
        Arc::new(Self {
            client: account.client.clone(),
            agent,
            shared_policy: account.policy("of everybody", "ALLOW: read").await,
            own_policies,
            acknowledged: Mutex::default(),
            open: Mutex::default(),
            unavailable: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            next: AtomicUsize::new(0),
        })
    }

    /// Starts the writers. They end when the server is gone, or when told to.
    pub(crate) fn start(self: &Arc<Self>) -> Writers {
        self.stop.store(false, Ordering::SeqCst);
        Writers(
            (0..WRITERS)
                .map(|writer| tokio::spawn(Arc::clone(self).write(writer)))
                .collect(),
        )
    }

    /// Tells the writers to end after their present command.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// How many commands were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.lock().len()
    }

    /// How often the server said that its database is away.
    pub(crate) fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::SeqCst)
    }

    async fn write(self: Arc<Self>, writer: usize) {
        while !self.stop.load(Ordering::SeqCst) {
            let sent = self.compose(writer);
            match self.client.once(&sent.key, sent.name, &sent.body).await {
                Ok(answer) if answer.status == 200 => self.note(sent, &answer),
                Ok(answer) if answer.status == 503 => {
                    answer.problem(503, "unavailable");
                    self.unavailable.fetch_add(1, Ordering::SeqCst);
                    self.open.lock().push(sent);
                }
                Ok(answer) => panic!("{} {}: {} {}", sent.name, sent.body, answer.status, answer.text),
                Err(_) => return self.open.lock().push(sent),
            }
        }
    }

    /// Three kinds of command; the key is in each, so that the log shows how often it was carried out.
    fn compose(&self, writer: usize) -> Sent {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let key = format!("key-{number:06}");
        let (name, body) = match number % 4 {
            0 => ("CreatePolicy", json!({ "name": key, "rules": "ALLOW: read" })),
            1 => (
                "UpdatePolicy",
                json!({ "policy_id": self.own_policies[writer], "name": key }),
            ),
            2 => (
                "UpdatePolicy",
                json!({ "policy_id": self.shared_policy, "name": key }),
            ),
            _ => (
                "SubmitTask",
                json!({ "agent_id": self.agent, "description": format!("count {key}") }),
            ),
        };
        Sent {
            key,
            name,
            body,
            answer: None,
        }
    }

    fn note(&self, mut sent: Sent, answer: &Answer) {
        sent.answer = Some(answer.body.clone());
        self.acknowledged.lock().push(sent);
    }

    /// Sends again what had no answer, under the same key: each is carried out now, or was before.
    pub(crate) async fn finish_open(&self) {
        let open = std::mem::take(&mut *self.open.lock());
        for sent in open {
            let again = self.client.once(&sent.key, sent.name, &sent.body).await;
            let again = again.expect("the server is back").ok();
            self.note(sent, &again);
        }
    }

    /// Sends the last acknowledged ones again: the first answers come back, and say that they do.
    pub(crate) async fn repeat_last(&self, count: usize) {
        let last: Vec<Sent> = self
            .acknowledged
            .lock()
            .iter()
            .rev()
            .take(count)
            .cloned()
            .collect();
        for sent in last {
            let again = self.client.once(&sent.key, sent.name, &sent.body).await;
            let again = again.expect("the server is back").ok();
            assert_eq!(Some(&again.body), sent.answer.as_ref(), "{sent:?}");
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{sent:?}");
        }
    }

    /// Every acknowledged command is in the log, where its answer said, and none was carried out twice.
    pub(crate) fn is_in(&self, log: &Log) {
        let mut carried_out: HashMap<String, usize> = HashMap::new();
        for (kind, field) in [
            ("PolicyCreated", "name"),
            ("PolicyUpdated", "name"),
            ("TaskSubmitted", "description"),
        ] {
            for event in log.of_type(kind) {
                let said = event["data"][field].as_str().unwrap_or_default();
                if let Some(at) = said.find("key-") {
                    *carried_out.entry(said[at..].to_owned()).or_default() += 1;
                }
            }
        }
        let acknowledged = self.acknowledged.lock();
        for sent in acknowledged.iter() {
            log.holds(sent.answer.as_ref().expect("acknowledged"));
            assert_eq!(
                carried_out.remove(&sent.key),
                Some(1),
                "how often it was carried out: {sent:?}"
            );
        }
        assert!(self.open.lock().is_empty(), "some were not sent again");
        assert!(
            carried_out.is_empty(),
            "carried out, but never acknowledged: {carried_out:?}"
        );
    }
}

/// The running writers.
pub(crate) struct Writers(Vec<tokio::task::JoinHandle<()>>);

impl Writers {
    /// Waits until all have ended; a writer's panic is the test's.
    pub(crate) async fn end(self) {
        for writer in self.0 {
            writer.await.expect("the server answers well or not at all");
        }
    }
}

//! An account with webhooks, receivers that do as they are told, and dispatchers.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_domain::{Dialect, WebhookId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    Gateways,
    delivery::{DispatchConfig, DispatchParts, Dispatcher},
    ports::{
        Attempt, AttemptQuery, Clock, Deliveries as _, DeliveryTrack, Standing, WebhookAnswer,
        WebhookFailure, WebhookPost, WebhookSender,
    },
    spec::{Member, PausedClock, World},
    webhook::CreateWebhook,
};

/// Longest time anything is waited for, by the paused clock.
const PATIENCE: Duration = Duration::from_hours(24 * 30);

/// What a receiver does with a delivery.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Status(u16),
    RetryAfter(u16, &'static str),
    Refuse,
    Slow(Duration, u16),
}

/// A delivery as the receiver got it.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) position: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) ok: bool,
}

#[derive(Default)]
struct Script {
    next: HashMap<String, VecDeque<Reply>>,
    always: HashMap<String, Reply>,
    each_once: HashMap<String, HashSet<String>>,
    got: Vec<Got>,
}

/// All receivers.
pub(super) struct Receiver {
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
}

impl Receiver {
    /// The next deliveries get this reply, then it is as before.
    pub(super) fn next(&self, url: &str, reply: Reply, times: usize) {
        let mut script = self.script.lock();
        let next = script.next.entry(url.to_owned()).or_default();
        next.extend(std::iter::repeat_n(reply, times));
    }

    pub(super) fn always(&self, url: &str, reply: Reply) {
        self.script.lock().always.insert(url.to_owned(), reply);
    }

    pub(super) fn fail_each_once(&self, url: &str) {
        self.script
            .lock()
            .each_once
            .insert(url.to_owned(), HashSet::new());
    }

    fn reply(&self, post: &WebhookPost, id: &str) -> Reply {
        let mut script = self.script.lock();
        if let Some(failed) = script.each_once.get_mut(&*post.url)
            && failed.insert(id.to_owned())
        {
            return Reply::Status(500);
        }
        if let Some(next) = script.next.get_mut(&*post.url).and_then(VecDeque::pop_front) {
            return next;
        }
        let always = script.always.get(&*post.url).cloned();
        always.unwrap_or(Reply::Status(200))
    }
}

#[async_trait]
impl WebhookSender for Receiver {
    async fn post(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        let header = |name| post.headers.iter().find(|(known, _)| *known == name);
        let id = header("webhook-id").expect("every delivery has an id").1.clone();
        let reply = self.reply(&post, &id);
        let at = self.clock.now();
        let position = id.rsplit('_').next().and_then(|position| position.parse().ok());
        let mut got = Got {
            url: post.url.to_string(),
            id,
            position: position.expect("the id ends with the position"),
            at,
            body: post.body,
            headers: post.headers,
            ok: false,
        };
        let (status, retry_after) = match reply {
            Reply::Status(status) => (status, None),
            Reply::RetryAfter(status, header) => (status, Some(header.to_owned())),
            Reply::Refuse => {
                self.script.lock().got.push(got);
                return Err(WebhookFailure::Connect("connection refused".to_owned()));
            }
            Reply::Slow(time, _) if time > post.time_limit => {
                tokio::time::sleep(post.time_limit).await;
                self.script.lock().got.push(got);
                return Err(WebhookFailure::Timeout);
            }
            Reply::Slow(time, status) => {
                tokio::time::sleep(time).await;
                (status, None)
            }
        };
        got.ok = (200..300).contains(&status);
        self.script.lock().got.push(got);
        Ok(WebhookAnswer {
            status,
            retry_after,
            body: format!("said by {}", post.url),
            took: Duration::from_millis(1),
        })
    }

    async fn check(&self, _: &str) -> Result<(), WebhookFailure> {
        Ok(())
    }
}

/// A dispatcher that runs.
pub(super) struct Node {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Node {
    /// Ends it as SIGTERM does.
    pub(super) async fn stop(self) {
        self.cancel.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as kill -9 does.
    pub(super) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) receiver: Arc<Receiver>,
    pub(super) member: Member,
    clock: Arc<dyn Clock>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let receiver = Arc::new(Receiver {
            clock: Arc::clone(&clock),
            script: Mutex::default(),
        });
        let gateways = Gateways {
            webhooks: Some(receiver.clone()),
            ..Gateways::default()
        };
        let world = World::at(Arc::clone(&clock), gateways);
        let member = world.account("ada", Dialect::Native).await;
        Self {
            world,
            receiver,
            member,
            clock,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) async fn webhook(&self, url: &str) -> WebhookId {
        self.webhook_for(url, &["PolicyCreated"]).await
    }

    pub(super) async fn webhook_for(&self, url: &str, events: &[&str]) -> WebhookId {
        let events = events.iter().map(|name| (*name).to_owned()).collect();
        self.create(CreateWebhook::new(url, events)).await
    }

    pub(super) async fn create(&self, create: CreateWebhook) -> WebhookId {
        let answer = self.world.by(&self.member.caller, create).await.unwrap();
        WebhookId::from(answer.aggregate.id)
    }

    /// Makes so many events; their positions.
    pub(super) async fn policies(&self, count: usize) -> Vec<u64> {
        self.world.policies(&self.member, count).await
    }

    pub(super) fn start(&self) -> Node {
        self.start_with(DispatchConfig::default())
    }

    pub(super) fn start_with(&self, config: DispatchConfig) -> Node {
        self.start_as("node-1", config)
    }

    /// For tests in which days pass: less is done in them.
    pub(super) fn start_for_days(&self) -> Node {
        self.start_with(DispatchConfig {
            lease_ttl: Duration::from_hours(3),
            save_every: Duration::from_mins(1),
            ..DispatchConfig::default()
        })
    }

    pub(super) fn start_as(&self, holder: &str, config: DispatchConfig) -> Node {
        let parts = DispatchParts {
            bus: self.world.bus.clone(),
            sender: self.receiver.clone(),
            deliveries: self.world.store.clone(),
            checkpoints: self.world.store.clone(),
            config: Arc::new(config),
        };
        let dispatcher = Dispatcher::new(parts, holder);
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let task = tokio::spawn(async move { dispatcher.run(stop).await });
        Node { cancel, task }
    }

    /// What the receiver took.
    pub(super) fn got(&self, url: &str) -> Vec<Got> {
        let script = self.receiver.script.lock();
        script
            .got
            .iter()
            .filter(|got| got.url == url && got.ok)
            .cloned()
            .collect()
    }

    /// How often something was sent there.
    pub(super) fn tries(&self, url: &str) -> usize {
        let script = self.receiver.script.lock();
        script.got.iter().filter(|got| got.url == url).count()
    }

    /// When the event was sent there.
    pub(super) fn tries_of(&self, url: &str, position: u64) -> Vec<DateTime<Utc>> {
        let script = self.receiver.script.lock();
        let of_it = script
            .got
            .iter()
            .filter(|got| got.url == url && got.position == position);
        of_it.map(|got| got.at).collect()
    }

    /// Waits until that holds.
    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            let mut step = Duration::from_millis(50);
            while !holds().await {
                tokio::time::sleep(step).await;
                step = (step * 21 / 20).min(Duration::from_mins(10));
            }
        });
        assert!(waited.await.is_ok(), "{what} never came about");
    }

    pub(super) async fn until_delivered(&self, url: &str, positions: &[u64]) {
        self.until(&format!("all of {url}"), async || {
            let got: HashSet<u64> = self.got(url).iter().map(|got| got.position).collect();
            positions.iter().all(|position| got.contains(position))
        })
        .await;
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(super) async fn standing(&self, webhook: &WebhookId) -> Standing {
        self.world.store.standing(webhook).await.unwrap()
    }

    /// The webhook's only track, as it is kept.
    pub(super) async fn tracks(&self, webhook: &WebhookId) -> Vec<DeliveryTrack> {
        let kept = self.world.store.load().await.unwrap();
        kept.tracks
            .into_iter()
            .filter(|track| track.webhook_id == *webhook)
            .collect()
    }

    pub(super) async fn attempts(&self, webhook: &WebhookId) -> Vec<Attempt> {
        let query = AttemptQuery {
            limit: 10_000,
            ..AttemptQuery::default()
        };
        self.world.store.attempts(webhook, &query).await.unwrap()
    }

    pub(super) fn count(&self, event: &str) -> usize {
        let types = self.world.event_types();
        types.iter().filter(|kind| **kind == event).count()
    }
}

//! Which machines are connected to this process, and what they say.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_commands::{
    machine::{ConnectedMachine, Desk},
    ports::{EventLog, EventQuery, LogError, LogLevel, LogLines, NodeEvents, NodeLink, NodeLinks},
};
use reef_domain::{
    AnyEvent, Decider as _, RuntimeId, account::AccountEvent, machine::MachineEvent, runtime::Health,
};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    link::Link,
    protocol::{
        CLOSE_AWAY, CLOSE_PROTOCOL, CLOSE_REPLACED, CLOSE_REVOKED, CLOSE_SLOW, FromNode, FromServer,
        Heartbeat, Hello, Runtime, VERSION, Welcome,
    },
    reports::MAX_LINE,
};

/// Reports of one machine that are being recorded at a time.
const AT_ONCE: usize = 32;
/// Between two notes that a machine is there.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// Events read at a time.
const PAGE: u32 = 500;

/// How patient the hub is.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// How long a machine may take to say hello.
    pub hello: Duration,
    /// How often a machine says that it lives.
    pub heartbeat: Duration,
    /// A machine that said nothing for so long is cut off.
    pub silence: Duration,
    /// How long an ordinary request to a machine may take.
    pub call: Duration,
    /// How long a request waits for a machine that is away.
    pub wait: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            silence: Duration::from_secs(45),
            call: Duration::from_mins(1),
            wait: Duration::from_secs(5),
        }
    }
}

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) desk: Desk,
    pub(super) node: Arc<dyn NodeEvents>,
    pub(super) log_lines: Arc<dyn LogLines>,
    pub(super) config: HubConfig,
    links: Mutex<HashMap<RuntimeId, Arc<Link>>>,
    /// Counts who comes and goes.
    changes: watch::Sender<u64>,
    /// Up to which report of which node process log lines were kept, by runtime.
    pub(super) logged: Mutex<HashMap<RuntimeId, (String, u64)>>,
    /// Who was connected to the process before this one has had no time yet to come back.
    pub(super) since: DateTime<Utc>,
    closing: CancellationToken,
}

impl Hub {
    /// A hub without machines.
    pub fn new(
        desk: Desk,
        node: Arc<dyn NodeEvents>,
        log_lines: Arc<dyn LogLines>,
        config: HubConfig,
    ) -> Self {
        Self(Arc::new(Inner {
            since: desk.now(),
            desk,
            node,
            log_lines,
            config,
            links: Mutex::default(),
            changes: watch::channel(0).0,
            logged: Mutex::default(),
            closing: CancellationToken::new(),
        }))
    }

    /// How many machines are connected here.
    pub fn connected(&self) -> usize {
        self.0.links.lock().len()
    }

    /// Ends every connection: the server stops, and machines are to connect again. Waits until they were told,
    /// for at most `within`.
    pub async fn close(&self, within: Duration) {
        let mut changes = self.0.changes.subscribe();
        self.0.closing.cancel();
        for link in self.0.links.lock().values() {
            link.end(CLOSE_AWAY, "the server stops");
        }
        let told = async { while self.connected() > 0 && changes.changed().await.is_ok() {} };
        if timeout(within, told).await.is_err() {
            tracing::warn!("some machines were not told that the server stops");
        }
    }

    /// Cuts machines off whose token stopped working, as soon as that is in the log. Runs until the hub closes.
    pub async fn cut_off_revoked(self, log: Arc<dyn EventLog>) {
        let mut head = log.watch();
        let mut after = *head.borrow_and_update();
        loop {
            tokio::select! {
                () = self.0.closing.cancelled() => return,
                changed = head.changed() => if changed.is_err() { return },
            }
            match self.cut_off_after(&*log, after).await {
                Ok(position) => after = position,
                // Heartbeats are checked too; the next commit tries again.
                Err(error) => tracing::warn!(%error, "revoked machines were not looked for"),
            }
        }
    }

    async fn cut_off_after(&self, log: &dyn EventLog, mut after: u64) -> Result<u64, LogError> {
        let types = ["MachineRemoved", "AccountSuspended", "AccountClosed"];
        loop {
            let head = log.head().await?.position;
            let query = EventQuery {
                after,
                types: types.map(str::to_owned).to_vec(),
                limit: PAGE,
                ..EventQuery::default()
            };
            let events = log.read(&query).await?;
            for envelope in &events {
                self.cut_off(&envelope.event, &envelope.aggregate_id);
            }
            match events.last() {
                Some(last) if events.len() == PAGE as usize => after = last.position,
                Some(last) => return Ok(head.max(last.position)),
                None => return Ok(head.max(after)),
            }
        }
    }

    fn cut_off(&self, event: &AnyEvent, id: &str) {
        let links: Vec<Arc<Link>> = self.0.links.lock().values().cloned().collect();
        for link in links {
            let machine = &link.machine;
            let machine_removed = reef_domain::machine::Machine::event_of(event)
                .is_some_and(|event| matches!(event, MachineEvent::Removed { .. }))
                && machine.machine_id.as_str() == id;
            let account_gone = reef_domain::account::Account::event_of(event).is_some_and(|event| {
                matches!(
                    event,
                    AccountEvent::Suspended { .. } | AccountEvent::Closed { .. }
                )
            }) && machine.account_id.as_str() == id;
            if machine_removed || account_gone {
                link.end(CLOSE_REVOKED, "the machine's token does not work any more");
            }
        }
    }

    pub(super) fn link(&self, runtime: &RuntimeId) -> Option<Arc<Link>> {
        self.0.links.lock().get(runtime).cloned()
    }

    /// The machine's connection, waiting for it for so long.
    pub(super) async fn link_within(&self, runtime: &RuntimeId, wait: Duration) -> Option<Arc<Link>> {
        let mut arrivals = self.0.changes.subscribe();
        let until = Instant::now() + wait;
        loop {
            arrivals.mark_unchanged();
            if let Some(link) = self.link(runtime) {
                return Some(link);
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return None,
                changed = arrivals.changed() => changed.ok()?,
            }
        }
    }

    /// The newest connection of a machine is the one that counts.
    fn enter(&self, link: &Arc<Link>) {
        let runtime = link.machine.runtime_id.clone();
        if let Some(older) = self.0.links.lock().insert(runtime, Arc::clone(link)) {
            older.end(CLOSE_REPLACED, "the machine has connected again");
        }
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Whether it was the one that counted.
    fn leave(&self, link: &Arc<Link>) -> bool {
        let mut links = self.0.links.lock();
        let runtime = &link.machine.runtime_id;
        let counted = links
            .get(runtime)
            .is_some_and(|current| Arc::ptr_eq(current, link));
        if counted {
            links.remove(runtime);
        }
        drop(links);
        counted
    }

    /// The hello, answered.
    async fn greet(
        &self,
        link: &Link,
        incoming: &mut tokio::sync::mpsc::Receiver<String>,
    ) -> Result<Hello, (u16, &'static str)> {
        let first = timeout(self.0.config.hello, incoming.recv()).await;
        let first = first.map_err(|_| (CLOSE_SLOW, "no hello came"))?;
        let first = first.ok_or((CLOSE_AWAY, "gone before its hello"))?;
        let Ok(FromNode::Hello(hello)) = serde_json::from_str(&first) else {
            return Err((CLOSE_PROTOCOL, "the first frame is no hello"));
        };
        if !hello.versions.contains(&VERSION) {
            return Err((CLOSE_PROTOCOL, "no common version: this server speaks 1"));
        }
        let later = |error: &dyn std::fmt::Display| {
            tracing::warn!(machine = %link.machine.machine_id, %error, "a machine came, but not now");
            (CLOSE_AWAY, "the server cannot serve the machine now")
        };
        let welcome = self
            .0
            .desk
            .came(&link.machine)
            .await
            .map_err(|error| later(&error))?;
        let welcome = FromServer::Welcome(Welcome {
            version: VERSION,
            machine_id: link.machine.machine_id.clone(),
            name: link.machine.name.clone(),
            runtime: Runtime {
                runtime_id: link.machine.runtime_id.clone(),
                account_id: link.machine.account_id.clone(),
            },
            heartbeat_s: self.0.config.heartbeat.as_secs().max(1),
            max_frame: reef_commands::ports::MAX_FRAME,
            is_to_run: welcome.is_to_run,
            agents: welcome.agents,
        });
        link.send(&welcome).map_err(|error| later(&error))?;
        Ok(hello)
    }

    async fn converse(
        &self,
        link: &Arc<Link>,
        hello: &Hello,
        incoming: &mut tokio::sync::mpsc::Receiver<String>,
    ) {
        let recording = Arc::new(Semaphore::new(AT_ONCE));
        let mut noted = Instant::now();
        let mut trouble = None;
        loop {
            let frame = tokio::select! {
                () = link.ended.cancelled() => return,
                frame = timeout(self.0.config.silence, incoming.recv()) => frame,
            };
            let text = match frame {
                Err(_) => return link.end(CLOSE_SLOW, "the machine was silent for too long"),
                Ok(None) => return,
                Ok(Some(text)) => text,
            };
            match serde_json::from_str(&text) {
                Ok(FromNode::Chunk { id, text }) => link.piece(id, text),
                Ok(FromNode::Answer { id, outcome }) => link.answer(id, outcome),
                Ok(FromNode::Report { seq, report }) => {
                    // Whoever reports faster than can be recorded waits here, and so does the connection.
                    let Ok(turn) = Arc::clone(&recording).acquire_owned().await else {
                        return;
                    };
                    self.take(link, hello, seq, report, turn);
                }
                Ok(FromNode::Heartbeat(heartbeat)) => {
                    self.hear(link, &heartbeat, &mut noted).await;
                    self.tell_trouble(link, &mut trouble, heartbeat.trouble);
                }
                Ok(FromNode::Hello(_)) | Err(_) => {
                    return link.end(CLOSE_PROTOCOL, "a frame is not of this protocol");
                }
            }
        }
    }

    async fn hear(&self, link: &Arc<Link>, heartbeat: &Heartbeat, noted: &mut Instant) {
        let desk = &self.0.desk;
        match desk.still_holds(&link.machine).await {
            Ok(true) => {}
            Ok(false) => return link.end(CLOSE_REVOKED, "the machine's token does not work any more"),
            Err(error) => return tracing::warn!(%error, "a machine's token could not be checked"),
        }
        let health = match &heartbeat.trouble {
            None => Health::Healthy,
            Some(_) => Health::Degraded,
        };
        if let Err(error) = desk.feels(&link.machine, health).await {
            tracing::warn!(%error, "a machine's health was not recorded");
        }
        if noted.elapsed() >= NOTED_EVERY {
            *noted = Instant::now();
            if let Err(error) = desk.seen(&link.machine).await {
                tracing::warn!(%error, "a machine's sighting was not noted");
            }
        }
    }

    /// Health says only that something is wrong; what, and that it is over, is told once in the runtime's lines.
    fn tell_trouble(&self, link: &Link, known: &mut Option<String>, now: Option<String>) {
        if *known == now {
            return;
        }
        let (level, mut message) = match &now {
            Some(trouble) => (LogLevel::Warn, format!("trouble: {trouble}")),
            None => (LogLevel::Info, "the trouble is over".to_owned()),
        };
        message.truncate(message.floor_char_boundary(MAX_LINE));
        self.0
            .log_lines
            .push(&link.machine.runtime_id, None, level, message);
        *known = now;
    }

    /// It is gone: known at once, and after the grace for good.
    async fn gone(&self, machine: ConnectedMachine) {
        let desk = &self.0.desk;
        if let Err(error) = desk.went(&machine, desk.now()).await {
            tracing::warn!(machine = %machine.machine_id, %error, "not noted that a machine has gone");
        }
        if self.0.closing.is_cancelled() {
            return;
        }
        let hub = self.clone();
        tokio::spawn(async move {
            let grace = hub.0.desk.grace().to_std().unwrap_or_default();
            let back = hub.link_within(&machine.runtime_id, grace);
            tokio::select! {
                () = hub.0.closing.cancelled() => return,
                link = back => if link.is_some() { return },
            }
            if let Err(error) = hub.0.desk.stand_down(&machine).await {
                tracing::warn!(machine = %machine.machine_id, %error, "not recorded that a machine has stopped");
            }
        });
    }
}

#[async_trait]
impl NodeLinks for Hub {
    async fn serve(&self, machine: ConnectedMachine, link: NodeLink) {
        let NodeLink {
            mut incoming,
            outgoing,
        } = link;
        let link = Link::new(machine, outgoing);
        if self.0.closing.is_cancelled() {
            link.end(CLOSE_AWAY, "the server stops");
            return link.wind_up();
        }
        let hello = match self.greet(&link, &mut incoming).await {
            Ok(hello) => hello,
            Err((code, reason)) => {
                link.end(code, reason);
                return link.wind_up();
            }
        };
        let id = &link.machine.machine_id;
        tracing::info!(machine = %id, software = hello.software, engine = hello.engine, "a machine has connected");
        self.enter(&link);
        // Removed since it showed its token, but before the hub knew of it.
        match self.0.desk.still_holds(&link.machine).await {
            Ok(false) => link.end(CLOSE_REVOKED, "the machine's token does not work any more"),
            Ok(true) | Err(_) => self.converse(&link, &hello, &mut incoming).await,
        }
        let counted = self.leave(&link);
        link.wind_up();
        tracing::info!(machine = %id, "a machine's connection has ended");
        if counted {
            self.gone(link.machine.clone()).await;
        }
        self.0.changes.send_modify(|count| *count += 1);
    }
}

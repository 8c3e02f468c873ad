//! Twenty endpoints, eight of them sick, and a server that is killed five times while events go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{endpoints::Endpoints, events::Events};
use crate::harness::{Account, Client, Database, Log, Server, Setup, on_both_databases, wait_until};

on_both_databases!(every_event_reaches_every_healthy_endpoint);

/// The healthy ones; the first takes everything, the others what makes a policy.
const HEALTHY: usize = 12;
/// Kinds of sick endpoints; `dead` has nobody listening.
const SICK: [&str; 8] = [
    "dead", "slow", "flapping", "error", "gone", "moved", "busy", "slow",
];
/// How often the server is killed.
const KILLS: u64 = 5;
/// Everything is delivered within this once the last event is written.
const PATIENCE: Duration = Duration::from_secs(100);
/// Most memory of the server, in KiB.
const MEMORY_KIB: u64 = 400 * 1024;

/// Events of the whole run, and of each of the two that are compared.
fn sizes(database: &Database) -> (u64, u64) {
    if database.is_sqlite() {
        (50_000, 3000)
    } else {
        (5000, 1000)
    }
}

struct Webhooks {
    client: Client,
    endpoints: Arc<Endpoints>,
    ids: BTreeMap<(&'static str, usize), String>,
    dead: String,
}

impl Webhooks {
    async fn make(&mut self, kind: &'static str, name: usize, events: &[&str]) {
        let url = match kind {
            "dead" => self.dead.clone(),
            _ => self.endpoints.url(kind, name),
        };
        let made = self
            .client
            .command("CreateWebhook", json!({ "url": url, "events": events }))
            .await
            .ok();
        self.ids.insert((kind, name), made.id());
    }

    async fn document(&self, kind: &'static str, name: usize) -> Value {
        self.client.document("webhooks", &self.ids[&(kind, name)]).await
    }
}

async fn every_event_reaches_every_healthy_endpoint(database: Database) {
    let (whole, compared) = sizes(&database);
    let began = Instant::now();
    let mut server = Setup::on(&database)
        .with("REEF_WEBHOOK_ALLOWED_CIDRS", "[\"127.0.0.0/8\"]")
        .with("REEF_WEBHOOK_ALLOW_HTTP", "true")
        .with("REEF_WEBHOOK_WAIT_FACTOR", "0.01")
        .with("REEF_LOG", "warn")
        .start()
        .await;
    let account = Account::make(&server, "aquarium").await;
    let endpoints = Endpoints::start().await;
    let mut webhooks = Webhooks {
        client: account.client.clone(),
        endpoints: Arc::clone(&endpoints),
        ids: BTreeMap::new(),
        dead: format!("http://127.0.0.1:{}/", free_port()),
    };
    let account_id = account.id.clone();
    for name in 0..HEALTHY {
        let events: &[&str] = if name == 0 {
            &["PolicyCreated", "PolicyUpdated"]
        } else {
            &["PolicyCreated"]
        };
        webhooks.make("healthy", name, events).await;
    }
    let events = Events::new(account).await;

    // Without the sick ones, and with them.
    let alone = measured(&events, &endpoints, compared).await;
    for (name, kind) in SICK.into_iter().enumerate() {
        // Those that are to be well in the end take fewer.
        let events: &[&str] = match kind {
            "error" | "flapping" | "busy" => &["PolicyCreated"],
            _ => &["PolicyCreated", "PolicyUpdated"],
        };
        webhooks.make(kind, name, events).await;
    }
    let among = measured(&events, &endpoints, compared).await;
    eprintln!("p99 from commit to delivery: {alone:?} alone, {among:?} among sick ones");
    assert!(
        among < alone * 2 + Duration::from_millis(250),
        "healthy endpoints are slowed: {alone:?} alone, {among:?} among sick ones"
    );

    // Killed again and again.
    let left = whole.saturating_sub(events.acknowledged());
    for _ in 0..KILLS {
        let writing = Arc::clone(&events);
        let more = left / (KILLS + 1);
        let half = events.acknowledged() + more / 2;
        let writers = tokio::spawn(async move { writing.write(more).await });
        wait_until("the events go on", PATIENCE, async || {
            (events.acknowledged() >= half).then_some(())
        })
        .await;
        server.kill();
        server.start_again().await;
        writers.await.expect("the writers end well");
    }
    events.write(whole.saturating_sub(events.acknowledged())).await;
    let memory = memory_kib(&server);
    eprintln!(
        "{} events in {:?}, server has {memory} KiB",
        events.acknowledged(),
        began.elapsed()
    );

    let wanted = wanted(&server, &account_id).await;
    assert!(wanted.all.len() as u64 >= events.acknowledged());
    all_arrived(&endpoints, &wanted, "healthy", HEALTHY).await;
    let memory = memory.max(memory_kib(&server));
    assert!(memory < MEMORY_KIB, "the server has {memory} KiB");

    // The sick ones: left alone, disabled, or well in the end.
    let gone = webhooks.document("gone", 4).await;
    assert_eq!(
        (&gone["status"], &gone["disabled"]["reason"]),
        (&json!("disabled"), &json!("gone")),
        "{gone}"
    );
    assert!(endpoints.tries("gone", 4) <= 8, "{}", endpoints.tries("gone", 4));
    assert_eq!(endpoints.tries("followed", 0), 0, "a redirect was followed");
    for (kind, name) in [("error", 3), ("moved", 5)] {
        let tries = endpoints.tries(kind, name);
        assert!((5..1500).contains(&tries), "{kind} was tried {tries} times");
    }
    endpoints.well.store(true, Ordering::Relaxed);
    for (kind, name) in [("error", 3), ("flapping", 2), ("busy", 6)] {
        wait_until(kind, PATIENCE, async || {
            let since = wanted.since(&webhooks.ids[&(kind, name)]);
            (endpoints.count(kind, name) >= since).then_some(())
        })
        .await;
        assert_eq!(endpoints.other_ids(kind, name), 0);
    }
    eprintln!("the sick ones are well after {:?}", began.elapsed());
    assert!(!server.said().contains("panicked"), "{}", server.said());
    assert!(server.terminate().await.success());
}

/// Writes so many events; 99 of 100 reached the first healthy endpoint within this.
async fn measured(events: &Arc<Events>, endpoints: &Endpoints, count: u64) -> Duration {
    endpoints.p99("healthy", 0);
    let before = endpoints.count("healthy", 0) as u64;
    events.write_slowly(count).await;
    wait_until("they arrive", PATIENCE, async || {
        (endpoints.count("healthy", 0) as u64 >= before + count).then_some(())
    })
    .await;
    endpoints.p99("healthy", 0)
}

/// What the log says has to arrive.
struct Wanted {
    all: BTreeSet<u64>,
    made: BTreeSet<u64>,
    created: BTreeMap<String, u64>,
}

impl Wanted {
    /// How many events that make a policy there were since the webhook was made.
    fn since(&self, webhook: &str) -> usize {
        self.made.range(self.created[webhook]..).count()
    }
}

async fn wanted(server: &Server, account: &str) -> Wanted {
    let log = Log::read(&server.operator()).await;
    let mut created = BTreeMap::new();
    for event in log.of_type("WebhookCreated") {
        let id = event["aggregateid"].as_str().expect("an id").to_owned();
        created.insert(id, position(event));
    }
    let first = created.values().min().copied().expect("there are webhooks");
    let own = |event: &&Value| event["accountid"] == account && position(event) > first;
    let made: BTreeSet<u64> = log.of_type("PolicyCreated").filter(own).map(position).collect();
    let updated = log.of_type("PolicyUpdated").filter(own).map(position);
    Wanted {
        all: updated.chain(made.iter().copied()).collect(),
        made,
        created,
    }
}

fn position(event: &Value) -> u64 {
    event["position"].as_u64().expect("every event has a position")
}

async fn all_arrived(endpoints: &Endpoints, wanted: &Wanted, kind: &str, count: usize) {
    let mut repeats = 0;
    for name in 0..count {
        // The webhooks were made one after another before the first of these events.
        let due = if name == 0 { &wanted.all } else { &wanted.made };
        wait_until(&format!("all {} of {name}", due.len()), PATIENCE, async || {
            (endpoints.count(kind, name) >= due.len()).then_some(())
        })
        .await;
        let got = endpoints.got(kind, name);
        let missing: Vec<&u64> = due
            .iter()
            .filter(|position| !got.contains_key(position))
            .collect();
        assert!(missing.is_empty(), "{kind} {name} misses {missing:?}");
        assert_eq!(endpoints.other_ids(kind, name), 0, "a repeat with another id");
        repeats += got.values().filter(|got| got.times > 1).count();
    }
    eprintln!("everything arrived; {repeats} were repeated after the kills");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn memory_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("in KiB").parse().expect("a number")
}

//! Endpoints of webhooks: healthy ones that remember what they got, and sick ones of every kind.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::net::TcpListener;

/// How an endpoint behaves, by the first part of its path.
const FLAP: Duration = Duration::from_millis(1500);

/// What an endpoint got of one event.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) times: u32,
}

#[derive(Default)]
struct Endpoint {
    got: HashMap<u64, Got>,
    tries: u64,
    other_ids: u64,
    latencies: Vec<Duration>,
}

/// All endpoints of a test, on one port.
pub(crate) struct Endpoints {
    address: SocketAddr,
    all: Mutex<HashMap<String, Endpoint>>,
    started: Instant,
    pub(crate) well: AtomicBool,
}

impl Endpoints {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoints = Arc::new(Self {
            address: listener.local_addr().expect("it is bound"),
            all: Mutex::default(),
            started: Instant::now(),
            well: AtomicBool::new(false),
        });
        let router = Router::new()
            .route("/{kind}/{name}", post(take))
            .with_state(Arc::clone(&endpoints));
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoints
    }

    /// The URL of an endpoint.
    pub(crate) fn url(&self, kind: &str, name: usize) -> String {
        format!("http://{}/{kind}/{name}", self.address)
    }

    /// What the endpoint took.
    pub(crate) fn got(&self, kind: &str, name: usize) -> HashMap<u64, Got> {
        self.look(kind, name, |endpoint| endpoint.got.clone())
    }

    /// How many events the endpoint took.
    pub(crate) fn count(&self, kind: &str, name: usize) -> usize {
        self.look(kind, name, |endpoint| endpoint.got.len())
    }

    /// How often something was sent there.
    pub(crate) fn tries(&self, kind: &str, name: usize) -> u64 {
        self.look(kind, name, |endpoint| endpoint.tries)
    }

    /// How often an event came under another id than before.
    pub(crate) fn other_ids(&self, kind: &str, name: usize) -> u64 {
        self.look(kind, name, |endpoint| endpoint.other_ids)
    }

    /// From commit to delivery, 99 of 100 within; forgets what was measured.
    pub(crate) fn p99(&self, kind: &str, name: usize) -> Duration {
        let mut all = self.all.lock();
        let endpoint = all.entry(format!("{kind}/{name}")).or_default();
        let mut latencies = std::mem::take(&mut endpoint.latencies);
        latencies.sort();
        let place = latencies.len().saturating_sub(1) * 99 / 100;
        latencies.get(place).copied().unwrap_or_default()
    }

    fn look<T>(&self, kind: &str, name: usize, look: impl FnOnce(&Endpoint) -> T) -> T {
        look(self.all.lock().entry(format!("{kind}/{name}")).or_default())
    }

    fn note(&self, endpoint: &str, headers: &HeaderMap, body: &str, takes: bool) {
        let mut all = self.all.lock();
        let endpoint = all.entry(endpoint.to_owned()).or_default();
        endpoint.tries += 1;
        if !takes {
            return;
        }
        let id = headers
            .get("webhook-id")
            .and_then(|id| id.to_str().ok())
            .expect("every delivery has an id");
        let position = number(body, "\"position\":");
        if let Some(got) = endpoint.got.get_mut(&position) {
            got.times += 1;
            endpoint.other_ids += u64::from(got.id != id);
        } else {
            let got = Got {
                id: id.to_owned(),
                times: 1,
            };
            endpoint.got.insert(position, got);
            endpoint.latencies.push(age(body));
        }
    }
}

fn number(body: &str, before: &str) -> u64 {
    let rest = body.split_once(before).expect("a field of every event").1;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).expect("more follows");
    rest[..digits].parse().expect("a number")
}

fn age(body: &str) -> Duration {
    let time = body.split_once("\"time\":\"").expect("every event has a time").1;
    let time = time.split_once('"').expect("a text ends").0;
    let time: DateTime<Utc> = time.parse().expect("RFC 3339");
    (Utc::now() - time).to_std().unwrap_or_default()
}

async fn take(
    State(endpoints): State<Arc<Endpoints>>,
    Path((kind, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let well = endpoints.well.load(Ordering::Relaxed);
    let phase = endpoints.started.elapsed().as_millis() / FLAP.as_millis();
    let status = match kind.as_str() {
        "slow" => {
            tokio::time::sleep(Duration::from_secs(10)).await;
            StatusCode::OK
        }
        "error" if !well => StatusCode::INTERNAL_SERVER_ERROR,
        "flapping" if !well && phase.is_multiple_of(2) => StatusCode::BAD_GATEWAY,
        "busy" if !well => StatusCode::TOO_MANY_REQUESTS,
        "gone" => StatusCode::GONE,
        "moved" => StatusCode::FOUND,
        _ => StatusCode::NO_CONTENT,
    };
    let endpoint = format!("{kind}/{name}");
    endpoints.note(&endpoint, &headers, &body, status.is_success());
    match status {
        StatusCode::TOO_MANY_REQUESTS => (status, [(header::RETRY_AFTER, "1")]).into_response(),
        StatusCode::FOUND => {
            // Whoever follows this is found at a healthy endpoint.
            (status, [(header::LOCATION, endpoints.url("followed", 0))]).into_response()
        }
        status => status.into_response(),
    }
}

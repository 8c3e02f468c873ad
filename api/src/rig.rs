//! A server without a socket, for tests: requests in, whole answers out.

mod database;
pub(crate) mod outside;

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{HeaderMap, Request},
};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use reef_commands::{
    Bus, Drivers, Gateways, RandomEntropy, Secrets, Services,
    account::Plans,
    conversation::Chat,
    delivery::{DispatchParts, Dispatcher},
    follower::FollowerConfig,
    machine::Desk,
    managers::{Context, Managers},
    ports::{Checkpoints, SystemClock},
    task::NodeReports,
};
use reef_runtimes::{
    Hub, HubConfig, MemoryLogLines,
    embedded::{EmbeddedDriver, EmbeddedPorts},
    model::{ModelConfig, ModelProvider},
};
use reef_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::Service as _;
use zeroize::Zeroizing;

use self::outside::Letters;
use crate::{ApiConfig, ApiParts, ApiState, CheckpointKey, router};

pub(crate) use database::Database;

/// Runs each test function with a server on both databases: `<test>::on_sqlite` and `<test>::on_postgres`.
macro_rules! on_both_databases {
    ($server:path: $($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::rig::{Database, Rig};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let rig = $server(Database::sqlite(), |_| {}).await;
                super::$test(&rig).await;
                Rig::stop(rig).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(database) = Database::postgres() else { return };
                let rig = $server(database, |_| {}).await;
                super::$test(&rig).await;
                Rig::stop(rig).await;
            }
        }
    )*};
}
pub(crate) use on_both_databases;

/// The operator's key.
pub(crate) const OPERATOR: &str = "operator-key-for-tests";

/// A whole server, without agents' runtimes at work.
pub(crate) struct Rig {
    pub(crate) router: Router,
    pub(crate) state: ApiState,
    pub(crate) bus: Bus,
    pub(crate) shutdown: CancellationToken,
    /// What was sent by mail.
    pub(crate) letters: Arc<Letters>,
    managers: Arc<Managers>,
    folder: TempDir,
    _database: Database,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// An account with a key that may do everything.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) key_id: String,
    pub(crate) key: String,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A server configured differently.
    pub(crate) async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::on(Database::sqlite(), change).await
    }

    /// A server on that database, configured differently.
    pub(crate) async fn on(database: Database, change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::among(Gateways::default(), database, change).await
    }

    /// A server among these services outside, on that database, configured differently.
    pub(crate) async fn among(
        mut gateways: Gateways,
        database: Database,
        change: impl FnOnce(&mut ApiConfig),
    ) -> Self {
        let letters = Arc::new(Letters::default());
        gateways.mail = Some(Arc::clone(&letters) as _);
        gateways.own_tokens = Some(outside::own_tokens());
        // Only the first of a process gets in, which is all that is needed.
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().unwrap();
        let store = open(database.url(), folder.path()).await;
        let clock = Arc::new(SystemClock);
        let services = Services {
            log: Arc::new(store.clone()),
            views: Arc::new(store.clone()),
            vault: Arc::new(store.clone()),
            workspace: Arc::new(store.clone()),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(RandomEntropy),
            log_lines: Arc::new(MemoryLogLines::new(clock)),
            sightings: Arc::new(store.clone()),
            gateways,
            plans: Plans::default(),
        };
        let bus = Bus::new(services);
        let drivers = drivers(&bus);
        let key_uses = Arc::new(store.clone());
        let checkpoints: Arc<dyn Checkpoints> = Arc::new(store);
        let context = Context {
            bus: bus.clone(),
            drivers: drivers.clone(),
        };
        let managers = Arc::new(Managers::start(
            &context,
            &checkpoints,
            "test",
            &FollowerConfig::default(),
        ));
        if let Some(sender) = bus.services().gateways.webhooks.clone() {
            let parts = DispatchParts {
                bus: bus.clone(),
                sender,
                deliveries: key_uses.clone(),
                checkpoints: Arc::clone(&checkpoints),
                config: Arc::default(),
            };
            managers.deliver(Dispatcher::new(parts, "test")).await;
        }
        let shutdown = CancellationToken::new();
        let mut config = ApiConfig {
            rate_limit_per_minute: 0,
            ..ApiConfig::new(OPERATOR)
        };
        change(&mut config);
        let state = ApiState::new(ApiParts {
            chat: Chat::new(bus.clone(), drivers.clone()),
            bus: bus.clone(),
            drivers,
            nodes: hub(&bus),
            checkpoints,
            deliveries: key_uses.clone(),
            key_uses,
            retry: Arc::clone(&managers) as _,
            checkpoint_key: CheckpointKey::from_seed("reef.test/log", &[7; 32]).unwrap(),
            metrics: Some(PrometheusBuilder::new().build_recorder().handle()),
            config,
            shutdown: shutdown.clone(),
        });
        Self {
            router: router(state.clone()),
            state,
            bus,
            shutdown,
            letters,
            managers,
            folder,
            _database: database,
        }
    }

    /// Everything in the folder of the server: the whole database where that is SQLite.
    pub(crate) fn files(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let paths = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file());
        paths.flat_map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
            body,
        }
    }

    /// Opens an answer without an end.
    pub(crate) async fn open(&self, request: Request<Body>) -> (u16, BodyDataStream) {
        let response = self.router.clone().call(request).await.unwrap();
        (
            response.status().as_u16(),
            response.into_body().into_data_stream(),
        )
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Reply {
        self.send(get(key, path)).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.send(post(key, path, body)).await
    }

    pub(crate) async fn command(&self, key: &str, name: &str, body: Value) -> Reply {
        self.post(key, &format!("/v1/commands/{name}"), &body).await
    }

    /// A command with one more header.
    pub(crate) async fn command_with(
        &self,
        key: &str,
        name: &str,
        body: Value,
        header: (&str, &str),
    ) -> Reply {
        let mut request = post(key, &format!("/v1/commands/{name}"), &body);
        request.headers_mut().insert(
            axum::http::HeaderName::from_bytes(header.0.as_bytes()).unwrap(),
            header.1.parse().unwrap(),
        );
        self.send(request).await
    }

    /// A new account with a key that may do everything.
    pub(crate) async fn account(&self, name: &str) -> Account {
        let email = format!("{name}@example.com");
        let made = self
            .command(
                OPERATOR,
                "RegisterAccount",
                json!({ "name": name, "owner_email": email }),
            )
            .await
            .ok();
        let id = made.id();
        let user = self
            .get(OPERATOR, &format!("/v1/views/accounts/{id}"))
            .await
            .ok()
            .body["users"][0]["user_id"]
            .clone();
        let (key_id, key) = self.key(&id, &["*"]).await;
        Account {
            id,
            user: user.as_str().unwrap().to_owned(),
            key_id,
            key,
        }
    }

    /// A new key of the account; its id and its text.
    pub(crate) async fn key(&self, account: &str, scopes: &[&str]) -> (String, String) {
        let body = json!({ "account_id": account, "name": "test", "scopes": scopes });
        let issued = self.command(OPERATOR, "IssueApiKey", body).await.ok();
        (
            issued.id(),
            issued.body["result"]["key"].as_str().unwrap().to_owned(),
        )
    }

    /// A new policy; its id.
    pub(crate) async fn policy(&self, key: &str, name: &str) -> String {
        self.command(
            key,
            "CreatePolicy",
            json!({ "name": name, "rules": "ALLOW: read" }),
        )
        .await
        .ok()
        .id()
    }

    /// Stops what runs in the background.
    pub(crate) async fn stop(self) {
        let Self {
            router,
            state,
            managers,
            ..
        } = self;
        drop((router, state));
        if let Some(managers) = Arc::into_inner(managers) {
            managers.stop().await;
        }
    }
}

async fn open(url: &str, folder: &Path) -> Store {
    let views = reef_projections::views::all();
    Store::open(url, folder, views, Zeroizing::new([9; 32]), Arc::new(SystemClock))
        .await
        .unwrap()
}

/// Machines can connect, though none of these tests lets one.
fn hub(bus: &Bus) -> Arc<Hub> {
    let desk = Desk::new(bus.clone(), "test", TimeDelta::minutes(1));
    let node = Arc::new(NodeReports::new(bus.clone(), TimeDelta::hours(1)));
    let lines = Arc::clone(&bus.services().log_lines);
    Arc::new(Hub::new(desk, node, lines, HubConfig::default()))
}

fn drivers(bus: &Bus) -> Drivers {
    let services = bus.services();
    let ports = EmbeddedPorts {
        workspace: Arc::clone(&services.workspace),
        vault: Arc::clone(&services.vault),
        secrets: Arc::new(Secrets::new(bus.clone())),
        node: Arc::new(NodeReports::new(bus.clone(), TimeDelta::hours(1))),
        log_lines: Arc::clone(&services.log_lines),
        clock: Arc::clone(&services.clock),
    };
    let models = ModelConfig {
        provider: ModelProvider::None,
        ..ModelConfig::default()
    };
    Drivers::new([Arc::new(EmbeddedDriver::new(ports, models).unwrap()) as _])
}

/// A GET with a key.
pub(crate) fn get(key: &str, path: &str) -> Request<Body> {
    Request::get(path)
        .header("authorization", format!("Bearer {key}"))
        .body(Body::empty())
        .unwrap()
}

/// A POST of JSON with a key.
pub(crate) fn post(key: &str, path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

impl Reply {
    /// The answer, if it is a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self
    }

    /// The answer, if it is a whole problem document of that status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/docs#{code}"));
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        for field in ["title", "detail"] {
            assert!(
                self.body[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}: {}",
                self.text
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
            .to_str()
            .unwrap()
    }

    /// Id of the aggregate a command was about.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        self.body["aggregate"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
            .to_owned()
    }
}

//! A local `OpenClaw` gateway, beside its chat API: the approvals that its agents' commands wait for, and
//! whether it is there.
//!
//! A connection to the gateway's WebSocket is kept as long as a [`Gateway`] lives. What is asked of Reef goes
//! over the chat API, each time in a session of its own whose name begins with [`OURS`]. A command that waits
//! for approval in such a session goes to whoever [watches](Gateway::watch) it, and is refused if nobody does.
//! What waits in other sessions is between the gateway and its owner, and is left alone.

mod connection;
mod frames;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use reef_commands::ports::DriverError;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

pub(crate) use self::frames::ExecRequest;

/// How the names of our sessions begin.
const OURS: &str = "reef-";
/// How long whoever needs the gateway waits for a connection to it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the gateway may take to answer a call.
const ANSWER: Duration = Duration::from_secs(15);
/// Calls that wait for the connection.
const CALLS: usize = 64;

/// Where a gateway is.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Base address, `http://` or `https://`.
    pub base: String,
    /// Its token.
    pub token: Zeroizing<String>,
}

/// A gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    calls: mpsc::Sender<GatewayCall>,
    _connection: AbortOnDropHandle<()>,
}

/// What the connection shares with those who need it.
struct Shared {
    config: GatewayConfig,
    /// Sessions by name, in lower case as the gateway has them.
    watched: Mutex<HashMap<String, mpsc::UnboundedSender<ExecRequest>>>,
    /// What is wrong; `None`: connected. Nothing is known before the first try.
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    Trouble(String),
}

/// A method of the gateway that somebody waits for.
struct GatewayCall {
    method: &'static str,
    params: Value,
    answer: oneshot::Sender<Result<Value, String>>,
}

impl Gateway {
    /// Connects, and again whenever the connection is lost.
    pub fn connect(config: GatewayConfig) -> Arc<Self> {
        let shared = Arc::new(Shared {
            config,
            watched: Mutex::default(),
            state: watch::channel(State::Connecting).0,
        });
        let (calls, queue) = mpsc::channel(CALLS);
        let connection = tokio::spawn(connection::keep(Arc::clone(&shared), queue));
        Arc::new(Self {
            shared,
            calls,
            _connection: AbortOnDropHandle::new(connection),
        })
    }

    /// Why it cannot be used now.
    pub fn trouble(&self) -> Option<String> {
        match &*self.shared.state.borrow() {
            State::Connecting | State::Connected => None,
            State::Trouble(reason) => Some(reason.clone()),
        }
    }

    /// Waits until it is connected: without somebody who can approve, the gateway refuses commands at once.
    pub(crate) async fn ready(&self) -> Result<(), DriverError> {
        let mut state = self.shared.state.subscribe();
        let connected = state.wait_for(|state| *state == State::Connected);
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, connected).await {
            return Ok(());
        }
        let reason = self.trouble();
        let reason = reason.unwrap_or_else(|| "the OpenClaw gateway does not answer".to_owned());
        Err(DriverError::Transient(reason))
    }

    /// The session of that name, from now on until the watch is dropped.
    pub(crate) fn watch(&self, what: &str, id: &str) -> Watch {
        let session = format!("{OURS}{what}-{id}");
        let (sender, requests) = mpsc::unbounded_channel();
        self.shared.watched.lock().insert(session.to_lowercase(), sender);
        Watch {
            session,
            requests,
            seen: HashSet::new(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// A name for a session that nobody watches.
    pub(crate) fn once(what: &str) -> String {
        format!("{OURS}{what}-{}", uuid::Uuid::now_v7())
    }

    /// Allows the command once, or refuses it.
    pub(crate) async fn decide(&self, request: &str, allow: bool) -> Result<(), String> {
        if let Some(reason) = self.trouble() {
            return Err(reason);
        }
        let decision = if allow { "allow-once" } else { "deny" };
        let (answer, answered) = oneshot::channel();
        let call = GatewayCall {
            method: "exec.approval.resolve",
            params: json!({ "id": request, "decision": decision }),
            answer,
        };
        let gone = || "the connection to the gateway was lost".to_owned();
        self.calls.try_send(call).map_err(|_| gone())?;
        match tokio::time::timeout(ANSWER, answered).await {
            Ok(Ok(answer)) => answer.map(drop),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err("the gateway does not answer".to_owned()),
        }
    }
}

/// A session that somebody watches.
pub(crate) struct Watch {
    session: String,
    requests: mpsc::UnboundedReceiver<ExecRequest>,
    seen: HashSet<String>,
    shared: Arc<Shared>,
}

impl Watch {
    /// Its name, for the chat API.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// The next command that waits. After a new connection the gateway tells again of what still waits.
    pub(crate) async fn next(&mut self) -> ExecRequest {
        loop {
            match self.requests.recv().await {
                Some(request) if self.seen.insert(request.id.clone()) => return request,
                Some(_) => {}
                // Another watch of this name took over.
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Closed first, so that a watch that took over is told from this one.
        self.requests.close();
        let mut watched = self.shared.watched.lock();
        let session = self.session.to_lowercase();
        if watched
            .get(&session)
            .is_some_and(mpsc::UnboundedSender::is_closed)
        {
            watched.remove(&session);
        }
    }
}

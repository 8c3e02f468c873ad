//! The gateway's frames, as far as they matter here (protocol 3 and 4).

use serde::Deserialize;
use serde_json::{Value, json};

/// What the gateway says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Frame {
    /// Something happened.
    Event {
        event: String,
        #[serde(default)]
        payload: Value,
    },
    /// An answer.
    Res {
        id: String,
        ok: bool,
        #[serde(default)]
        payload: Value,
        error: Option<Trouble>,
    },
    /// A frame of another kind.
    #[serde(other)]
    Other,
}

/// Why a call failed.
#[derive(Debug, Deserialize)]
pub(super) struct Trouble {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// A command that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Told")]
pub(crate) struct ExecRequest {
    /// Of the request.
    pub(crate) id: String,
    /// The command line.
    pub(crate) command: String,
    /// Where it is to run.
    pub(crate) folder: String,
    /// Key of the session in which the agent asks.
    pub(crate) session: String,
}

#[derive(Deserialize)]
struct Told {
    id: String,
    request: What,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct What {
    command: String,
    cwd: Option<String>,
    session_key: Option<String>,
}

impl From<Told> for ExecRequest {
    fn from(told: Told) -> Self {
        Self {
            id: told.id,
            command: told.request.command,
            folder: told.request.cwd.unwrap_or_default(),
            session: told.request.session_key.unwrap_or_default(),
        }
    }
}

impl ExecRequest {
    /// The name that whoever used the chat API gave the session.
    pub(super) fn session_name(&self) -> Option<&str> {
        self.session.split_once(":openai-user:").map(|(_, name)| name)
    }
}

/// Rights that the connection needs. Without `admin` the gateway refuses commands in sessions of the chat API
/// as if nobody was there who can approve (seen with 2026.9.6).
const SCOPES: [&str; 2] = ["operator.admin", "operator.approvals"];

pub(super) fn call(id: &str, method: &str, params: &Value) -> String {
    json!({ "type": "req", "id": id, "method": method, "params": params }).to_string()
}

/// The first call: who we are. A client on the same machine needs no device of its own.
pub(super) fn hello(token: &str) -> Value {
    json!({
        "minProtocol": 3,
        "maxProtocol": 4,
        "client": {
            "id": "gateway-client",
            "displayName": "reef",
            "version": env!("CARGO_PKG_VERSION"),
            "platform": std::env::consts::OS,
            "mode": "backend",
        },
        "role": "operator",
        "scopes": SCOPES,
        "caps": ["approvals", "exec-approvals"],
        "auth": { "token": token },
    })
}

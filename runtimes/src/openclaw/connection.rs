//! The connection to the gateway's WebSocket.

use std::{collections::HashMap, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error as WsError, Message},
};

use super::{
    ExecRequest, GatewayCall, OURS, Shared, State,
    frames::{Frame, Trouble, call, hello},
};

/// How long connecting and the greeting may take.
const GREETING: Duration = Duration::from_secs(20);
/// The gateway ticks every 30 seconds; one that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(95);
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Connects, and connects again.
pub(super) async fn keep(shared: Arc<Shared>, mut calls: mpsc::Receiver<GatewayCall>) {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(MAX_PAUSE)
        .with_jitter()
        .without_max_times();
    let mut pauses = backoff.build();
    loop {
        let reason = match timeout(GREETING, Connection::open(&shared)).await {
            Err(_) => "it does not answer".to_owned(),
            Ok(Err(reason)) => reason,
            Ok(Ok(mut connection)) => {
                pauses = backoff.build();
                shared.state.send_replace(State::Connected);
                tracing::info!(gateway = shared.config.base, "connected to the gateway");
                connection.serve(&shared, &mut calls).await
            }
        };
        let base = &shared.config.base;
        tracing::warn!(gateway = base, reason, "not connected to the gateway");
        shared.state.send_replace(State::Trouble(format!(
            "the OpenClaw gateway at {base} cannot be used: {reason}"
        )));
        // Who asked for something meanwhile is told that it cannot be had.
        while calls.try_recv().is_ok() {}
        tokio::time::sleep(pauses.next().unwrap_or(MAX_PAUSE)).await;
    }
}

/// Both directions of a socket.
trait Socket: Stream<Item = Result<Message, WsError>> + Sink<Message, Error = WsError> + Unpin + Send {}
impl<T: Stream<Item = Result<Message, WsError>> + Sink<Message, Error = WsError> + Unpin + Send> Socket
    for T
{
}

struct Connection {
    socket: Box<dyn Socket>,
    last: u64,
    /// Calls without an answer yet, with what their failure is logged as.
    open: HashMap<String, oneshot::Sender<Result<Value, String>>>,
}

impl Connection {
    async fn open(shared: &Shared) -> Result<Self, String> {
        let base = shared.config.base.trim_end_matches('/');
        let address = match base.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}/"),
            Some(("https", rest)) => format!("wss://{rest}/"),
            _ => return Err("its address is no http:// or https:// address".to_owned()),
        };
        let (socket, _) = connect_async(address).await.map_err(|error| error.to_string())?;
        let mut connection = Self {
            socket: Box::new(socket),
            last: 0,
            open: HashMap::new(),
        };
        loop {
            if let Frame::Event { event, .. } = connection.hear().await?
                && event == "connect.challenge"
            {
                break;
            }
        }
        let welcome = connection.ask("connect", &hello(&shared.config.token)).await?;
        let scopes = welcome["auth"]["scopes"].as_array();
        let approves = scopes.is_some_and(|scopes| scopes.iter().any(|scope| scope == "operator.approvals"));
        if !approves {
            return Err("it lets this token approve nothing".to_owned());
        }
        let waiting = connection.ask("exec.approval.list", &json!({})).await?;
        for request in waiting.as_array().into_iter().flatten() {
            connection.requested(shared, request.clone()).await?;
        }
        Ok(connection)
    }

    /// Says and hears until the connection ends; gives the reason.
    async fn serve(&mut self, shared: &Shared, calls: &mut mpsc::Receiver<GatewayCall>) -> String {
        loop {
            let ended = tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => self.call(call.method, &call.params, Some(call.answer)).await.map(drop),
                    None => return "nobody needs it any more".to_owned(),
                },
                heard = timeout(SILENCE, self.hear()) => match heard {
                    Err(_) => return "it has been silent for too long".to_owned(),
                    Ok(heard) => match heard {
                        Ok(frame) => self.heard(shared, frame).await,
                        Err(reason) => Err(reason),
                    },
                },
            };
            if let Err(reason) = ended {
                return reason;
            }
        }
    }

    async fn heard(&mut self, shared: &Shared, frame: Frame) -> Result<(), String> {
        match frame {
            Frame::Event { event, payload } if event == "exec.approval.requested" => {
                self.requested(shared, payload).await
            }
            Frame::Event { .. } | Frame::Other => Ok(()),
            Frame::Res {
                id,
                ok,
                payload,
                error,
            } => {
                let answer = outcome(ok, payload, error);
                match self.open.remove(&id) {
                    Some(waiter) => drop(waiter.send(answer)),
                    None => {
                        if let Err(reason) = answer {
                            tracing::info!(reason, "the gateway did not take a decision");
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// A command waits: in a session that somebody watches, of ours but without anybody, or of others.
    async fn requested(&mut self, shared: &Shared, payload: Value) -> Result<(), String> {
        let Ok(request) = serde_json::from_value::<ExecRequest>(payload) else {
            tracing::warn!("the gateway asks for an approval in a form that is not known");
            return Ok(());
        };
        let Some(name) = request.session_name().filter(|name| name.starts_with(OURS)) else {
            return Ok(());
        };
        let watcher = shared.watched.lock().get(name).cloned();
        let id = request.id.clone();
        if watcher.is_some_and(|watcher| watcher.send(request).is_ok()) {
            return Ok(());
        }
        tracing::warn!("a command was refused that belongs to no task under way");
        let refuse = json!({ "id": id, "decision": "deny" });
        self.call("exec.approval.resolve", &refuse, None).await.map(drop)
    }

    async fn call(
        &mut self,
        method: &str,
        params: &Value,
        answer: Option<oneshot::Sender<Result<Value, String>>>,
    ) -> Result<String, String> {
        self.last += 1;
        let id = self.last.to_string();
        if let Some(answer) = answer {
            self.open.insert(id.clone(), answer);
        }
        let text = Message::text(call(&id, method, params));
        match timeout(GREETING, self.socket.send(text)).await {
            Ok(Ok(())) => Ok(id),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not read".to_owned()),
        }
    }

    /// Calls and waits for the answer, in the greeting: what else comes is not for us yet.
    async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let asked = self.call(method, params, None).await?;
        loop {
            if let Frame::Res {
                id,
                ok,
                payload,
                error,
            } = self.hear().await?
                && id == asked
            {
                return outcome(ok, payload, error);
            }
        }
    }

    async fn hear(&mut self) -> Result<Frame, String> {
        loop {
            match self.socket.next().await {
                None => return Err("it closed the connection".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| frame.reason.to_string());
                    let reason = reason.filter(|reason| !reason.is_empty());
                    return Err(reason.unwrap_or_else(|| "it closed the connection".to_owned()));
                }
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map_err(|_| "it says what is no frame of a gateway".to_owned());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
            }
        }
    }
}

fn outcome(ok: bool, payload: Value, error: Option<Trouble>) -> Result<Value, String> {
    if ok {
        return Ok(payload);
    }
    Err(error.map_or_else(
        || "it refused".to_owned(),
        |error| format!("{} ({})", error.message, error.code),
    ))
}

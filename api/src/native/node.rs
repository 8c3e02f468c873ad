//! Where people's machines come in: their activation, and the connection they keep.

use std::time::Duration;

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use reef_commands::{
    Caller, Request,
    machine::{ActivateMachine, recognise},
    ports::{MAX_FRAME, NodeLink, Outgoing},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    App, Problem,
    answer::Answered,
    auth::{bearer, unauthorized},
    body::JsonBody,
    edge::RequestId,
    native::commands::{answered, timed_out},
};

/// Frames that came and were not looked at yet; then nothing more is read.
const UNREAD: usize = 64;
/// Frames waiting to be sent.
const UNSENT: usize = 1024;
/// How often a machine is pinged, so that both sides notice a dead connection.
const PING: Duration = Duration::from_secs(15);
/// How long a machine may take to take a frame before it is cut off.
const SENDING: Duration = Duration::from_secs(20);
/// Too long a frame, in WebSocket's own words.
const TOO_BIG: u16 = 1009;

/// `POST /v1/node/activate`: the code is the credential.
pub(super) async fn activate(
    State(state): State<App>,
    Extension(id): Extension<RequestId>,
    body: Result<JsonBody, Problem>,
) -> Result<Answered, Problem> {
    let activate: ActivateMachine = body?.parse()?;
    let request = Request::new(Caller::node("activation"), id.as_str());
    let run = state.parts.bus.execute(&activate, request);
    let answer = tokio::time::timeout(state.config().request_timeout, run)
        .await
        .map_err(|_| timed_out())??;
    let kept = HeaderValue::from_static("no-store");
    Ok(answered(&answer)?.with(header::CACHE_CONTROL, kept))
}

/// `GET /v1/node/connect`: a WebSocket for whoever shows a node token.
pub(super) async fn connect(
    State(state): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let machine = recognise(&state.parts.bus, &bearer(&headers)?)
        .await?
        .ok_or_else(|| unauthorized(true))?;
    let upgrade = upgrade.map_err(|_| {
        Problem::of(
            "bad_request",
            "Machines connect with a WebSocket; see the node protocol.",
        )
    })?;
    let nodes = std::sync::Arc::clone(&state.parts.nodes);
    Ok(upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(async move |socket| {
            let (incoming, heard) = mpsc::channel(UNREAD);
            let (outgoing, said) = mpsc::channel(UNSENT);
            let link = NodeLink {
                incoming: heard,
                outgoing,
            };
            tokio::join!(nodes.serve(machine, link), carry(socket, incoming, said));
        }))
}

/// Carries frames both ways until either side has nothing more to say.
async fn carry(socket: WebSocket, incoming: mpsc::Sender<String>, said: mpsc::Receiver<Outgoing>) {
    let (sink, mut frames) = socket.split();
    let reading = async {
        loop {
            match frames.next().await {
                Some(Ok(Message::Text(text))) => {
                    if incoming.send(text.to_string()).await.is_err() {
                        return None;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Some((4400, "frames are texts")),
                // Too long, not UTF-8, or broken off.
                Some(Err(error)) => {
                    tracing::debug!(%error, "a machine's connection broke");
                    return Some((TOO_BIG, "the frame cannot be taken"));
                }
                Some(Ok(Message::Close(_))) | None => return None,
            }
        }
    };
    let writing = write(sink, said);
    tokio::pin!(writing);
    tokio::select! {
        sink = &mut writing => drop(sink),
        broken = reading => {
            // Nothing more is heard, so whoever speaks with the machine ends; then the rest is said.
            drop(incoming);
            let Some((code, reason)) = broken else { return };
            if let Ok(Some(sink)) = timeout(SENDING, writing).await {
                close(sink, code, reason).await;
            }
        }
    }
}

type Sink = SplitSink<WebSocket, Message>;

/// Sends what there is to be sent; gives the connection back if it was not closed.
async fn write(mut sink: Sink, mut said: mpsc::Receiver<Outgoing>) -> Option<Sink> {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            said = said.recv() => match said {
                Some(Outgoing::Frame(text)) => Message::Text(text.into()),
                Some(Outgoing::Close { code, reason }) => {
                    close(sink, code, reason).await;
                    return None;
                }
                None => return Some(sink),
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(SENDING, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

async fn close(mut sink: Sink, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    if !matches!(
        timeout(SENDING, sink.send(Message::Close(Some(frame)))).await,
        Ok(Ok(()))
    ) {
        tracing::debug!(code, reason, "a machine was cut off without being told why");
    }
}

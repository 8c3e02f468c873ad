//! One connection to one process of the server, from the hello to its end.

use std::{sync::Arc, time::Duration};

use futures::{SinkExt as _, Stream, StreamExt as _};
use reef_commands::ports::MAX_FRAME;
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{
        Error as WsError, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, Request, StatusCode, header},
        protocol::{CloseFrame, WebSocketConfig},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    NodeConfig, NodeEnd,
    outbox::Outbox,
    work::{Replies, Work},
};
use crate::local::protocol::{
    CLOSE_PROTOCOL, CLOSE_REPLACED, CLOSE_REVOKED, FromNode, FromServer, Heartbeat, Hello, Report, VERSION,
    Welcome,
};

/// How long connecting and the welcome may take.
const GREETING: Duration = Duration::from_secs(20);
/// How long a frame may take to be sent before the server counts as gone.
const SENDING: Duration = Duration::from_secs(20);
/// Frames waiting to be sent; who has more to say waits.
const QUEUED: usize = 256;

/// How a connection ended.
pub(super) enum Ended {
    /// It was told to.
    Stopped,
    /// For good.
    Fatal(NodeEnd),
    /// For now.
    Lost(String),
}

impl Ended {
    fn lost(error: &WsError) -> Self {
        let WsError::Http(answer) = error else {
            return Self::Lost(error.to_string());
        };
        if answer.status() == StatusCode::UNAUTHORIZED {
            Self::Fatal(NodeEnd::Revoked)
        } else {
            Self::Lost(format!("the server answers {}", answer.status()))
        }
    }

    fn closed(frame: Option<&CloseFrame>) -> Self {
        let Some(frame) = frame else {
            return Self::Lost("the server closed the connection".to_owned());
        };
        let reason = frame.reason.to_string();
        match u16::from(frame.code) {
            CLOSE_REVOKED => Self::Fatal(NodeEnd::Revoked),
            CLOSE_REPLACED => Self::Fatal(NodeEnd::Replaced),
            CLOSE_PROTOCOL => Self::Fatal(NodeEnd::Protocol(reason)),
            _ => Self::Lost(reason),
        }
    }
}

fn request(server: &str, config: &NodeConfig) -> Result<Request<()>, String> {
    let base = server.trim_end_matches('/');
    let address = match base.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        _ => return Err(format!("{server} is no http:// or https:// address")),
    };
    let mut request = format!("{address}/v1/node/connect")
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let bearer = format!("Bearer {}", *config.token);
    let mut bearer = HeaderValue::try_from(bearer).map_err(|_| "the token is malformed".to_owned())?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    Ok(request)
}

/// Connects and serves until the connection ends.
pub(super) async fn run(
    server: &str,
    config: &NodeConfig,
    outbox: &Arc<Outbox>,
    work: &Arc<Work>,
    stop: &CancellationToken,
) -> Ended {
    let request = match request(server, config) {
        Ok(request) => request,
        Err(reason) => return Ended::Fatal(NodeEnd::Protocol(reason)),
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let connecting = timeout(GREETING, connect_async_with_config(request, Some(limits), true));
    let socket = tokio::select! {
        () = stop.cancelled() => return Ended::Stopped,
        connected = connecting => match connected {
            Err(_) => return Ended::Lost("the server does not answer".to_owned()),
            Ok(Err(error)) => return Ended::lost(&error),
            Ok(Ok((socket, _))) => socket,
        },
    };
    let (mut sink, mut frames) = socket.split();
    let hello = FromNode::Hello(Hello {
        versions: vec![VERSION],
        software: format!("reef/{}", env!("CARGO_PKG_VERSION")),
        engine: config.engine.to_owned(),
        capabilities: ["chat", "tasks", "logs", "cron"].map(str::to_owned).to_vec(),
        instance: outbox.instance().to_owned(),
    });
    if let Err(error) = sink.send(encoded(&hello)).await {
        return Ended::lost(&error);
    }
    let welcome = match timeout(GREETING, heard(&mut frames)).await {
        Err(_) => return Ended::Lost("no welcome came".to_owned()),
        Ok(Err(ended)) => return ended,
        Ok(Ok(FromServer::Welcome(welcome))) => welcome,
        Ok(Ok(FromServer::Request { .. } | FromServer::Cancel { .. } | FromServer::Ack { .. })) => {
            return Ended::Fatal(NodeEnd::Protocol("the first frame is no welcome".to_owned()));
        }
    };
    tracing::info!(server, machine = %welcome.machine_id, name = welcome.name, "connected");
    if let Err(error) = work.settle_in(&welcome).await {
        return Ended::Lost(error.to_string());
    }
    let (answers, queue) = mpsc::channel(QUEUED);
    // Both halves end together.
    let sending = send(sink, queue, outbox, work, &welcome);
    let receiving = receive(&mut frames, config, outbox, work, &answers);
    tokio::select! {
        () = stop.cancelled() => Ended::Stopped,
        ended = sending => ended,
        ended = receiving => ended,
    }
}

fn encoded(frame: &FromNode) -> Message {
    let text = serde_json::to_string(frame).expect("frames hold only strings, numbers and string-keyed maps");
    Message::text(text)
}

/// The next frame that says something.
async fn heard(
    frames: &mut (impl Stream<Item = Result<Message, WsError>> + Unpin),
) -> Result<FromServer, Ended> {
    loop {
        if let Some(said) = understood(frames.next().await)? {
            return Ok(said);
        }
    }
}

/// What a frame says; `None`: nothing.
fn understood(frame: Option<Result<Message, WsError>>) -> Result<Option<FromServer>, Ended> {
    match frame {
        None => Err(Ended::closed(None)),
        Some(Err(error)) => Err(Ended::lost(&error)),
        Some(Ok(Message::Close(frame))) => Err(Ended::closed(frame.as_ref())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => {
            Err(Ended::Fatal(NodeEnd::Protocol("a binary frame came".to_owned())))
        }
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Ended::Fatal(NodeEnd::Protocol(format!("a frame cannot be read: {error}")))),
    }
}

async fn receive(
    frames: &mut (impl Stream<Item = Result<Message, WsError>> + Unpin),
    config: &NodeConfig,
    outbox: &Outbox,
    work: &Arc<Work>,
    answers: &mpsc::Sender<FromNode>,
) -> Ended {
    let replies = Arc::new(Replies::default());
    loop {
        // Pings count as well: the server sends them when it has nothing to say.
        let said = match timeout(config.silence, frames.next()).await {
            Err(_) => return Ended::Lost("the server has been silent for too long".to_owned()),
            Ok(frame) => understood(frame),
        };
        match said {
            Err(ended) => return ended,
            Ok(None) => {}
            Ok(Some(FromServer::Request { id, runtime, call })) => {
                work.begin(&replies, answers, id, &runtime, call);
            }
            Ok(Some(FromServer::Cancel { id })) => replies.cancel(id),
            Ok(Some(FromServer::Ack { seq, verdict })) => outbox.acknowledged(seq, verdict).await,
            Ok(Some(FromServer::Welcome(_))) => {
                return Ended::Fatal(NodeEnd::Protocol("a second welcome came".to_owned()));
            }
        }
    }
}

async fn send(
    mut sink: impl futures::Sink<Message, Error = WsError> + Unpin,
    mut queue: mpsc::Receiver<FromNode>,
    outbox: &Outbox,
    work: &Work,
    welcome: &Welcome,
) -> Ended {
    let mut changes = outbox.changes();
    let mut beat = tokio::time::interval(Duration::from_secs(welcome.heartbeat_s.max(1)));
    let mut cursor = 0;
    loop {
        changes.mark_unchanged();
        let frame = if let Some((seq, report)) = outbox.next(cursor) {
            cursor = seq;
            fitting(seq, report, welcome.max_frame)
        } else {
            tokio::select! {
                _ = beat.tick() => FromNode::Heartbeat(Heartbeat {
                    trouble: work.trouble(),
                    requests: u32::try_from(work.under_way()).unwrap_or(u32::MAX),
                    reports: u32::try_from(outbox.waiting()).unwrap_or(u32::MAX),
                    memory_bytes: resident_bytes(),
                }),
                said = queue.recv() => match said {
                    Some(said) => said,
                    None => return Ended::Lost("nothing is left to say".to_owned()),
                },
                news = changes.changed() => match news {
                    Ok(()) => continue,
                    Err(_) => return Ended::Lost("nothing is left to report".to_owned()),
                },
            }
        };
        match timeout(SENDING, sink.send(encoded(&frame))).await {
            Err(_) => return Ended::Lost("the server does not read".to_owned()),
            Ok(Err(error)) => return Ended::lost(&error),
            Ok(Ok(())) => {}
        }
    }
}

/// The report, or that it cannot be told: a frame that is too long would end the connection every time.
fn fitting(seq: u64, report: Report, max_frame: usize) -> FromNode {
    let frame = FromNode::Report { seq, report };
    let length = serde_json::to_string(&frame).map_or(0, |text| text.len());
    if length > max_frame
        && let FromNode::Report { seq, report } = &frame
        && let Report::TaskCompleted { task_id, .. } = report
    {
        return FromNode::Report {
            seq: *seq,
            report: Report::TaskFailed {
                task_id: task_id.clone(),
                code: "result_too_long".to_owned(),
                reason: format!("the result has more than the {max_frame} bytes that can be sent"),
            },
        };
    }
    frame
}

/// Resident memory of this process, where the system tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

//! A provider for tests that answers exactly the bytes it is told, in exactly those pieces.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What happens on a connection once the request has been read; after the last piece it is closed.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// Nothing more is ever written.
    Stall,
}

pub(crate) type Answer = Vec<Piece>;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Request line and headers, in lower case but for values.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line[name.len() + 1..].trim())
    }
}

pub(crate) struct ScriptedServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl ScriptedServer {
    /// Gives the first request the first answer and so on, and every later one the last.
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let inbox = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, inbox) = (answers.clone(), Arc::clone(&inbox));
                tokio::spawn(async move { serve(stream, &answers, &inbox).await });
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answers: &[Answer], inbox: &Mutex<Vec<Received>>) {
    stream.set_nodelay(true).unwrap();
    let request = read_request(&mut stream).await;
    let turn = {
        let mut inbox = inbox.lock().unwrap();
        inbox.push(request);
        inbox.len() - 1
    };
    for piece in &answers[turn.min(answers.len() - 1)] {
        match piece {
            Piece::Bytes(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            Piece::Pause(pause) => tokio::time::sleep(*pause).await,
            Piece::Stall => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the client hung up in the middle of its request");
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let request = Received {
            head: head.to_owned(),
            body: Value::Null,
        };
        let length: usize = request
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let body = &bytes[head.len() + 4..];
        if body.len() >= length {
            return Received {
                body: serde_json::from_slice(body).unwrap_or_default(),
                ..request
            };
        }
    }
}

fn head(status: &str, content_type: &str) -> String {
    let form = if content_type.is_empty() {
        String::new()
    } else {
        format!("content-type: {content_type}\r\n")
    };
    format!("HTTP/1.1 {status}\r\n{form}connection: close\r\n")
}

/// A whole answer that is no stream. `status` is such as `401 Unauthorized`; further headers may follow it
/// on lines of their own.
pub(crate) fn plain(status: &str, content_type: &str, body: &str) -> Answer {
    vec![Piece::Bytes(
        format!("{}\r\n{body}", head(status, content_type)).into_bytes(),
    )]
}

/// An event stream written at once.
pub(crate) fn events(body: &str) -> Answer {
    plain("200 OK", "text/event-stream; charset=utf-8", body)
}

/// An event stream written byte by byte, so that every frame and every character is split.
pub(crate) fn dripped(body: &str) -> Answer {
    let mut pieces = plain("200 OK", "text/event-stream", "");
    pieces.extend(body.bytes().map(|byte| Piece::Bytes(vec![byte])));
    pieces
}

/// Everything of a reply: its pieces of text, and how it ended.
pub(crate) async fn drain(
    mut stream: super::ModelStream,
) -> (
    Vec<String>,
    Result<reef_commands::ports::Usage, super::ModelError>,
) {
    let mut deltas = Vec::new();
    loop {
        match futures::StreamExt::next(&mut stream)
            .await
            .expect("a reply ends with Done or an error")
        {
            Ok(super::ModelChunk::Delta(text)) => deltas.push(text),
            Ok(super::ModelChunk::Done(usage)) => return (deltas, Ok(usage)),
            Err(error) => return (deltas, Err(error)),
        }
    }
}

/// A request with one message.
pub(crate) fn question(text: &str) -> super::ModelRequest {
    let message = super::ModelMessage {
        role: super::Role::User,
        content: text.to_owned(),
    };
    super::ModelRequest {
        system: "You are Coral.".to_owned(),
        messages: vec![message],
        max_tokens: 64,
        session: None,
    }
}

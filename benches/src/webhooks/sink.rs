//! A sink that costs little: it takes everything and counts it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

struct Counts {
    by_endpoint: Vec<AtomicU64>,
    total: AtomicU64,
    /// The first body that came.
    body: Mutex<Option<String>>,
}

/// Endpoints `/0`, `/1` and so on.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
}

impl Sink {
    pub(crate) async fn start(endpoints: usize) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts {
            by_endpoint: (0..endpoints).map(|_| AtomicU64::new(0)).collect(),
            total: AtomicU64::new(0),
            body: Mutex::new(None),
        });
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(error) = take(stream, &counts).await {
                        eprintln!("sink: {error:#}");
                    }
                });
            }
        });
        Ok(Self { address, counts })
    }

    pub(crate) fn url(&self, endpoint: usize) -> String {
        format!("http://{}/{endpoint}", self.address)
    }

    pub(crate) fn reset(&self) {
        for count in &self.counts.by_endpoint {
            count.store(0, Ordering::SeqCst);
        }
        self.counts.total.store(0, Ordering::SeqCst);
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.total.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self, endpoint: usize) -> u64 {
        self.counts.by_endpoint[endpoint].load(Ordering::SeqCst)
    }

    pub(crate) fn body(&self) -> Option<String> {
        let body = self.counts.body.lock();
        body.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(mut stream: TcpStream, counts: &Counts) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        while let Some((endpoint, body, end)) = request(&buffer)? {
            if counts.total.load(Ordering::Relaxed) == 0 {
                let body = String::from_utf8(buffer[body..end].to_vec())?;
                *counts.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
            }
            counts.by_endpoint[endpoint].fetch_add(1, Ordering::SeqCst);
            counts.total.fetch_add(1, Ordering::SeqCst);
            buffer.drain(..end);
            stream.write_all(ANSWER).await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// A whole request at the beginning: its endpoint, where its body begins, and where it ends.
fn request(buffer: &[u8]) -> Result<Option<(usize, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(body) = request.parse(buffer)? else {
        return Ok(None);
    };
    let endpoint = request.path.and_then(|path| path.strip_prefix('/'));
    let endpoint = endpoint.context("a path")?.parse()?;
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = std::str::from_utf8(length.context("a length")?.value)?.parse()?;
    let end = body + length;
    Ok((buffer.len() >= end).then_some((endpoint, body, end)))
}

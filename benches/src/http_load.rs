//! A lean HTTP/1.1 client over raw keep-alive sockets: the load must not cost what it measures.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::sample::{Latencies, Sample};

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    filled: usize,
}

/// An answer: status, and where its body lies in the connection's buffer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: vec![0; 16 * 1024],
            filled: 0,
        })
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        loop {
            if self.filled == self.read.len() {
                self.read.resize(self.read.len() * 2, 0);
            }
            let count = self.stream.read(&mut self.read[self.filled..]).await?;
            if count == 0 {
                bail!("the server closed the connection");
            }
            self.filled += count;
            if let Some((status, start, end)) = whole(&self.read[..self.filled])? {
                return Ok(Answer {
                    status,
                    body: &self.read[start..end],
                });
            }
        }
    }
}

/// Status and body range once the answer is complete.
fn whole(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let status = answer.code.context("an answer has a status")?;
    let length = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = match length {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None => bail!(
            "an answer without Content-Length: {}",
            String::from_utf8_lossy(&bytes[..start])
        ),
    };
    Ok((bytes.len() >= start + length).then_some((status, start, start + length)))
}

/// The text of a request.
pub(crate) fn request(method: &str, path: &str, token: &str, extra: &str, body: &str) -> Vec<u8> {
    let content = if body.is_empty() {
        String::new()
    } else {
        format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        )
    };
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n{extra}{content}\r\n{body}")
        .into_bytes()
}

/// Keeps `connections` busy for `length`; `next` makes the request of a connection's turn. Anything but
/// a 2xx ends it: a server that refuses quickly is not fast.
pub(crate) async fn drive<N>(
    address: SocketAddr,
    connections: usize,
    length: Duration,
    next: N,
) -> Result<Sample>
where
    N: Fn(usize, usize) -> Vec<u8> + Send + Clone + 'static,
{
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, mut connection) in opened.into_iter().enumerate() {
        let next = next.clone();
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            let mut turn = 0;
            while started.elapsed() < length {
                let request = next(number, turn);
                let asked = Instant::now();
                let answer = connection.ask(&request).await?;
                if !(200..300).contains(&answer.status) {
                    bail!("{}: {}", answer.status, String::from_utf8_lossy(answer.body));
                }
                latencies.record(asked.elapsed());
                turn += 1;
            }
            Ok(latencies)
        });
    }
    let mut all = Latencies::new();
    while let Some(done) = tasks.join_next().await {
        all.add(&done??);
    }
    Ok(all.over(started.elapsed()))
}

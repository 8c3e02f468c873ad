//! A lean SSE client: one socket, one chunk decoder, and a look at each event's id and time.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{http_load, sample::Latencies};

/// One subscriber, at some position of the log.
pub(crate) struct Follower {
    stream: TcpStream,
    chunks: Chunks,
    text: Vec<u8>,
    /// Position of the last event it got.
    last: u64,
    /// From an event's `time`, which is before its commit, to its arrival here.
    pub(crate) latencies: Latencies,
}

impl Follower {
    /// Subscribes to what comes after `position`; returns once the server has answered.
    pub(crate) async fn subscribe(address: SocketAddr, token: &str, position: u64) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let path = format!("/v1/events/stream?after={position}");
        stream
            .write_all(&http_load::request(
                "GET",
                &path,
                token,
                "accept: text/event-stream\r\n",
                "",
            ))
            .await?;
        let mut head = Vec::new();
        let body = loop {
            ensure!(
                stream.read_buf(&mut head).await? > 0,
                "the server closed the connection"
            );
            if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !head.starts_with(b"HTTP/1.1 200") {
            bail!("{}", String::from_utf8_lossy(&head));
        }
        let mut follower = Self {
            stream,
            chunks: Chunks::default(),
            text: Vec::new(),
            last: position,
            latencies: Latencies::new(),
        };
        follower.chunks.take(&head[body..], &mut follower.text)?;
        Ok(follower)
    }

    /// Reads until it has every event up to `end`, in order and each once.
    pub(crate) async fn follow(mut self, end: u64) -> Result<Self> {
        let mut buffer = vec![0; 16 * 1024];
        while self.last < end {
            let count = self.stream.read(&mut buffer).await?;
            ensure!(
                count > 0,
                "the server cut a subscriber off at position {}",
                self.last
            );
            self.chunks.take(&buffer[..count], &mut self.text)?;
            let arrived = Utc::now();
            self.look(arrived)?;
        }
        Ok(self)
    }

    fn look(&mut self, arrived: DateTime<Utc>) -> Result<()> {
        let mut start = 0;
        while let Some(length) = self.text[start..].windows(2).position(|window| window == b"\n\n") {
            let event = std::str::from_utf8(&self.text[start..start + length])?;
            start += length + 2;
            let Some(id) = event.lines().find_map(|line| line.strip_prefix("id:")) else {
                continue;
            };
            let id: u64 = id.trim().parse()?;
            ensure!(id == self.last + 1, "event {id} came after {}", self.last);
            self.last = id;
            let recorded = between(event, "\"time\":\"", "\"").context("an event without a time")?;
            let recorded = DateTime::parse_from_rfc3339(recorded)?.with_timezone(&Utc);
            self.latencies
                .record((arrived - recorded).to_std().unwrap_or(Duration::ZERO));
        }
        self.text.drain(..start);
        Ok(())
    }
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// Takes `Transfer-Encoding: chunked` off.
#[derive(Debug, Default)]
struct Chunks {
    /// What is left of the present chunk with its line end.
    left: usize,
    /// The digits of a size line so far.
    size: Vec<u8>,
}

impl Chunks {
    fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while let Some(&first) = bytes.first() {
            if self.left > 2 {
                let count = bytes.len().min(self.left - 2);
                out.extend_from_slice(&bytes[..count]);
                self.left -= count;
                bytes = &bytes[count..];
            } else if self.left > 0 {
                self.left -= 1;
                bytes = &bytes[1..];
            } else {
                bytes = &bytes[1..];
                if first == b'\n' {
                    let digits = std::str::from_utf8(&self.size)?.trim();
                    self.left = usize::from_str_radix(digits, 16)? + 2;
                    self.size.clear();
                } else {
                    self.size.push(first);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

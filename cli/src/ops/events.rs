//! `reef events tail|export`: the log as `CloudEvents`, one JSON document a line.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Subcommand;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{json, value::RawValue};

use crate::{client::Client, output::Output};

/// Events read at a time.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Follows the log from now on, or from a position.
    Tail {
        /// Begin after this position.
        #[arg(long)]
        after: Option<u64>,
    },
    /// Writes events as NDJSON; resume with `--after` the last position written.
    Export {
        /// Begin after this position.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// File to write; default: standard output.
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

impl Events {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        match self {
            Self::Tail { after } => tail(client, after).await,
            Self::Export {
                after,
                output: Some(file),
            } => {
                let sink = BufWriter::new(File::create(&file).with_context(|| file.display().to_string())?);
                let written = export(client, after, sink, output).await?;
                let summary = json!({ "events": written, "file": file.display().to_string() });
                output.show(&summary, || {
                    vec![format!("{written} events written to {}", file.display())]
                })
            }
            Self::Export { after, output: None } => {
                export(client, after, std::io::stdout(), output).await.map(drop)
            }
        }
    }
}

async fn tail(client: &Client, after: Option<u64>) -> Result<()> {
    let after = after.map(|after| format!("?after={after}")).unwrap_or_default();
    let request = client.request(Method::GET, &format!("/v1/events/stream{after}"));
    let mut body = client.send(request).await?.bytes_stream();
    let mut rest = Vec::new();
    while let Some(chunk) = body.next().await {
        rest.extend_from_slice(&chunk?);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if let Some(data) = line.strip_prefix(b"data:") {
                let mut out = std::io::stdout().lock();
                out.write_all(data.trim_ascii())?;
                out.write_all(b"\n")?;
                out.flush()?;
            }
        }
    }
    Ok(())
}

/// Writes events as they are, byte for byte, each with its leaf hash: `reef verify --export` needs both.
async fn export(client: &Client, mut after: u64, mut sink: impl Write, output: Output) -> Result<u64> {
    let bar = output.progress("exporting");
    let mut written = 0;
    loop {
        let request = client.request(Method::GET, &format!("/v1/events?after={after}&limit={PAGE}"));
        let text = client.send(request).await?.text().await?;
        let events: Vec<&RawValue> =
            serde_json::from_str(&text).context("the server's answer is not a batch of events")?;
        if events.is_empty() {
            break;
        }
        let leaves = client
            .get(&format!("/v1/log/leaves?after={after}&limit={}", events.len()))
            .await?;
        for (event, leaf) in events.iter().zip(leaves["data"].as_array().into_iter().flatten()) {
            let event = event
                .get()
                .trim_end()
                .strip_suffix('}')
                .context("an event is an object")?;
            writeln!(sink, "{event},\"leafhash\":{leaf}}}")?;
            after += 1;
            written += 1;
        }
        bar.set_length(written);
        bar.set_position(written);
    }
    sink.flush()?;
    bar.finish_and_clear();
    Ok(written)
}

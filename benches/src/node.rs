//! One node of ours with so many writers, as a process of its own: `ready`, then a line to go, then a sample.

use std::{io::Read, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    acknowledged::Acknowledged, closed_loop::closed_loop, plan, policies::Policies, sample::Sample, store,
};

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    database_url: String,
    /// Writers, each with one command under way
    #[arg(long)]
    writers: usize,
    #[arg(long)]
    seconds: u64,
    /// Names this node's own policies
    #[arg(long, default_value = "a")]
    name: String,
    /// Where acknowledged events are noted
    #[arg(long)]
    acknowledged: PathBuf,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let bus = store::open(&options.database_url).await?;
    let policies = Arc::new(Policies::prepare(bus, &options.name).await?);
    println!("ready");
    // Blocking is fine: nothing else is to run before the word is given.
    ensure!(std::io::stdin().read(&mut [0])? > 0, "nobody gave the word");

    let acknowledged = Arc::new(Acknowledged::append_to(&options.acknowledged)?);
    let (writers, noted) = (options.writers, Arc::clone(&acknowledged));
    let sample = closed_loop(writers, Duration::from_secs(options.seconds), move |turn| {
        let (policies, noted) = (Arc::clone(&policies), Arc::clone(&noted));
        async move { noted.note(&policies.revise(turn, writers).await?) }
    })
    .await?;
    acknowledged.finish()?;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

/// A started node that waits for the word.
pub(crate) struct Node {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Starts it; returns once it is ready.
    pub(crate) async fn start(
        url: &str,
        name: &str,
        writers: usize,
        turn: Duration,
        noted: &std::path::Path,
    ) -> Result<Self> {
        let mut command = plan::ourselves("node")?;
        command
            .args(["--database-url", url, "--name", name])
            .args(["--writers", &writers.to_string()]);
        command
            .args(["--seconds", &turn.as_secs().to_string()])
            .arg("--acknowledged")
            .arg(noted);
        Self::spawn(&mut command).await
    }

    async fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().context("its input is piped")?;
        let mut stdout = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line).await?;
        ensure!(line.trim() == "ready", "the node did not become ready: {line}");
        Ok(Self { child, stdin, stdout })
    }

    /// Gives the word and waits for what it measured.
    pub(crate) async fn go(mut self) -> Result<Sample> {
        self.stdin.write_all(b"\n").await?;
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).await?;
        ensure!(self.child.wait().await?.success(), "a node failed");
        serde_json::from_str(text.trim()).with_context(|| format!("a node printed {text}"))
    }
}

//! The contenders that are programs of their own: pgbench, the baselines, and our own nodes.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::sample::{Latencies, Sample};

/// Runs it to its end and returns what it printed.
pub(crate) async fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs it and reads the sample it prints as its last line.
pub(crate) async fn sample(command: &mut Command) -> Result<Sample> {
    let text = output(command).await?;
    let last = text.lines().last().context("nothing was printed")?;
    serde_json::from_str(last).with_context(|| format!("{command:?} printed {last}"))
}

/// The cluster and its programs.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) url: String,
    pub(crate) programs: PathBuf,
}

impl Cluster {
    /// Runs SQL in one of its databases and returns the bare values.
    pub(crate) async fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ]);
        psql.arg(self.database(database)).args(["--command", sql]);
        Ok(output(&mut psql).await?.trim().to_owned())
    }

    /// Makes a database anew.
    pub(crate) async fn fresh(&self, database: &str) -> Result<String> {
        self.sql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
        )
        .await?;
        self.sql("postgres", &format!("CREATE DATABASE {database}"))
            .await?;
        Ok(self.database(database))
    }

    /// URL of one of its databases.
    pub(crate) fn database(&self, name: &str) -> String {
        self.url
            .rsplit_once('/')
            .map_or_else(|| self.url.clone(), |(server, _)| format!("{server}/{name}"))
    }

    /// Writes dirty pages out, so that no contender pays for what another left behind.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.sql("postgres", "CHECKPOINT").await?;
        Ok(())
    }
}

/// `pgbench`: one `INSERT` of one row with 200 bytes of payload per transaction.
pub(crate) struct Pgbench<'a> {
    cluster: &'a Cluster,
    folder: PathBuf,
}

impl<'a> Pgbench<'a> {
    const DATABASE: &'static str = "pgbench";
    /// One transaction in so many is logged with its latency: enough for a percentile, too few to cost.
    const SAMPLED: &'static str = "0.05";

    pub(crate) async fn prepare(cluster: &'a Cluster, data: &Path) -> Result<Self> {
        cluster.fresh(Self::DATABASE).await?;
        let table = "CREATE TABLE single_row (id bigserial PRIMARY KEY, payload text NOT NULL)";
        cluster.sql(Self::DATABASE, table).await?;
        let folder = data.join("pgbench");
        std::fs::create_dir_all(&folder)?;
        let insert = format!(
            "INSERT INTO single_row (payload) VALUES ('{}');\n",
            "x".repeat(200)
        );
        std::fs::write(folder.join("insert.sql"), insert)?;
        Ok(Self { cluster, folder })
    }

    pub(crate) async fn run(&self, length: Duration) -> Result<Sample> {
        let mut pgbench = Command::new(self.cluster.programs.join("pgbench"));
        pgbench.current_dir(&self.folder).args([
            "--no-vacuum",
            "--client=32",
            "--jobs=2",
            "--file=insert.sql",
        ]);
        pgbench.args([
            "--log",
            "--log-prefix=latency",
            &format!("--sampling-rate={}", Self::SAMPLED),
        ]);
        pgbench
            .arg(format!("--time={}", length.as_secs()))
            .arg(self.cluster.database(Self::DATABASE));
        let text = output(&mut pgbench).await?;
        let number = |label: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(label));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        };
        let rate = number("tps = ").with_context(|| format!("pgbench printed no tps: {text}"))?;
        let mut sample = self.latencies()?.over(length);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count that pgbench printed"
        )]
        let operations = number("number of transactions actually processed: ").unwrap_or(0.0) as u64;
        (sample.operations, sample.rate) = (operations, rate);
        Ok(sample)
    }

    /// Third column of the log files that the run left.
    fn latencies(&self) -> Result<Latencies> {
        let mut latencies = Latencies::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path
                .file_name()
                .is_none_or(|name| !name.to_string_lossy().starts_with("latency."))
            {
                continue;
            }
            for line in std::fs::read_to_string(&path)?.lines() {
                let us = line.split(' ').nth(2).and_then(|column| column.parse().ok());
                latencies.record(Duration::from_micros(
                    us.context("pgbench's log has another form")?,
                ));
            }
            std::fs::remove_file(path)?;
        }
        Ok(latencies)
    }
}

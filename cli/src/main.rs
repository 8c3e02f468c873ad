//! `reef`: the server, and what its operator needs beside it.

mod client;
mod config;
mod connect;
mod database;
mod ec2;
mod exit;
mod gateways;
mod keys;
mod logging;
mod ops;
mod output;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{client::Client, config::Config, output::Output};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Event-sourced control plane for managed AI agents.
#[derive(Debug, Parser)]
#[command(name = "reef", version)]
struct Cli {
    /// TOML file with configuration; `REEF_*` variables win over it.
    #[arg(long, global = true, env = "REEF_CONFIG")]
    config: Option<PathBuf>,
    /// Print one JSON document instead of lines for people.
    #[arg(long, global = true)]
    json: bool,
    /// Address of the server, for commands that talk to one.
    #[arg(long, global = true, env = "REEF_URL")]
    url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (the default).
    Serve,
    /// Makes this machine a runtime of a server.
    Connect(connect::Connect),
    /// Follows or exports the event log.
    #[command(subcommand)]
    Events(ops::events::Events),
    /// Shows an aggregate's state, now or as of a position or time.
    State(ops::state::State),
    /// Builds views anew from the log and switches to them.
    Rebuild(ops::rebuild::Rebuild),
    /// Checks that nobody edited the log.
    Verify(ops::verify::Verify),
    /// Writes everything into one file.
    Backup(ops::backup::Backup),
    /// Fills an empty database from a backup; views are rebuilt and compared.
    Restore(ops::backup::Restore),
    /// Accounts.
    #[command(subcommand)]
    Account(ops::account::Account),
    /// Invite codes, with which people register accounts by themselves.
    #[command(subcommand)]
    Invite(ops::account::Invite),
    /// API keys.
    #[command(subcommand)]
    Key(ops::account::Key),
    /// Credits of accounts.
    #[command(subcommand)]
    Credits(ops::account::Credits),
    /// Intents of process managers that were set aside after failing.
    #[command(subcommand)]
    Parked(ops::parked::Parked),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Installed once for the whole process; a second installation could only be ours.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("reef: no async runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reef: {error:#}");
            exit::code_of(&error)
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    let config = Config::load(cli.config.as_deref())?;
    let output = Output { json: cli.json };
    let command = cli.command.unwrap_or(Command::Serve);
    logging::install(matches!(command, Command::Serve | Command::Connect(_)));
    let client = || Client::new(&config, cli.url.as_deref());
    match command {
        Command::Serve => serve::serve(config).await,
        Command::Connect(connect) => connect.run(&config).await,
        Command::Events(events) => events.run(&client()?, output).await,
        Command::State(state) => state.run(&client()?, output).await,
        Command::Rebuild(rebuild) => rebuild.run(&client()?, output).await,
        Command::Verify(verify) => verify.run(&config, output).await,
        Command::Backup(backup) => backup.run(&config, output).await,
        Command::Restore(restore) => restore.run(&config, output).await,
        Command::Account(account) => account.run(&client()?, output).await,
        Command::Invite(invite) => invite.run(&client()?, output).await,
        Command::Key(key) => key.run(&client()?, output).await,
        Command::Credits(credits) => credits.run(&client()?, output).await,
        Command::Parked(parked) => parked.run(&client()?, output).await,
    }
}

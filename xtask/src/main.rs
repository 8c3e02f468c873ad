//! The chores of Reef: `cargo xtask verify | test | bench | slice NOUN`.
//!
//! Each chore installs or starts what it needs, so that it runs on a fresh machine, and takes it away
//! again at the end, however the end comes.

mod bench;
mod deny;
mod interrupt;
mod peers;
mod postgres;
mod shell;
mod slice;
mod suites;
mod system;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of Reef")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything a commit must pass: format, lints, bans and licences, tests, files that are up to date
    Verify,
    /// Check bans, licences and sources of all dependencies
    Deny,
    /// Start what the suites need and run them all; arguments after `--` go to the test runner
    Test {
        /// For the runner, such as a test name
        #[arg(last = true)]
        runner: Vec<String>,
    },
    /// Measure Reef beside its alternatives, in interleaved rounds, and print the ratios
    Bench(bench::Options),
    /// Make the files of a new noun in every room
    Slice {
        /// The noun, singular `snake_case`, such as `swarm` or `knowledge_base`
        noun: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = interrupt::install().and_then(|()| match cli.chore {
        Chore::Verify => verify::run(),
        Chore::Deny => deny::run(),
        Chore::Test { runner } => suites::run(&runner),
        Chore::Bench(options) => bench::run(&options),
        Chore::Slice { noun } => slice::run(&noun),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

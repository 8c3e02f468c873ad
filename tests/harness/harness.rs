//! What every black-box suite shares: the real binary, real databases, and a client that knows only HTTP.
//!
//! A suite is a program of its own (`tests/<suite>/main.rs`, a target of the `reef-cli` package), so it
//! names this file by path. Nothing here reaches into the server: what a suite sees, a user sees.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each suite is a program of its own and uses its part"
)]

mod account;
mod client;
mod cluster;
mod command_line;
mod database;
mod log;
mod model;
mod server;
mod sse;
mod tampering;
mod wait;

pub(crate) use account::{Account, template_id};
pub(crate) use client::{Answer, Client};
pub(crate) use cluster::Cluster;
pub(crate) use command_line::{Ended, word};
pub(crate) use database::{Database, left_out};
pub(crate) use log::{Log, documents, event_type, rebuilt_views_are_equal};
pub(crate) use model::{ModelServer, Said};
pub(crate) use server::{OPERATOR_KEY, Server, Setup, binary};
pub(crate) use sse::{EventStream, Heard};
pub(crate) use tampering::replace_in_file;
pub(crate) use wait::{LONG, SHORT, wait_until};

/// Runs each test function on both databases: `<test>::on_sqlite` and `<test>::on_postgres`.
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::harness::Database;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$test(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(database) = Database::postgres() {
                    super::$test(database).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both_databases;

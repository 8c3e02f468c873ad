//! The write side: the command bus, the use cases behind every command, the process managers, and the
//! ports they need.
//!
//! A use case loads aggregates, looks facts up, and has deciders decide; the bus stores what they
//! decided in one append. Process managers turn events into effects. Neither knows HTTP or SQL.
//!
//! **Architecture invariant:** effects happen only in process managers and use cases, never in folds, so
//! replaying the log cannot fire one.

mod answer;
mod bus;
mod cache;
mod catalogue;
mod credential;
mod entropy;
mod error;
mod fresh_ids;
mod request;
mod root;
mod secret_lookup;
mod services;
#[cfg(test)]
mod spec;
mod unit;

pub mod account;
pub mod activity;
pub mod agent;
pub mod api_key;
pub mod cloud_event;
pub mod conversation;
mod cron;
pub mod delivery;
pub mod follower;
pub mod invite_code;
pub mod ledger;
pub mod login;
pub mod machine;
pub mod managers;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod merkle;
pub mod policy;
pub mod ports;
pub mod runtime;
pub mod secret;
pub mod settings;
pub mod sign_in;
pub mod skill;
pub mod skill_installation;
pub mod task;
pub mod template;
pub mod webhook;
pub mod workspace_file;

pub use answer::{AggregateRef, Answer, EventRef};
pub use bus::Bus;
pub use catalogue::{Audience, CommandSpec, Outcome, UseCase, catalogue, find_command};
pub use credential::{digest_key, new_key_text};
pub use entropy::{Entropy, RandomEntropy};
pub use error::CommandError;
pub use request::{Caller, Request};
pub use root::{Fact, Root, RootError};
pub use secret_lookup::Secrets;
pub use services::{Drivers, Gateways, Services};
pub use unit::{Loaded, Unit};

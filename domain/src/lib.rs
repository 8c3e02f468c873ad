//! What can happen in Reef.
//!
//! Every aggregate is a [`Decider`]: a state, the commands it takes, the events it yields and the
//! facts on which it refuses. Nothing here does I/O, reads a clock or draws a random number: time,
//! new ids and looked-up facts come in with the command, so any decision can be repeated.
//!
//! **Architecture invariant:** this crate depends on no other crate of the workspace, and on no
//! runtime, database or HTTP library.

mod change;
mod decider;
mod dialect;
mod envelope;
mod event;
mod ids;
mod text;

pub mod account;
pub mod activity;
pub mod agent;
pub mod api_key;
pub mod conversation;
pub mod cron;
pub mod invite_code;
pub mod ledger;
pub mod login;
pub mod machine;
pub mod policy;
pub mod provisioning_job;
pub mod reservation;
pub mod runtime;
pub mod secret;
pub mod settings;
pub mod skill;
pub mod skill_installation;
#[cfg(any(test, feature = "spec"))]
pub mod spec;
pub mod task;
pub mod template;
pub mod webhook;
pub mod workspace_file;

pub use change::Change;
pub use decider::{Decider, Refusal, RefusalKind, replay};
pub use dialect::Dialect;
pub use envelope::{Actor, ActorKind, Envelope, Metadata};
pub use event::{AnyEvent, DecodeError, Event};
pub use ids::*;

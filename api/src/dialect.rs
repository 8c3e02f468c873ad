//! What every dialect shares: its routes with their documentation, and how a handler asks the core.
//!
//! A dialect brings its own words only: a [`Face`](crate::face::Face) with its envelope of failures, wire
//! types, and handlers that parse, make one command or one query, and map the answer.
//! `docs/adding-a-dialect.md` says how.

mod answer;
mod body;
mod call;
mod failure;
mod ids;
mod routes;
mod time;
mod visitor;

pub(crate) use answer::{Answer, NO_STORE, Written};
pub(crate) use body::{Body, required_nullable, supplied};
pub(crate) use call::{Call, parts};
pub(crate) use failure::failure;
pub(crate) use ids::named;
pub(crate) use routes::{Api, IDEMPOTENCY_KEY};
pub(crate) use time::{Millis, StoredMillis};
pub(crate) use visitor::Visitor;

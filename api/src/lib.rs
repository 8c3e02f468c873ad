//! The HTTP face of Reef: the native API, the dialects, and what every API of the server shares.
//!
//! A request passes the edge ([`edge`]: request id, span, credential, rate limit, time limit), then a
//! handler that parses, makes one command or one query, and maps the answer. Whatever goes wrong leaves as
//! a [`Problem`], which the edge writes in the words of the API it came over ([`face`]).
//!
//! **Architecture invariants:** no SQL and no decision here; nothing is served that the ports of
//! `reef-commands` do not give. A document's or an event's JSON text is spliced into answers as it is stored.

mod answer;
mod auth;
mod body;
mod checkpoint;
mod client;
mod config;
#[cfg(test)]
mod contract;
mod dialect;
mod edge;
mod face;
mod feed;
mod last_used;
mod limit;
mod native;
mod openapi;
mod page;
mod params;
mod past;
mod problem;
mod proof;
#[cfg(test)]
mod rig;
mod router;
mod sealed;
mod serve;
mod state;
mod thermidora;
mod tropic;

pub use checkpoint::CheckpointKey;
pub use config::ApiConfig;
pub use problem::Problem;
pub use router::router;
pub use serve::serve;
pub(crate) use state::App;
pub use state::{ApiParts, ApiState, RetryParked};

//! Hostile and mistaken requests, as tables: always a problem document with the right status, never a 5xx,
//! and the server goes on serving.

#[path = "../harness/harness.rs"]
mod harness;

mod bodies;
mod credentials;
mod headers;
mod ids;
mod limits;
mod queries;
mod stage;
mod text;
mod wire;

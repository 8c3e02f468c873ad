//! Webhooks on the real thing: many endpoints, some of them sick, and a server that is killed. Every event
//! reaches every healthy endpoint, under the same id at every repeat, and the sick ones slow nobody. And over TLS.

#[path = "../harness/harness.rs"]
mod harness;

mod endpoints;
mod events;
mod https;
mod never_lost;

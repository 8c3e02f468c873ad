//! People's own machines, seen from outside: a server, and `reef connect` as a process of its own.

#[path = "../harness/harness.rs"]
mod harness;

mod connecting;
mod gateway;
mod machine;
mod openclaw;
mod several;
mod wire;
mod working;

//! People's own machines as runtimes: the driver of the provider `local`.
//!
//! A machine connects to us and we speak over its connection ([`protocol`]; `docs/node-protocol.md` tells it in
//! words): calls of the driver go out as requests, what the machine does comes in as reports. The [`hub`] knows
//! which machine is connected to this process.
//!
//! **Invariants:** a machine is `Running` only while it is connected and says so. A report is acknowledged after
//! it was recorded, and may come twice. Nobody reports on tasks that are not of an agent on the machine.

mod driver;
mod hub;
mod link;
pub mod protocol;
mod reports;
#[cfg(test)]
mod tests;
mod wire;

pub use driver::LocalDriver;
pub use hub::{Hub, HubConfig};

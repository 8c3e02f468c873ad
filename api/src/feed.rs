//! The event feed for many: each event is read and written once, whoever listens.
//!
//! The hub follows the log while anybody subscribes and keeps the newest frames in a bounded ring. Subscribers
//! hold a cursor and nothing else: they take shared frames from the ring, and read the log where the ring
//! does not reach. So a slow one costs nobody anything but its own connection.

mod filter;
mod frame;
mod hub;
mod ring;
mod subscriber;

pub(crate) use filter::{EventFilter, PARAMETERS, account_filter, aggregate_type_named};
pub(crate) use hub::Hub;
pub(crate) use subscriber::Subscriber;

#[cfg(test)]
mod tests;

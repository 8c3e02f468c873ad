//! Services outside: adapters of the ports that other people's servers answer.
//!
//! [`identity`] verifies session tokens by the keys their issuers publish; [`stripe`] takes payments; [`webhook`]
//! delivers webhooks; [`mail`] sends letters. [`tokens`] issues our own session tokens, which need nobody outside.
//!
//! **Architecture invariant:** what a service outside sends is bounded in size and time and believed only
//! where it is signed or came over a connection we opened; redirects are not followed; no secret of ours is
//! in a log line or an error.

mod address;
mod http;

pub mod identity;
pub mod mail;
pub mod stripe;
pub mod tokens;
pub mod webhook;

pub use address::AddressError;

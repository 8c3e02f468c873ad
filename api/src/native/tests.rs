//! The native API in one process, on the real store.

mod bad_input;
mod chat;
mod commands;
mod events;
mod limits;
mod log;
mod matrix;
mod operations;
mod reads;
mod webhooks;

use crate::rig::{self, OPERATOR, Reply, Rig};

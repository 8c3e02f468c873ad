//! The operator's commands, one file each.

pub(crate) mod account;
pub(crate) mod backup;
pub(crate) mod events;
pub(crate) mod parked;
pub(crate) mod rebuild;
pub(crate) mod state;
pub(crate) mod verify;

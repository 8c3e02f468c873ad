//! Where Reef keeps everything: the event log, its views, checkpoints and the vault, on SQLite and
//! PostgreSQL.
//!
//! One writer per process puts many appends into one transaction (`plan` says what a batch becomes;
//! `sqlite` and `postgres` carry it out). Documents are folded in that transaction (`fold`), so a read
//! after a write sees it.
//!
//! **Architecture invariants:** this is the only crate that speaks SQL. Nothing is acknowledged before
//! it is durable. Positions are gap-free and in commit order.

mod backup;
mod checkpoints;
mod cqrs;
mod db;
mod deliveries;
mod docs;
mod error;
mod fold;
mod gather;
mod key_uses;
mod log;
mod memory;
mod plan;
mod postgres;
mod rebuild;
mod recent;
mod record;
mod schema;
mod shared;
mod sightings;
mod sql;
mod sqlite;
mod store;
mod tables;
mod vault;
mod views;
mod workspace;

pub mod merkle;
pub mod verify;

pub use backup::{BackupHeader, Restored, verify_backup};
pub use cqrs::{CqrsContext, CqrsStore};
pub use error::StoreError;
pub use record::EventRecord;
pub use store::Store;

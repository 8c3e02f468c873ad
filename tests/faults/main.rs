//! Faults on the real thing: the server killed under load, the database stopped under it, its file edited by
//! hand, a second server on the same file. Nothing acknowledged is lost, doubled or wrong.

#[path = "../harness/harness.rs"]
mod harness;

mod database_stops;
mod drained;
mod edited_row;
mod killed;
mod load;
mod second_server;
mod slow_reader;

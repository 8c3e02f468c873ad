//! A new user's tour of Reef over HTTP and the command line, on both databases: what "Seen at the end" of
//! the first milestone lists, each as a test.

#[path = "../harness/harness.rs"]
mod harness;

mod chat;
mod command_line;
mod credits;
mod cron;
mod deploy;
mod feed;
mod proof;
mod tasks;
mod thermidora;
mod time_travel;
mod tropic;

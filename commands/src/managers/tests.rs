//! Specs of the managers and sweeps, over every port in memory and a provider that does as it is told.
//!
//! Time is tokio's, paused: it jumps to whatever is waited for next.

mod cleanup;
mod cron;
mod driver;
mod mail;
mod metering;
mod provisioning;
mod pushes;
mod reconcile;
mod stage;
mod tasks;

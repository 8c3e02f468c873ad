//! What the append workloads do: policies, and `UpdatePolicy` through the command bus, each once under an
//! idempotency key of its own.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use reef_commands::{
    Answer, Bus, Caller, Request,
    account::RegisterAccount,
    policy::{CreatePolicy, UpdatePolicy},
};
use reef_domain::{AccountId, Actor, ActorKind, Dialect, PolicyId, UserId};
use tokio::task::JoinSet;

use crate::{closed_loop::Turn, rules};

/// Policies of one node; the same number for every contender.
pub(crate) const AGGREGATES: usize = 8_192;
/// Commands under way while they are made.
const MAKERS: usize = 256;

/// Policies of one account, as one caller changes them.
pub(crate) struct Policies {
    bus: Bus,
    caller: Caller,
    ids: Vec<PolicyId>,
    /// Keys and texts of an earlier run would change nothing.
    salt: usize,
}

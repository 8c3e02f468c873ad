//! When machines were seen last: a bounded store, one row per machine, neither events nor a view.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::MachineId;

use super::LogError;

/// When a machine was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub machine_id: MachineId,
    /// When; to the minute while it stays connected.
    pub seen_at: DateTime<Utc>,
    /// The server process that holds its connection; `None`: it is away.
    pub connected_to: Option<String>,
}

/// Keeps when machines were seen last, for all server processes. Written when a machine comes, when it goes,
/// and at most once a minute between.
#[async_trait]
pub trait Sightings: Send + Sync + 'static {
    /// The machine was seen; replaces what was known of it.
    async fn note(&self, sighting: &Sighting) -> Result<(), LogError>;
    /// The machine went, unless another process holds a newer connection of it.
    async fn note_gone(
        &self,
        machine: &MachineId,
        from: &str,
        seen_at: DateTime<Utc>,
    ) -> Result<(), LogError>;
    /// What is known of these machines; those never seen are left out.
    async fn of(&self, machines: &[MachineId]) -> Result<Vec<Sighting>, LogError>;
    /// The machine is no longer listed.
    async fn forget(&self, machine: &MachineId) -> Result<(), LogError>;
}

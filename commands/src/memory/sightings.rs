//! When machines were seen last, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::MachineId;

use super::MemoryStore;
use crate::ports::{LogError, Sighting, Sightings};

#[async_trait]
impl Sightings for MemoryStore {
    async fn note(&self, sighting: &Sighting) -> Result<(), LogError> {
        let id = sighting.machine_id.to_string();
        self.state.lock().sightings.insert(id, sighting.clone());
        Ok(())
    }

    async fn note_gone(
        &self,
        machine: &MachineId,
        from: &str,
        seen_at: DateTime<Utc>,
    ) -> Result<(), LogError> {
        let mut state = self.state.lock();
        if let Some(known) = state.sightings.get_mut(machine.as_str())
            && known.connected_to.as_deref() == Some(from)
        {
            known.connected_to = None;
            known.seen_at = seen_at;
        }
        Ok(())
    }

    async fn of(&self, machines: &[MachineId]) -> Result<Vec<Sighting>, LogError> {
        let state = self.state.lock();
        let known = machines
            .iter()
            .filter_map(|machine| state.sightings.get(machine.as_str()));
        Ok(known.cloned().collect())
    }

    async fn forget(&self, machine: &MachineId) -> Result<(), LogError> {
        self.state.lock().sightings.remove(machine.as_str());
        Ok(())
    }
}

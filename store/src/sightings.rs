//! When machines were seen last.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::ports::{LogError, Sighting, Sightings};
use reef_domain::MachineId;

use crate::Store;

#[async_trait]
impl Sightings for Store {
    async fn note(&self, sighting: &Sighting) -> Result<(), LogError> {
        let sql = "INSERT INTO machine_sightings (machine_id, seen_at, connected_to) VALUES ($1, $2, $3) \
                   ON CONFLICT (machine_id) DO UPDATE SET seen_at = excluded.seen_at, \
                   connected_to = excluded.connected_to";
        let args = vec![
            sighting.machine_id.as_str().into(),
            sighting.seen_at.timestamp_micros().into(),
            sighting.connected_to.clone().into(),
        ];
        self.0.db.write_one(sql, args).await?;
        Ok(())
    }

    async fn note_gone(
        &self,
        machine: &MachineId,
        from: &str,
        seen_at: DateTime<Utc>,
    ) -> Result<(), LogError> {
        let sql = "UPDATE machine_sightings SET connected_to = NULL, seen_at = $3 \
                   WHERE machine_id = $1 AND connected_to = $2";
        let args = vec![
            machine.as_str().into(),
            from.into(),
            seen_at.timestamp_micros().into(),
        ];
        self.0.db.write_one(sql, args).await?;
        Ok(())
    }

    async fn of(&self, machines: &[MachineId]) -> Result<Vec<Sighting>, LogError> {
        let select = "SELECT machine_id, seen_at, connected_to FROM machine_sightings WHERE machine_id IN";
        let ids = machines.iter().map(MachineId::as_str);
        let mut rows = self.0.db.fetch_each(select, ids).await?;
        let found = rows.iter_mut().map(|row| Sighting {
            machine_id: MachineId::from(row.text(0)),
            seen_at: DateTime::from_timestamp_micros(row.int(1)).unwrap_or_default(),
            connected_to: row.text_opt(2),
        });
        Ok(found.collect())
    }

    async fn forget(&self, machine: &MachineId) -> Result<(), LogError> {
        let sql = "DELETE FROM machine_sightings WHERE machine_id = $1";
        self.0.db.write_one(sql, vec![machine.as_str().into()]).await?;
        Ok(())
    }
}

//! Checkpoints, fenced leases and parked intents of followers.

use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use reef_commands::ports::{Checkpoints, Lease, LogError, Parked};

use crate::{
    Store,
    sql::{Outcome, Row, Statement, Value, from_db, to_db},
};

const HELD: &str = "EXISTS (SELECT 1 FROM leases WHERE name = $1 AND fence = $2 AND holder <> '')";

fn fenced(outcome: &Outcome) -> Result<(), LogError> {
    if outcome.affected == 1 {
        Ok(())
    } else {
        Err(LogError::Fenced)
    }
}

fn parked_of(row: &mut Row) -> Parked {
    Parked {
        manager: row.text(0),
        key: row.text(1),
        position: row.number(2),
        step: row.text(3),
        error: row.text(4),
        attempts: u32::try_from(row.int(5)).unwrap_or(u32::MAX),
        parked_at: DateTime::from_timestamp_micros(row.int(6)).unwrap_or_default(),
    }
}

#[async_trait]
impl Checkpoints for Store {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, LogError> {
        let now = self.0.db.dialect().now(3);
        // The fence moves with every change of holder, and after the lease was given up.
        let sql = format!(
            "INSERT INTO leases (name, holder, fence, expires_at) VALUES ($1, $2, 1, {now} + $4) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at, \
             fence = CASE WHEN leases.holder = excluded.holder THEN leases.fence ELSE leases.fence + 1 END \
             WHERE leases.holder = excluded.holder OR leases.expires_at <= {now} RETURNING fence"
        );
        let ttl_us = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
        let args = vec![
            name.into(),
            holder.into(),
            self.0.shared.now_us().into(),
            ttl_us.into(),
        ];
        let outcome = self.0.db.write_one(sql, args).await?;
        Ok(outcome.rows.first().map(|row| Lease {
            name: name.to_owned(),
            fence: row.number(0),
        }))
    }

    async fn release(&self, lease: &Lease) -> Result<(), LogError> {
        let sql = "UPDATE leases SET holder = '', expires_at = 0 WHERE name = $1 AND fence = $2";
        self.0
            .db
            .write_one(sql, vec![lease.name.as_str().into(), lease.fence.into()])
            .await?;
        Ok(())
    }

    async fn checkpoint(&self, name: &str) -> Result<u64, LogError> {
        let sql = "SELECT position FROM checkpoints WHERE name = $1";
        let rows = self.0.db.fetch(Statement::new(sql, vec![name.into()])).await?;
        Ok(rows.first().map_or(0, |row| row.number(0)))
    }

    async fn advance(&self, lease: &Lease, position: u64) -> Result<(), LogError> {
        let sql = format!(
            "INSERT INTO checkpoints (name, position) SELECT $1, $3 WHERE {HELD} \
             ON CONFLICT (name) DO UPDATE SET position = excluded.position"
        );
        let args = vec![lease.name.as_str().into(), lease.fence.into(), position.into()];
        fenced(&self.0.db.write_one(sql, args).await?)
    }

    async fn park(&self, lease: &Lease, parked: &Parked) -> Result<(), LogError> {
        let sql = format!(
            "INSERT INTO parked (manager, key, position, step, error, attempts, parked_at) \
             SELECT $3, $4, $5, $6, $7, $8, $9 WHERE {HELD} \
             ON CONFLICT (manager, key, position, step) DO UPDATE SET error = excluded.error, \
             attempts = excluded.attempts, parked_at = excluded.parked_at"
        );
        let args = vec![
            lease.name.as_str().into(),
            lease.fence.into(),
            parked.manager.as_str().into(),
            parked.key.as_str().into(),
            parked.position.into(),
            parked.step.as_str().into(),
            // PostgreSQL's text holds no NUL, and an error may quote anything.
            parked.error.replace('\0', "\u{fffd}").into(),
            parked.attempts.into(),
            parked.parked_at.timestamp_micros().into(),
        ];
        fenced(&self.0.db.write_one(sql, args).await?)
    }

    async fn parked(&self, manager: Option<&str>) -> Result<Vec<Parked>, LogError> {
        let columns = "SELECT manager, key, position, step, error, attempts, parked_at FROM parked";
        let (filter, args) = match manager {
            Some(manager) => ("WHERE manager = $1", vec![Value::from(manager)]),
            None => ("", vec![]),
        };
        let sql = format!("{columns} {filter} ORDER BY position, step");
        let mut rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        Ok(rows.iter_mut().map(parked_of).collect())
    }

    async fn unpark(&self, manager: &str, key: &str, position: u64, step: &str) -> Result<bool, LogError> {
        let sql = "DELETE FROM parked WHERE manager = $1 AND key = $2 AND position = $3 AND step = $4";
        let args = vec![manager.into(), key.into(), to_db(position).into(), step.into()];
        Ok(self.0.db.write_one(sql, args).await?.affected == 1)
    }

    async fn checkpoints(&self) -> Result<Vec<(String, u64)>, LogError> {
        let sql = "SELECT name, position FROM checkpoints ORDER BY name";
        let mut rows = self.0.db.fetch(Statement::new(sql, vec![])).await?;
        Ok(rows
            .iter_mut()
            .map(|row| (row.text(0), from_db(row.int(1))))
            .collect())
    }
}

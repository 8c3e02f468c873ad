//! Where deliveries of webhooks are. Many rows go in one statement each, as a JSON list, so that a save is a
//! few statements however much was delivered.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::ports::{
    Attempt, AttemptQuery, Checkpoints, Deliveries, DeliveryId, DeliveryRetry, DeliveryTrack, EventLog,
    KeptDeliveries, LaneHealth, Lease, LogError, SavedDeliveries, Standing, WEBHOOK_CHANGES,
    WEBHOOK_DISPATCHER,
};
use reef_domain::WebhookId;
use serde_json::{Value as Json, json};

use crate::{
    Store,
    sql::{
        Column::{self, Number, Text},
        Row, Statement, Value, to_db,
    },
};

const HELD: &str = "EXISTS (SELECT 1 FROM leases WHERE name = $1 AND fence = $2 AND holder <> '')";
/// Attempts stored in one transaction: a few milliseconds of the writer's time.
const SOME: usize = 250;

const TRACKS: &str = "webhook_id, started, cursor, until, behind";
const HEALTH: &str = "webhook_id, attempts, failures_in_row, failing_since, in_trouble";
const RETRIES: &str = "webhook_id, position, tries, due_at, always, outcome";
const ATTEMPTS: &str =
    "webhook_id, number, position, event_type, attempt, at, took_ms, status, failure, answer";

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// PostgreSQL's text holds no NUL, and a receiver may say anything.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn number_opt(row: &Row, column: usize) -> Option<i64> {
    matches!(row.0.get(column), Some(Value::Int(Some(_)))).then(|| row.int(column))
}

fn track_of(mut row: Row) -> DeliveryTrack {
    DeliveryTrack {
        webhook_id: WebhookId::from(row.text(0)),
        started: row.number(1),
        cursor: row.number(2),
        until: number_opt(&row, 3).and_then(|until| u64::try_from(until).ok()),
        behind: row.int(4) != 0,
    }
}

fn health_of(mut row: Row) -> LaneHealth {
    LaneHealth {
        webhook_id: WebhookId::from(row.text(0)),
        attempts: row.number(1),
        failures_in_row: small(row.int(2)),
        failing_since: number_opt(&row, 3).map(time),
        in_trouble: row.int(4) != 0,
    }
}

fn retry_of(mut row: Row) -> DeliveryRetry {
    DeliveryRetry {
        webhook_id: WebhookId::from(row.text(0)),
        position: row.number(1),
        tries: small(row.int(2)),
        due_at: time(row.int(3)),
        always: row.int(4) != 0,
        outcome: row.text(5),
    }
}

fn attempt_of(mut row: Row) -> Attempt {
    Attempt {
        webhook_id: WebhookId::from(row.text(0)),
        number: row.number(1),
        position: row.number(2),
        event_type: row.text(3),
        attempt: small(row.int(4)),
        at: time(row.int(5)),
        took_ms: row.number(6),
        status: number_opt(&row, 7).and_then(|status| u16::try_from(status).ok()),
        failure: row.text_opt(8),
        answer: row.text_opt(9),
    }
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

fn keys(keys: &[(WebhookId, u64)]) -> Vec<Json> {
    keys.iter()
        .map(|(id, number)| json!([id, to_db(*number)]))
        .collect()
}

fn held(sql: String, rows: Vec<Json>, lease: &Lease) -> Statement {
    let rows = Json::Array(rows).to_string();
    let args = vec![lease.name.as_str().into(), lease.fence.into(), rows.into()];
    Statement::new(sql, args)
}

fn moved(name: &str, position: u64, lease: &Lease) -> Statement {
    let sql = format!(
        "INSERT INTO checkpoints (name, position) SELECT $3, $4 WHERE {HELD} \
         ON CONFLICT (name) DO UPDATE SET position = excluded.position"
    );
    let args = vec![
        lease.name.as_str().into(),
        lease.fence.into(),
        name.into(),
        position.into(),
    ];
    Statement::new(sql, args)
}

impl Store {
    /// Writes rows of a table whose first `key` columns are its key, under the lease in `$1` and `$2`.
    fn put(&self, table: &str, columns: &str, types: &[Column], rows: Vec<Json>, lease: &Lease) -> Statement {
        let set: Vec<String> = columns
            .split(", ")
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let key = if table == "webhook_health" { 1 } else { 2 };
        let names: Vec<&str> = columns.split(", ").take(key).collect();
        let rows_sql = self.0.db.dialect().rows(3, types);
        let sql = format!(
            "INSERT INTO {table} ({columns}) SELECT {rows_sql} WHERE {HELD} ON CONFLICT ({}) DO UPDATE SET {}",
            names.join(", "),
            set[key..].join(", ")
        );
        held(sql, rows, lease)
    }

    /// Deletes rows by their keys, under the lease.
    fn drop_rows(&self, table: &str, key: &str, rows: Vec<Json>, lease: &Lease) -> Statement {
        let types: &[Column] = if key.contains(',') {
            &[Text, Number]
        } else {
            &[Text]
        };
        let rows_sql = self.0.db.dialect().rows(3, types);
        let sql = format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {rows_sql}) AND {HELD}");
        held(sql, rows, lease)
    }

    fn save_statements(&self, lease: &Lease, saved: &SavedDeliveries) -> Vec<Statement> {
        // Holds the lease's row until the end, so that no other node takes it between two statements.
        let hold =
            "UPDATE leases SET expires_at = expires_at WHERE name = $1 AND fence = $2 AND holder <> ''";
        let mut statements = vec![Statement::new(
            hold,
            vec![lease.name.as_str().into(), lease.fence.into()],
        )];
        if !saved.gone.is_empty() {
            let gone: Vec<Json> = saved.gone.iter().map(|id| json!([id])).collect();
            for table in [
                "webhook_tracks",
                "webhook_health",
                "webhook_retries",
                "webhook_attempts",
            ] {
                statements.push(self.drop_rows(table, "webhook_id", gone.clone(), lease));
            }
        }
        for (table, key, gone) in [
            ("webhook_tracks", "webhook_id, started", &saved.ended),
            ("webhook_retries", "webhook_id, position", &saved.settled),
        ] {
            if !gone.is_empty() {
                statements.push(self.drop_rows(table, key, keys(gone), lease));
            }
        }
        let tracks = saved.tracks.iter().map(|track| {
            let until = track.until.map(to_db);
            json!([
                track.webhook_id,
                track.started,
                track.cursor,
                until,
                i64::from(track.behind)
            ])
        });
        let health = saved.health.iter().map(|health| {
            let since = health.failing_since.map(micros);
            let trouble = i64::from(health.in_trouble);
            json!([
                health.webhook_id,
                health.attempts,
                health.failures_in_row,
                since,
                trouble
            ])
        });
        let retries = saved.retries.iter().map(|retry| {
            let (due, outcome) = (micros(retry.due_at), clean(&retry.outcome));
            let always = i64::from(retry.always);
            json!([
                retry.webhook_id,
                retry.position,
                retry.tries,
                due,
                always,
                outcome
            ])
        });
        let five = [Text, Number, Number, Number, Number];
        let six = [Text, Number, Number, Number, Number, Text];
        for (table, columns, types, rows) in [
            ("webhook_tracks", TRACKS, &five[..], tracks.collect::<Vec<_>>()),
            ("webhook_health", HEALTH, &five, health.collect()),
            ("webhook_retries", RETRIES, &six, retries.collect()),
        ] {
            if !rows.is_empty() {
                statements.push(self.put(table, columns, types, rows, lease));
            }
        }
        statements.push(moved(WEBHOOK_DISPATCHER, saved.checkpoint, lease));
        statements.push(moved(WEBHOOK_CHANGES, saved.changes, lease));
        statements
    }

    async fn all<T>(
        &self,
        columns: &str,
        table: &str,
        of: Option<&WebhookId>,
        make: fn(Row) -> T,
    ) -> Result<Vec<T>, LogError> {
        let (filter, args) = match of {
            Some(webhook) => ("WHERE webhook_id = $1", vec![webhook.as_str().into()]),
            None => ("", vec![]),
        };
        let sql = format!("SELECT {columns} FROM {table} {filter}");
        let rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        Ok(rows.into_iter().map(make).collect())
    }
}

#[async_trait]
impl Deliveries for Store {
    async fn load(&self) -> Result<KeptDeliveries, LogError> {
        Ok(KeptDeliveries {
            checkpoint: self.checkpoint(WEBHOOK_DISPATCHER).await?,
            changes: self.checkpoint(WEBHOOK_CHANGES).await?,
            tracks: self.all(TRACKS, "webhook_tracks", None, track_of).await?,
            health: self.all(HEALTH, "webhook_health", None, health_of).await?,
            retries: self.all(RETRIES, "webhook_retries", None, retry_of).await?,
        })
    }

    async fn save(&self, lease: &Lease, saved: &SavedDeliveries) -> Result<(), LogError> {
        let outcomes = self.0.db.write(self.save_statements(lease, saved)).await?;
        if outcomes.first().is_some_and(|held| held.affected == 1) {
            Ok(())
        } else {
            Err(LogError::Fenced)
        }
    }

    async fn note_attempts(&self, attempts: &[Attempt], keep: u64) -> Result<(), LogError> {
        let types = [
            Text, Number, Number, Text, Number, Number, Number, Number, Text, Text,
        ];
        let rows_sql = self.0.db.dialect().rows(1, &types);
        for some in attempts.chunks(SOME) {
            let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
            let mut rows = Vec::with_capacity(some.len());
            for attempt in some {
                let known = newest.entry(attempt.webhook_id.as_str()).or_default();
                *known = attempt.number.max(*known);
                rows.push((
                    &attempt.webhook_id,
                    attempt.number,
                    attempt.position,
                    &attempt.event_type,
                    attempt.attempt,
                    micros(attempt.at),
                    attempt.took_ms,
                    attempt.status,
                    attempt.failure.as_deref().map(clean),
                    attempt.answer.as_deref().map(clean),
                ));
            }
            let insert = format!(
                "INSERT INTO webhook_attempts ({ATTEMPTS}) SELECT {rows_sql} WHERE true \
                 ON CONFLICT (webhook_id, number) DO NOTHING"
            );
            let rows = serde_json::to_string(&rows).map_err(|error| LogError::Corrupt(error.to_string()))?;
            let mut statements = vec![Statement::new(insert, vec![rows.into()])];
            let prune = "DELETE FROM webhook_attempts WHERE webhook_id = $1 AND number <= $2";
            for (webhook, number) in newest {
                if number > keep {
                    statements.push(Statement::new(
                        prune,
                        vec![webhook.into(), (number - keep).into()],
                    ));
                }
            }
            self.0.db.write(statements).await?;
        }
        Ok(())
    }

    async fn forget_attempts(&self, before: DateTime<Utc>) -> Result<u64, LogError> {
        // Looked for on a reader: the writer deletes by key only.
        let find = "SELECT webhook_id, max(number) FROM webhook_attempts WHERE at < $1 GROUP BY webhook_id";
        let args = vec![micros(before).into()];
        let old = self.0.db.fetch(Statement::new(find, args)).await?;
        let mut forgotten = 0;
        for mut row in old {
            let delete = "DELETE FROM webhook_attempts WHERE webhook_id = $1 AND number <= $2";
            let args = vec![row.text(0).into(), row.int(1).into()];
            forgotten += self.0.db.write_one(delete, args).await?.affected;
        }
        Ok(forgotten)
    }

    async fn attempts(&self, webhook: &WebhookId, query: &AttemptQuery) -> Result<Vec<Attempt>, LogError> {
        let mut sql =
            format!("SELECT {ATTEMPTS} FROM webhook_attempts WHERE webhook_id = $1 AND number < $2");
        let before = query.before.map_or(i64::MAX, to_db);
        let mut args = vec![webhook.as_str().into(), before.into(), query.limit.into()];
        if let Some(position) = query.position {
            sql.push_str(" AND position = $4");
            args.push(position.into());
        }
        sql.push_str(" ORDER BY number DESC LIMIT $3");
        let rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        Ok(rows.into_iter().map(attempt_of).collect())
    }

    async fn standing(&self, webhook: &WebhookId) -> Result<Standing, LogError> {
        let checkpoint = self.checkpoint(WEBHOOK_DISPATCHER).await?;
        let tracks = self
            .all(TRACKS, "webhook_tracks", Some(webhook), track_of)
            .await?;
        let retries = self
            .all(RETRIES, "webhook_retries", Some(webhook), retry_of)
            .await?;
        let health = self
            .all(HEALTH, "webhook_health", Some(webhook), health_of)
            .await?;
        let head = self.head().await?.position;
        Ok(Standing::of(&tracks, &retries, health.first(), checkpoint, head))
    }

    async fn retry(&self, delivery: &DeliveryId) -> Result<Option<DeliveryRetry>, LogError> {
        let sql = format!("SELECT {RETRIES} FROM webhook_retries WHERE webhook_id = $1 AND position = $2");
        let args = vec![delivery.webhook_id.as_str().into(), delivery.position.into()];
        let rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        Ok(rows.into_iter().next().map(retry_of))
    }
}

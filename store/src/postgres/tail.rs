//! Follows what other nodes write: fills the ring of recent events and wakes followers.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use reef_commands::ports::LogError;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;

use super::{PgDb, batch::CHANNEL};
use crate::{
    shared::Shared,
    sql::{DbError, Dialect, Statement, Value},
    tables::event_columns,
};

/// How long a lost notification can go unnoticed.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
const PAGE: u64 = 2000;
/// A ring that is further behind starts anew.
const TOO_FAR: u64 = 20_000;

/// Runs until the store is dropped.
pub(crate) async fn tail(db: PgDb, shared: Weak<Shared>, behind: Arc<Notify>) {
    let mut listener = None;
    loop {
        if listener.is_none() {
            listener = listen(&db).await;
        }
        tokio::select! {
            () = behind.notified() => {}
            heard = hear(&mut listener) => {
                if !heard {
                    listener = None;
                }
            }
            () = tokio::time::sleep(POLL) => {}
        }
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = catch_up(&db, &shared).await {
            tracing::debug!(%error, "the tail could not read the log");
        }
    }
}

async fn listen(db: &PgDb) -> Option<PgListener> {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(super::CONNECT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(db.options.clone());
    let mut listener = PgListener::connect_with(&pool).await.ok()?;
    listener.listen(CHANNEL).await.ok()?;
    Some(listener)
}

/// Waits for a notification; whether the listener is still good.
async fn hear(listener: &mut Option<PgListener>) -> bool {
    match listener {
        Some(listener) => listener.try_recv().await.is_ok_and(|heard| heard.is_some()),
        None => std::future::pending().await,
    }
}

/// Reads what the ring does not have yet.
async fn catch_up(db: &PgDb, shared: &Shared) -> Result<(), LogError> {
    let rows = db
        .fetch(&Statement::new(
            "SELECT position FROM log_head WHERE id = 1",
            vec![],
        ))
        .await?;
    let head = rows.first().map_or(0, |row| row.number(0));
    if head > shared.recent.end() + TOO_FAR {
        shared.recent.restart_after(head - PAGE);
    }
    let sql = format!(
        "SELECT {}, leaf_hash FROM events WHERE position > $1 ORDER BY position LIMIT $2",
        event_columns(Dialect::Postgres)
    );
    while shared.recent.end() < head {
        let args = [Value::from(shared.recent.end()), Value::from(PAGE)];
        let events = db
            .events(&sql, &args, |event, _| event.envelope().map(Arc::new))
            .await?;
        if events.is_empty() {
            return Err(DbError::Refused("events before the head are missing".to_owned()).into());
        }
        shared.recent.push(&events);
    }
    shared.advance(head);
    Ok(())
}

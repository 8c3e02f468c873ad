//! Committing one batch: optimistically in one statement, or under the head's lock.

use reef_commands::ports::LogError;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _};

use super::{
    batch::Builder,
    lookup::{Children, load, look_up, read_head, read_registry},
    run,
};
use crate::{
    docs::Layout,
    fold::{Change, Overlay},
    memory::Memory,
    plan::{self, Entry, Plan},
    shared::Shared,
    sql::{DbError, ReadError, Statement},
};

/// What became of a batch.
pub(crate) enum Swap {
    Done(Box<Plan>, Vec<Change>),
    /// Another node wrote meanwhile; nothing was stored.
    Lost,
}

/// Why a batch was not committed.
pub(crate) enum Failure {
    /// The connection was lost before anything could be committed.
    Gone(String),
    /// The connection was lost in the very moment of committing: this may be stored.
    Unknown {
        reason: String,
        plan: Plan,
        changes: Vec<Change>,
    },
    /// The database refused; perhaps only one append is to blame.
    Refused(LogError),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Gone(reason) => Self::Gone(reason),
            DbError::Duplicate(_) => Self::Refused(LogError::Conflict("the log".to_owned())),
            DbError::NoTable(_) | DbError::Refused(_) => Self::Refused(error.into()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Db(error) => error.into(),
            ReadError::Found(error) => Self::Refused(error),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Refused(error)
    }
}

/// Plans the batch, loads what it touches, and folds. On failure the batch is as before.
async fn fold(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &Memory,
    shared: &Shared,
    layout: &Layout,
    trusting: bool,
) -> Result<(Plan, Vec<Change>), Failure> {
    let known = look_up(conn, memory, batch, trusting).await?;
    loop {
        let plan = plan::plan(batch, memory, &known, &shared.views, layout, shared.clock.now());
        let mut overlay = Overlay::default();
        let envelope = |event| plan.envelope(event);
        let needs = overlay.needs(&shared.views, Some(&shared.docs), &plan.touches, envelope);
        let loaded = if needs.is_empty() {
            Ok((Vec::new(), Children::new()))
        } else {
            load(conn, &shared.views, layout, &needs).await
        };
        let (docs, children) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                plan.undo(batch);
                return Err(error.into());
            }
        };
        overlay.supply(docs);
        match overlay.fold(&shared.views, &plan.touches, &children, envelope) {
            Err(failure) => plan::reject(plan, batch, failure),
            Ok(()) => match overlay.changes(&shared.views) {
                Ok(changes) => return Ok((plan, changes)),
                Err(reason) => {
                    plan.undo(batch);
                    return Err(Failure::Refused(LogError::Corrupt(reason)));
                }
            },
        }
    }
}

/// Sends the one statement. Whether the head was still where the plan took it to be.
async fn swap(
    conn: &mut PgConnection,
    batch: &[Entry],
    revision: i64,
    plan: &Plan,
    changes: &[Change],
    shared: &Shared,
    layout: &Layout,
) -> Result<bool, DbError> {
    let mut builder = Builder::new();
    builder.swap_head(revision, &plan.head)?;
    builder.events(plan)?;
    let records: Vec<_> = plan.idempotency(batch).collect();
    builder.idempotency(&records, shared.now_us())?;
    builder.changes(layout, changes, "AND EXISTS (SELECT FROM cas)")?;
    builder.finish(plan.head.position)?;
    let (sql, args) = builder.into_parts();
    let row = conn.fetch_one(sqlx::query_with(AssertSqlSafe(sql), args)).await?;
    Ok(row.try_get::<i64, _>(0)? == 1)
}

/// Commits the batch in one statement, on the assumption that nobody else writes.
pub(crate) async fn optimistic(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &Memory,
    shared: &Shared,
) -> Result<Swap, Failure> {
    let layout = shared.views.layout();
    let (plan, changes) = fold(conn, batch, memory, shared, &layout, true).await?;
    if plan.is_empty() {
        // Only a commit proves that the memory, on which everything was refused, is not stale.
        return Ok(Swap::Lost);
    }
    match swap(
        conn,
        batch,
        memory.head.revision,
        &plan,
        &changes,
        shared,
        &layout,
    )
    .await
    {
        Ok(true) => Ok(Swap::Done(Box::new(plan), changes)),
        Ok(false) => {
            plan.undo(batch);
            Ok(Swap::Lost)
        }
        // The statement was its own transaction.
        Err(DbError::Gone(reason)) => Err(Failure::Unknown {
            reason,
            plan,
            changes,
        }),
        Err(error) => {
            plan.undo(batch);
            Err(error.into())
        }
    }
}

/// Commits the batch under the head's lock, whoever else writes. Whether somebody else had written.
pub(crate) async fn locked(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &mut Memory,
    shared: &Shared,
) -> Result<(Plan, Vec<Change>, bool), Failure> {
    conn.execute("BEGIN").await.map_err(DbError::from)?;
    let result = under_lock(conn, batch, memory, shared).await;
    match result {
        Ok((plan, changes, foreign)) => match conn.execute("COMMIT").await {
            Ok(_) => Ok((plan, changes, foreign)),
            Err(error) => match DbError::from(error) {
                DbError::Gone(reason) => Err(Failure::Unknown {
                    reason,
                    plan,
                    changes,
                }),
                error @ (DbError::Duplicate(_) | DbError::NoTable(_) | DbError::Refused(_)) => {
                    plan.undo(batch);
                    Err(error.into())
                }
            },
        },
        Err(failure) => {
            // On a lost connection there is nothing to roll back.
            drop(conn.execute("ROLLBACK").await);
            Err(failure)
        }
    }
}

async fn under_lock(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &mut Memory,
    shared: &Shared,
) -> Result<(Plan, Vec<Change>, bool), Failure> {
    let head = read_head(conn, true).await?;
    let foreign = head.revision != memory.head.revision;
    if foreign {
        if head.layout != memory.head.layout {
            shared
                .views
                .set_layout(read_registry(conn, &shared.views, head.layout).await?);
        }
        memory.reset(head);
        shared.docs.invalidate();
    }
    let layout = shared.views.layout();
    if let Some(reason) = &layout.ahead {
        return Err(LogError::Unavailable {
            reason: reason.clone(),
            unknown: false,
        }
        .into());
    }
    let (plan, changes) = fold(conn, batch, memory, shared, &layout, false).await?;
    if plan.is_empty() {
        return Ok((plan, changes, foreign));
    }
    match swap(
        conn,
        batch,
        memory.head.revision,
        &plan,
        &changes,
        shared,
        &layout,
    )
    .await
    {
        Ok(true) => Ok((plan, changes, foreign)),
        Ok(false) => {
            plan.undo(batch);
            Err(LogError::Corrupt("the head moved under its lock".to_owned()).into())
        }
        // Even if the connection is lost: this transaction was not committed, and never will be.
        Err(error) => {
            plan.undo(batch);
            Err(error.into())
        }
    }
}

/// Finds out what became of a plan whose commit got no answer. Whether it was stored; if not, it never
/// will be: its swap of the head cannot succeed any more.
pub(crate) async fn resolve(conn: &mut PgConnection, plan: &Plan, batch: &[Entry]) -> Result<bool, DbError> {
    // Waits for a transaction that may still be at it, and moves the head's revision out of its reach.
    let fence = "UPDATE log_head SET revision = revision + 1 WHERE id = 1";
    run(conn, &Statement::new(fence, vec![])).await?;
    if let Some(event) = plan.events.last() {
        let sql = "SELECT leaf_hash FROM events WHERE position = $1";
        let mut found = run(conn, &Statement::new(sql, vec![event.envelope.position.into()])).await?;
        return Ok(found
            .rows
            .first_mut()
            .is_some_and(|row| row.bytes(0) == event.leaf));
    }
    let Some((record, _)) = plan.idempotency(batch).next() else {
        return Ok(false);
    };
    let sql = "SELECT fingerprint FROM idempotency WHERE scope = $1 AND key = $2";
    let args = vec![record.scope.as_str().into(), record.key.as_str().into()];
    let mut found = run(conn, &Statement::new(sql, args)).await?;
    Ok(found
        .rows
        .first_mut()
        .is_some_and(|row| row.bytes(0) == record.fingerprint))
}

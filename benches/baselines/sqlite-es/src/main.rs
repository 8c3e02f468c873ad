//! The baseline on SQLite: stock `sqlite-es` with a `GenericQuery` view, but with `synchronous=FULL` instead of
//! the `NORMAL` it opens with: an acknowledged command must survive power loss, as ours does.

#[path = "../../../src/closed_loop.rs"]
mod closed_loop;
#[path = "../../../src/rules.rs"]
mod rules;
#[path = "../../../src/sample.rs"]
mod sample;
#[path = "../../workload.rs"]
mod workload;

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Result;
use clap::Parser;
use cqrs_es::{
    CqrsFramework,
    persist::{GenericQuery, PersistedEventStore},
};
use sqlite_es::{SqliteEventRepository, SqliteViewRepository};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::workload::{Options, PolicyDocument};

/// As the migration of sqlite-es has them.
const TABLES: &str = "
CREATE TABLE events (
    aggregate_type text                          NOT NULL,
    aggregate_id   text                          NOT NULL,
    sequence       integer CHECK (sequence >= 0) NOT NULL,
    event_type     text                          NOT NULL,
    event_version  text                          NOT NULL,
    payload        text                          NOT NULL,
    metadata       text                          NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT;
CREATE TABLE policies (
    view_id text                         NOT NULL,
    version integer CHECK (version >= 0) NOT NULL,
    payload text                         NOT NULL,
    PRIMARY KEY (view_id)
) STRICT;
";

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let database = SqliteConnectOptions::from_str(&options.url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // The default of five seconds is not enough for the last of 32 writers.
        .busy_timeout(Duration::from_secs(60))
        .foreign_keys(true);
    // Ten connections, as its own pool has.
    let pool = SqlitePoolOptions::new()
        .max_connections(10)
        .connect_with(database)
        .await?;
    if options.prepare {
        sqlx::raw_sql(TABLES).execute(&pool).await?;
    }
    let views = Arc::new(SqliteViewRepository::new("policies", pool.clone()));
    let mut query = GenericQuery::<_, PolicyDocument, _>::new(views);
    // A view that fell behind is a wrong answer, not a slow one.
    query.use_error_handler(Box::new(|error| panic!("the view was not written: {error}")));
    let store = PersistedEventStore::new_event_store(SqliteEventRepository::new(pool.clone()));
    let framework = CqrsFramework::new(store, vec![Box::new(query)], ());
    if options.prepare {
        return workload::prepare(framework, options.aggregates).await;
    }
    let before = count(&pool, "events").await?;
    let sample = workload::measure(framework, &options).await?;
    workload::check(
        &options,
        before,
        count(&pool, "events").await?,
        &sample,
        count(&pool, "policies").await?,
    )?;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

async fn count(pool: &SqlitePool, table: &str) -> Result<i64> {
    Ok(sqlx::query(&format!("SELECT count(*) FROM {table}"))
        .fetch_one(pool)
        .await?
        .get(0))
}

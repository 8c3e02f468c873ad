//! The baseline on PostgreSQL: stock `postgres-es` with a `GenericQuery` view, as its documentation has it.

#[path = "../../../src/closed_loop.rs"]
mod closed_loop;
#[path = "../../../src/rules.rs"]
mod rules;
#[path = "../../../src/sample.rs"]
mod sample;
#[path = "../../workload.rs"]
mod workload;

use std::sync::Arc;

use anyhow::Result;
use clap::Parser;
use cqrs_es::{
    CqrsFramework, EventStore,
    persist::{GenericQuery, PersistedEventStore},
};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use reef_commands::Root;
use reef_domain::policy::Policy;
use sqlx::{PgPool, Row, postgres::PgPoolOptions};

use crate::workload::{Options, PolicyDocument};

/// As `db/init.sql` of postgres-es has them.
const TABLES: &str = "
CREATE TABLE events (
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE TABLE policies (
    view_id text                        NOT NULL,
    version bigint CHECK (version >= 0) NOT NULL,
    payload json                        NOT NULL,
    PRIMARY KEY (view_id)
);
";

/// Stock pools have 10 connections; that would hold 32 writers back. More than this made it slower here.
const MOST_CONNECTIONS: u32 = 64;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Measure nothing: replay this policy out of an `events` table that is there, and print its state
    #[arg(long)]
    replay: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Cli { options, replay } = Cli::parse();
    let connections = u32::try_from(options.writers)?.min(MOST_CONNECTIONS);
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .connect(&options.url)
        .await?;
    if let Some(policy) = replay {
        let store =
            PersistedEventStore::<_, Root<Policy>>::new_event_store(PostgresEventRepository::new(pool));
        let replayed = store.load_aggregate(&policy).await?;
        let state = serde_json::json!({ "sequence": replayed.current_sequence, "state": replayed.aggregate });
        println!("{state}");
        return Ok(());
    }
    if options.prepare {
        sqlx::raw_sql(TABLES).execute(&pool).await?;
    }
    let views = Arc::new(PostgresViewRepository::new("policies", pool.clone()));
    let mut query = GenericQuery::<_, PolicyDocument, _>::new(views);
    // A view that fell behind is a wrong answer, not a slow one.
    query.use_error_handler(Box::new(|error| panic!("the view was not written: {error}")));
    let store = PersistedEventStore::new_event_store(PostgresEventRepository::new(pool.clone()));
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

async fn count(pool: &PgPool, table: &str) -> Result<i64> {
    Ok(sqlx::query(&format!("SELECT count(*) FROM {table}"))
        .fetch_one(pool)
        .await?
        .get(0))
}

//! What both stock stores are asked to do: the same aggregate, commands, metadata and document as ours.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use clap::Parser;
use cqrs_es::{CqrsFramework, EventEnvelope, EventStore, View};
use reef_commands::{Fact, Root};
use reef_domain::{
    PolicyId,
    policy::{Origin, Policy, PolicyCommand, PolicyEvent},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    closed_loop::{Turn, closed_loop},
    rules,
    sample::Sample,
};

#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// Where the database is
    #[arg(long)]
    pub(crate) url: String,
    /// Policies made beforehand; each writer changes its own in turn
    #[arg(long, default_value_t = 0)]
    pub(crate) aggregates: usize,
    /// Writers, each with one command under way
    #[arg(long, default_value_t = 1)]
    pub(crate) writers: usize,
    #[arg(long, default_value_t = 1)]
    pub(crate) seconds: u64,
    /// Make tables and policies, and measure nothing
    #[arg(long)]
    pub(crate) prepare: bool,
}

/// The document of a policy, as our own view has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PolicyDocument {
    id: String,
    account_id: String,
    user_id: String,
    name: String,
    rules: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl View<Root<Policy>> for PolicyDocument {
    fn update(&mut self, event: &EventEnvelope<Root<Policy>>) {
        let Fact(event) = &event.payload;
        self.updated_at = Utc::now();
        match event {
            PolicyEvent::Created {
                policy_id,
                account_id,
                user_id,
                name,
                rules,
                ..
            } => {
                *self = Self {
                    id: policy_id.to_string(),
                    account_id: account_id.to_string(),
                    user_id: user_id.to_string(),
                    name: name.clone(),
                    rules: rules.clone(),
                    created_at: self.updated_at,
                    updated_at: self.updated_at,
                };
            }
            PolicyEvent::Updated { name, rules } => {
                self.name = name.clone().unwrap_or_else(|| std::mem::take(&mut self.name));
                self.rules = rules.clone().unwrap_or_else(|| std::mem::take(&mut self.rules));
            }
            PolicyEvent::Deleted {} => {}
        }
    }
}

type Framework<S> = CqrsFramework<Root<Policy>, S>;

/// Makes the policies, as fast as the store lets 32 writers.
pub(crate) async fn prepare<S>(framework: Framework<S>, aggregates: usize) -> Result<()>
where
    S: EventStore<Root<Policy>> + 'static,
    S::AC: Send,
{
    const MAKERS: usize = 32;
    let framework = Arc::new(framework);
    let mut makers = JoinSet::new();
    for first in 0..MAKERS {
        let framework = Arc::clone(&framework);
        makers.spawn(async move {
            for index in (first..aggregates).step_by(MAKERS) {
                let id = policy_id(index);
                let create = PolicyCommand::Create {
                    policy_id: PolicyId::new(id.as_str()),
                    account_id: "acc_bench".into(),
                    user_id: "usr_bench".into(),
                    name: "Bench".to_owned(),
                    rules: rules::text(index, 0),
                    origin: Origin::Manual,
                };
                framework.execute_with_metadata(&id, create, metadata()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = makers.join_next().await {
        done??;
    }
    Ok(())
}

/// Changes policies, each writer its own ones in turn.
pub(crate) async fn measure<S>(framework: Framework<S>, options: &Options) -> Result<Sample>
where
    S: EventStore<Root<Policy>> + 'static,
    S::AC: Send,
{
    let (writers, aggregates) = (options.writers, options.aggregates);
    let framework = Arc::new(framework);
    // Texts of an earlier round would change nothing, and so cost nothing.
    let salt = usize::try_from(Utc::now().timestamp_millis())?;
    closed_loop(
        writers,
        Duration::from_secs(options.seconds),
        move |turn: Turn| {
            let framework = Arc::clone(&framework);
            async move {
                let index = turn.own(writers, aggregates);
                let update = PolicyCommand::Update {
                    name: None,
                    rules: Some(rules::text(index, salt + turn.number)),
                };
                framework
                    .execute_with_metadata(&policy_id(index), update, metadata())
                    .await?;
                Ok(())
            }
        },
    )
    .await
}

/// Every acknowledged command is an event, and every policy has its document.
pub(crate) fn check(
    options: &Options,
    before: i64,
    after: i64,
    sample: &Sample,
    documents: i64,
) -> Result<()> {
    let operations = i64::try_from(sample.operations)?;
    ensure!(
        after - before == operations,
        "{operations} acknowledged, {} events",
        after - before
    );
    ensure!(
        documents == i64::try_from(options.aggregates)?,
        "{documents} documents"
    );
    Ok(())
}

fn policy_id(index: usize) -> String {
    format!("pol_bench{index:06}")
}

/// The metadata our own events carry.
fn metadata() -> HashMap<String, String> {
    let entries = [
        ("event_id", "0197a2f4-5c1e-7b63-9a0d-3f6f8f1f2a3b"),
        ("actor", "api_key:key_bench001"),
        ("dialect", "native"),
        ("correlation_id", "bench"),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

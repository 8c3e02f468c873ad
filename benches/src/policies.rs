//! What the append workloads do: policies, and `UpdatePolicy` through the command bus, each once under an
//! idempotency key of its own.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use reef_commands::{
    Answer, Bus, Caller, Request,
    account::RegisterAccount,
    policy::{CreatePolicy, UpdatePolicy},
};
use reef_domain::{AccountId, Actor, ActorKind, Dialect, PolicyId, UserId, account::Account, policy::Policy};
use tokio::task::JoinSet;

use crate::{closed_loop::Turn, rules};

/// Policies of one node; the same number for every contender.
pub(crate) const AGGREGATES: usize = 8_192;
/// Commands under way while they are made.
const MAKERS: usize = 256;

/// Policies of one account, as one caller changes them.
pub(crate) struct Policies {
    bus: Bus,
    caller: Caller,
    ids: Vec<PolicyId>,
    /// Keys and texts of an earlier run would change nothing.
    salt: usize,
}

impl Policies {
    /// Opens an account for the caller of that name, unless it is there, and as many policies as every
    /// contender has; their states are in memory afterwards.
    pub(crate) async fn prepare(bus: Bus, name: &str) -> Result<Self> {
        Self::make(bus, name, AGGREGATES).await
    }

    /// The same with another number of policies.
    pub(crate) async fn make(bus: Bus, name: &str, count: usize) -> Result<Self> {
        let account_id = AccountId::from(format!("acc_bench{name}"));
        let user_id = UserId::from(format!("usr_bench{name}"));
        let caller = Caller {
            actor: Actor::new(ActorKind::ApiKey, format!("key_bench{name}")),
            account_id: Some(account_id.clone()),
            user_id: Some(user_id.clone()),
            dialect: Dialect::Native,
            scopes: vec!["*".to_owned()],
        };
        if bus.state::<Account>(&account_id).await?.is_none() {
            let register = RegisterAccount {
                name: "Bench".to_owned(),
                owner_email: format!("bench-{name}@example.com"),
                dialect: Dialect::Native,
                plan: None,
                account_id: Some(account_id),
                user_id: Some(user_id),
            };
            bus.execute(&register, Request::new(Caller::operator(), "bench"))
                .await?;
        }
        let ids = (0..count)
            .map(|index| PolicyId::from(format!("pol_{name}{index:06}")))
            .collect();
        let salt = usize::try_from(Utc::now().timestamp_millis())?;
        let policies = Self {
            bus,
            caller,
            ids,
            salt,
        };
        let policies = Arc::new(policies);
        let mut makers = JoinSet::new();
        for first in 0..MAKERS {
            let policies = Arc::clone(&policies);
            makers.spawn(async move {
                for index in (first..policies.ids.len()).step_by(MAKERS) {
                    policies.create(index).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = makers.join_next().await {
            done??;
        }
        Arc::into_inner(policies).context("every maker has ended")
    }

    /// Makes one, unless an earlier run did.
    async fn create(&self, index: usize) -> Result<()> {
        if self.bus.state::<Policy>(&self.ids[index]).await?.is_some() {
            return Ok(());
        }
        let create = CreatePolicy {
            name: "Bench".to_owned(),
            rules: rules::text(index, 0),
            policy_id: Some(self.ids[index].clone()),
            ..CreatePolicy::default()
        };
        self.bus
            .execute(&create, Request::new(self.caller.clone(), "bench"))
            .await?;
        Ok(())
    }

    /// Changes the policy whose turn it is.
    pub(crate) async fn revise(&self, turn: Turn, writers: usize) -> Result<Answer> {
        self.update(turn.own(writers, self.ids.len()), turn.number + 1)
            .await
    }

    /// Changes one; `version` is another one every time.
    pub(crate) async fn update(&self, index: usize, version: usize) -> Result<Answer> {
        let version = self.salt + version;
        let update = UpdatePolicy {
            policy_id: self.ids[index].clone(),
            name: None,
            rules: Some(rules::text(index, version)),
        };
        let request = Request::new(self.caller.clone(), "bench").once(format!("bench-{index}-{version}"));
        let answer = self.bus.execute(&update, request).await?;
        ensure!(
            answer.events.len() == 1 && !answer.replayed,
            "one command is one event: {answer:?}"
        );
        Ok(answer)
    }
}

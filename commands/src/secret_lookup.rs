//! Finds the secrets an agent may use, at the moment it needs them.
//!
//! On the shared runtime of a Tropic account a user's secrets are synced when that starts (contract,
//! save-claude-key): its agents have the values of then, and before the first start none. The secrets of a shared
//! runtime of a Thermidora account are its environment (contract, store-secrets): its agents have the values of its
//! last start or restart.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reef_domain::{
    AgentId, Dialect, RuntimeId, VaultRef,
    account::Account,
    agent::Agent,
    runtime::{Runtime, Tenancy},
    secret,
};
use zeroize::Zeroizing;

use crate::{
    Bus, CommandError,
    ports::{
        DriverError, VaultError, VaultOwner,
        runtime::{EnvironmentAt, EnvironmentLookup, ModelSecret, SecretLookup},
    },
};

/// Looks secrets up by name: the agent's own, else its runtime's, its owner's, its account's.
pub struct Secrets(Bus);

impl Secrets {
    /// Over this bus.
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    async fn find(&self, owner: &str, name: &str, synced: bool) -> Result<Option<ModelSecret>, CommandError> {
        let Some(secrets) = self.0.state::<secret::Secrets>(owner).await? else {
            return Ok(None);
        };
        let known = if synced {
            secrets.in_force.as_ref()
        } else {
            Some(&secrets.names)
        };
        // Of a runtime they are environment variables, which are written in capitals.
        let capitals = name.to_ascii_uppercase();
        let is_runtime = owner.starts_with("runtime/");
        let place = known.and_then(|values| {
            let variable = values.get(&capitals).filter(|_| is_runtime);
            values.get(name).or(variable)
        });
        match place {
            Some(place) => self.value(owner, place).await,
            None => Ok(None),
        }
    }

    async fn value(&self, owner: &str, place: &VaultRef) -> Result<Option<ModelSecret>, CommandError> {
        let owner = VaultOwner(owner.to_owned());
        match self.0.services().vault.get(&owner, place).await {
            Ok(value) => Ok(Some(ModelSecret(Zeroizing::new(
                String::from_utf8_lossy(&value).into_owned(),
            )))),
            // Removed between the two reads.
            Err(VaultError::Absent | VaultError::Destroyed) => Ok(None),
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => Err(error.into()),
        }
    }
}

impl Secrets {
    /// Whether the agent has its user's secrets, and its runtime's, as of the last start of that.
    async fn has_synced(&self, agent: &Agent) -> Result<(bool, bool), CommandError> {
        match &agent.account_id {
            Some(account) if agent.tenancy == Tenancy::Shared => {
                let account = self.0.state::<Account>(account).await?;
                let dialect = account.map(|account| account.dialect);
                Ok((
                    dialect.is_some_and(syncs_secrets),
                    dialect.is_some_and(syncs_environment),
                ))
            }
            Some(_) | None => Ok((false, false)),
        }
    }
}

impl Secrets {
    async fn variables(
        &self,
        runtime: &RuntimeId,
        at: EnvironmentAt,
    ) -> Result<Option<BTreeMap<String, ModelSecret>>, CommandError> {
        let state = self.0.state::<Runtime>(runtime).await?;
        let account = state
            .filter(|runtime| runtime.tenancy == Tenancy::Shared)
            .and_then(|runtime| runtime.account_id.clone());
        let Some(account) = account else { return Ok(None) };
        let account = self.0.state::<Account>(&account).await?;
        if !account.is_some_and(|account| syncs_environment(account.dialect)) {
            return Ok(None);
        }
        let owner = format!("runtime/{runtime}");
        let secrets = self.0.state::<secret::Secrets>(&owner).await?;
        let known = secrets.as_ref().and_then(|secrets| match at {
            EnvironmentAt::LastStart => secrets.in_force.as_ref(),
            EnvironmentAt::NextStart => Some(&secrets.names),
        });
        let mut variables = BTreeMap::new();
        for (name, place) in known.into_iter().flatten() {
            if let Some(value) = self.value(&owner, place).await? {
                variables.insert(name.clone(), value);
            }
        }
        Ok(Some(variables))
    }
}

#[async_trait]
impl EnvironmentLookup for Secrets {
    async fn environment(
        &self,
        runtime: &RuntimeId,
        at: EnvironmentAt,
    ) -> Result<Option<BTreeMap<String, ModelSecret>>, DriverError> {
        let variables = self.variables(runtime, at).await;
        variables.map_err(|error| DriverError::Transient(error.to_string()))
    }
}

/// Whether the secrets of a shared runtime are the environment of its processes: they reach it when those start, and
/// a change has them restarted.
pub(crate) fn syncs_environment(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Thermidora => true,
        Dialect::Native | Dialect::Tropic | Dialect::Agentbot | Dialect::Expressclaw | Dialect::Agento => {
            false
        }
    }
}

/// Whether users' secrets reach their shared runtime when that starts, instead of at once.
pub(crate) fn syncs_secrets(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Tropic => true,
        Dialect::Native
        | Dialect::Agentbot
        | Dialect::Thermidora
        | Dialect::Expressclaw
        | Dialect::Agento => false,
    }
}

#[async_trait]
impl SecretLookup for Secrets {
    async fn secret(&self, agent_id: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError> {
        let transient = |error: CommandError| DriverError::Transient(error.to_string());
        let agent = self.0.state::<Agent>(agent_id).await;
        let Some(agent) = agent.map_err(|error| transient(error.into()))? else {
            return Ok(None);
        };
        let (user_synced, runtime_synced) = self.has_synced(&agent).await.map_err(transient)?;
        let at_once = |owner: String| (owner, false);
        let owners = [
            Some(at_once(format!("agent/{agent_id}"))),
            agent
                .runtime_id
                .as_ref()
                .map(|id| (format!("runtime/{id}"), runtime_synced)),
            agent
                .owner_user_id
                .as_ref()
                .map(|id| (format!("user/{id}"), user_synced)),
            agent
                .account_id
                .as_ref()
                .map(|id| at_once(format!("account/{id}"))),
        ];
        for (owner, synced) in owners.into_iter().flatten() {
            if let Some(found) = self.find(&owner, name, synced).await.map_err(transient)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

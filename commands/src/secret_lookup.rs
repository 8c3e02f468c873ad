//! Finds the secrets an agent may use, at the moment it needs them.

use async_trait::async_trait;
use reef_domain::{AgentId, agent::Agent, secret};
use zeroize::Zeroizing;

use crate::{
    Bus, CommandError,
    ports::{DriverError, VaultError, VaultOwner, runtime::ModelSecret, runtime::SecretLookup},
};

/// Looks secrets up by name: the agent's own, else its runtime's, its owner's, its account's.
pub struct Secrets(Bus);

impl Secrets {
    /// Over this bus.
    pub fn new(bus: Bus) -> Self {
        Self(bus)
    }

    async fn find(&self, owner: &str, name: &str) -> Result<Option<ModelSecret>, CommandError> {
        let Some(secrets) = self.0.state::<secret::Secrets>(owner).await? else {
            return Ok(None);
        };
        let Some(reference) = secrets.names.get(name) else {
            return Ok(None);
        };
        let owner = VaultOwner(owner.to_owned());
        match self.0.services().vault.get(&owner, reference).await {
            Ok(value) => Ok(Some(ModelSecret(Zeroizing::new(
                String::from_utf8_lossy(&value).into_owned(),
            )))),
            // Removed between the two reads.
            Err(VaultError::Absent | VaultError::Destroyed) => Ok(None),
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => Err(error.into()),
        }
    }
}

#[async_trait]
impl SecretLookup for Secrets {
    async fn secret(&self, agent_id: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError> {
        let transient = |error: CommandError| DriverError::Transient(error.to_string());
        let Some(agent) = self.0.state::<Agent>(agent_id).await.map_err(transient)? else {
            return Ok(None);
        };
        let owners = [
            Some(format!("agent/{agent_id}")),
            agent.runtime_id.as_ref().map(|id| format!("runtime/{id}")),
            agent.owner_user_id.as_ref().map(|id| format!("user/{id}")),
            agent.account_id.as_ref().map(|id| format!("account/{id}")),
        ];
        for owner in owners.into_iter().flatten() {
            if let Some(found) = self.find(&owner, name).await.map_err(transient)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

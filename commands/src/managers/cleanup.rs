//! Clean-up: removes what belonged to something that is gone. A deleted agent is only then said to be
//! gone; a destroyed runtime loses its skills, its secrets and the webhooks that were about it; a deleted webhook its secrets; a private key
//! that was given away and a replaced or removed secret is wiped from the vault; an
//! agent that was given a policy while that was being deleted loses it.
//!
//! Each step may run again; an agent's data key goes last but one, so that nothing sealed outlives it.

mod leftovers;

use async_trait::async_trait;
use reef_domain::{
    AccountId, AgentId, Envelope, VaultRef,
    agent::{Agent, AgentCommand},
    conversation::{Conversation, ConversationCommand},
    runtime::{Runtime, RuntimeCommand, RuntimeStatus, Tenancy},
    secret::{OwnerKind, SecretOwner, Secrets, SecretsCommand},
    skill_installation::{SkillInstallations, SkillInstallationsCommand, SkillOwner},
};
use reef_projections::Filter;

use super::{Context, spec_of};
use crate::{
    Answer, CommandError,
    follower::{Cause, EffectError, Intent, ProcessManager},
    ports::{VaultError, VaultOwner},
    runtime::key_owner,
    webhook::{delete_webhooks_of, vault_owner},
};

pub use leftovers::Leftover;

/// Name of the manager.
pub const NAME: &str = "cleanup";

/// The clean-up manager.
pub struct Cleanup(Context);

impl Cleanup {
    async fn wipe(&self, owner: &VaultOwner, value: &VaultRef) -> Result<(), EffectError> {
        match self.0.bus.services().vault.remove(owner, value).await {
            Ok(()) | Err(VaultError::Destroyed | VaultError::Absent) => Ok(()),
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => Err(error.into()),
        }
    }

    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ProcessManager for Cleanup {
    type Action = Leftover;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Leftover>> {
        leftovers::of(envelope).into_iter().collect()
    }

    async fn perform(&self, leftover: &Leftover, cause: &Cause) -> Result<(), EffectError> {
        match leftover {
            Leftover::Agent(id) => self.remove_agent(id, cause).await,
            Leftover::Runtime(id) => {
                let Some(runtime) = self.0.runtime(id).await? else {
                    return Ok(());
                };
                let key = runtime.ssh_key.and_then(|key| key.private_key);
                if let (Some(owner), Some(key)) = (&runtime.owner_user_id, &key) {
                    self.wipe(&key_owner(owner), key).await?;
                }
                self.purge_skills(&SkillOwner::Runtime(id.clone()), cause).await?;
                delete_webhooks_of(&self.0.bus, id, |webhook| cause.request(webhook)).await?;
                self.purge_secrets(
                    runtime.account_id,
                    &SecretOwner::new(OwnerKind::Runtime, id),
                    cause,
                )
                .await
            }
            Leftover::Webhook(id) => {
                let services = self.0.bus.services();
                services.log.forget_idempotent(Some(id.as_str()), None).await?;
                Ok(services.vault.destroy(&vault_owner(id)).await?)
            }
            Leftover::Values(owner, values) => {
                let owner = VaultOwner(owner.clone());
                for value in values {
                    self.wipe(&owner, value).await?;
                }
                Ok(())
            }
            Leftover::SshKey(id, value) => {
                let runtime = self.0.runtime(id).await?;
                match runtime.and_then(|runtime| runtime.owner_user_id) {
                    Some(owner) => self.wipe(&key_owner(&owner), value).await,
                    None => Ok(()),
                }
            }
            Leftover::Policy(id) => leftovers::detach_everywhere(&self.0, id, cause).await,
        }
    }
}

impl Cleanup {
    async fn remove_agent(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        let Some(agent) = self.0.bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        self.purge_conversations(id, cause).await?;
        let services = self.0.bus.services();
        services.workspace.purge(id).await?;
        self.purge_skills(&SkillOwner::Agent(id.clone()), cause).await?;
        self.purge_secrets(
            agent.account_id.clone(),
            &SecretOwner::new(OwnerKind::Agent, id),
            cause,
        )
        .await?;
        services.log.forget_idempotent(Some(id.as_str()), None).await?;
        // Last: a runtime that does not answer must not keep what is to be deleted for good.
        self.leave_runtime(id, &agent, cause).await?;
        gone_is_fine(
            self.0
                .bus
                .decide::<Agent>(id, AgentCommand::FinishDeletion, &cause.request("finish"))
                .await,
        )
    }

    /// Forgets the names and destroys the owner's data key with every value.
    async fn purge_secrets(
        &self,
        account_id: Option<AccountId>,
        owner: &SecretOwner,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let stream = owner.to_string();
        if let Some(account_id) = account_id {
            let purge = SecretsCommand::Purge {
                account_id,
                owner: owner.clone(),
            };
            gone_is_fine(
                self.0
                    .bus
                    .decide::<Secrets>(&stream, purge, &cause.request("secrets"))
                    .await,
            )?;
        }
        Ok(self.0.bus.services().vault.destroy(&VaultOwner(stream)).await?)
    }

    /// Forgets the owner's skills; their contents go with the data key.
    async fn purge_skills(&self, owner: &SkillOwner, cause: &Cause) -> Result<(), EffectError> {
        let purge = SkillInstallationsCommand::Purge;
        let request = cause.request("skills");
        let purged = self
            .0
            .bus
            .decide::<SkillInstallations>(owner.to_string(), purge, &request);
        gone_is_fine(purged.await)
    }

    async fn leave_runtime(&self, id: &AgentId, agent: &Agent, cause: &Cause) -> Result<(), EffectError> {
        let Some(runtime_id) = &agent.runtime_id else {
            return Ok(());
        };
        let Some(runtime) = self.0.runtime(runtime_id).await? else {
            return Ok(());
        };
        if agent.tenancy == Tenancy::Dedicated {
            let destroy = RuntimeCommand::Destroy;
            return gone_is_fine(
                self.0
                    .bus
                    .decide::<Runtime>(runtime_id, destroy, &cause.request("destroy"))
                    .await,
            );
        }
        // A stopped runtime is told at its next start: what is no longer pushed is no longer there.
        if let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Running) {
            self.0
                .driver(&runtime.provider)?
                .remove_agent(&spec, id, &cause.token())
                .await?;
        }
        Ok(())
    }

    async fn purge_conversations(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        for conversation in self
            .0
            .ids("conversations", vec![Filter::Parent(id.to_string())])
            .await?
        {
            let purge = ConversationCommand::Purge;
            let request = cause.request(&conversation);
            gone_is_fine(
                self.0
                    .bus
                    .decide::<Conversation>(&conversation, purge, &request)
                    .await,
            )?;
        }
        Ok(())
    }
}

/// What is gone already needs no removing.
fn gone_is_fine(result: Result<Answer, CommandError>) -> Result<(), EffectError> {
    match result {
        Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

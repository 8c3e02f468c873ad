//! Clean-up: removes everything that belonged to a deleted agent, then says that it is gone.
//!
//! Each step may run again; the data key goes last but one, so that nothing sealed outlives it.

use async_trait::async_trait;
use reef_domain::{
    AgentId, AnyEvent, Envelope,
    agent::{Agent, AgentCommand, AgentEvent},
    conversation::{Conversation, ConversationCommand},
    runtime::{Runtime, RuntimeCommand, RuntimeStatus, Tenancy},
    secret::{OwnerKind, SecretOwner, Secrets, SecretsCommand},
};
use reef_projections::Filter;

use super::{Context, spec_of};
use crate::{
    Answer, CommandError,
    follower::{Cause, EffectError, Intent, ProcessManager},
    ports::VaultOwner,
};

/// Name of the manager.
pub const NAME: &str = "cleanup";

/// The clean-up manager.
pub struct Cleanup(Context);

impl Cleanup {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ProcessManager for Cleanup {
    /// The deleted agent.
    type Action = AgentId;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<AgentId>> {
        if let AnyEvent::Agent(AgentEvent::DeletionStarted {}) = &envelope.event {
            let agent = AgentId::new(std::sync::Arc::clone(&envelope.aggregate_id));
            return vec![Intent::new(format!("agent/{agent}"), "clean-up", agent)];
        }
        Vec::new()
    }

    async fn perform(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        let Some(agent) = self.0.bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        self.leave_runtime(id, &agent, cause).await?;
        self.purge_conversations(id, cause).await?;
        if let Some(account_id) = agent.account_id.clone() {
            let owner = SecretOwner {
                kind: OwnerKind::Agent,
                id: id.to_string(),
            };
            let purge = SecretsCommand::Purge { account_id, owner };
            let stream = format!("agent/{id}");
            gone_is_fine(
                self.0
                    .bus
                    .decide::<Secrets>(&stream, purge, &cause.request("secrets"))
                    .await,
            )?;
        }
        let services = self.0.bus.services();
        services.workspace.purge(id).await?;
        services.vault.destroy(&VaultOwner::new("agent", id)).await?;
        services.log.forget_idempotent(Some(id.as_str()), None).await?;
        gone_is_fine(
            self.0
                .bus
                .decide::<Agent>(id, AgentCommand::FinishDeletion, &cause.request("finish"))
                .await,
        )
    }
}

impl Cleanup {
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

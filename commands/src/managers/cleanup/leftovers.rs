//! What an event leaves behind that has to be removed.

use std::sync::Arc;

use reef_domain::{
    AgentId, AnyEvent, Decider, Envelope, PolicyId, RuntimeId, VaultRef, WebhookId,
    agent::{Agent, AgentCommand, AgentEvent},
    policy::PolicyEvent,
    runtime::RuntimeEvent,
    secret::SecretsEvent,
    webhook::WebhookEvent,
};
use reef_projections::Filter;

use super::gone_is_fine;
use crate::{
    Outcome,
    follower::{Cause, EffectError, Intent},
    managers::Context,
    webhook::vault_owner,
};

/// Something to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A deleted agent with all that was its own.
    Agent(AgentId),
    /// The secrets of a destroyed runtime, and the webhooks that were about it.
    Runtime(RuntimeId),
    /// Values in the vault, of that owner, which no secret refers to any more.
    Values(String, Vec<VaultRef>),
    /// The private key of a runtime, which was given away.
    SshKey(RuntimeId, VaultRef),
    /// The secrets of a deleted webhook.
    Webhook(WebhookId),
    /// References to a deleted policy.
    Policy(PolicyId),
}

/// What the event leaves behind.
pub(super) fn of(envelope: &Envelope) -> Option<Intent<Leftover>> {
    let id = &envelope.aggregate_id;
    if let AnyEvent::Agent(AgentEvent::DeletionStarted {}) = &envelope.event {
        let agent = AgentId::new(Arc::clone(id));
        return Some(Intent::new(
            format!("agent/{agent}"),
            "clean-up",
            Leftover::Agent(agent),
        ));
    }
    if let AnyEvent::Runtime(RuntimeEvent::Destroyed { .. }) = &envelope.event {
        let runtime = RuntimeId::new(Arc::clone(id));
        return Some(Intent::new(
            format!("runtime/{runtime}"),
            "secrets",
            Leftover::Runtime(runtime),
        ));
    }
    if let AnyEvent::Runtime(RuntimeEvent::SshKeyRevealed { private_key }) = &envelope.event {
        let runtime = RuntimeId::new(Arc::clone(id));
        return Some(Intent::new(
            format!("ssh-key/{runtime}"),
            "wipe",
            Leftover::SshKey(runtime, private_key.clone()),
        ));
    }
    if let AnyEvent::Policy(PolicyEvent::Deleted {}) = &envelope.event {
        let policy = PolicyId::new(Arc::clone(id));
        return Some(Intent::new(
            format!("policy/{policy}"),
            "detach",
            Leftover::Policy(policy),
        ));
    }
    if let AnyEvent::Webhook(event) = &envelope.event {
        return of_webhook(event, &WebhookId::new(Arc::clone(id)));
    }
    let AnyEvent::Secrets(event) = &envelope.event else {
        return None;
    };
    let values: Vec<VaultRef> = match event {
        SecretsEvent::Stored { replaced, .. } => replaced.iter().cloned().collect(),
        SecretsEvent::Removed {
            vault_ref, in_force, ..
        } => [vault_ref].into_iter().chain(in_force).cloned().collect(),
        SecretsEvent::Synced { dropped, .. } => dropped.clone(),
        // Whoever purges destroys the owner's data key.
        SecretsEvent::Purged { .. } => return None,
    };
    if values.is_empty() {
        return None;
    }
    Some(Intent::new(
        format!("secret/{id}"),
        "wipe",
        Leftover::Values(id.to_string(), values),
    ))
}

/// What nothing is signed with any more.
fn of_webhook(event: &WebhookEvent, id: &WebhookId) -> Option<Intent<Leftover>> {
    let values = match event {
        WebhookEvent::SecretRotated { dropped, .. } => dropped.clone(),
        WebhookEvent::SecretRetired { dropped } => vec![dropped.clone()],
        WebhookEvent::Deleted {} => {
            let leftover = Leftover::Webhook(id.clone());
            return Some(Intent::new(format!("webhook/{id}"), "secrets", leftover));
        }
        WebhookEvent::Created { .. }
        | WebhookEvent::Updated { .. }
        | WebhookEvent::Enabled { .. }
        | WebhookEvent::Disabled { .. }
        | WebhookEvent::Tested { .. }
        | WebhookEvent::ReplayRequested { .. }
        | WebhookEvent::ResendRequested { .. } => return None,
    };
    let wipe = || {
        let leftover = Leftover::Values(vault_owner(id).0, values.clone());
        Intent::new(format!("webhook/{id}"), "wipe", leftover)
    };
    (!values.is_empty()).then(wipe)
}

/// Deleting a policy detaches it in the same append from every agent that has it then. One that was
/// given it at that very moment is found here.
pub(super) async fn detach_everywhere(
    context: &Context,
    policy: &PolicyId,
    cause: &Cause,
) -> Result<(), EffectError> {
    let filters = vec![Filter::Field("policy_id".to_owned(), policy.to_string())];
    for agent in context.ids("agents", filters).await? {
        let request = cause.request(&agent);
        let detached = context.bus.transact(&request, |unit| {
            let (agent, policy) = (agent.clone(), policy.clone());
            Box::pin(async move {
                let loaded = unit.load::<Agent>(&agent).await?;
                if loaded.policy_id.as_ref() == Some(&policy) && !loaded.is_gone() {
                    unit.decide::<Agent>(&agent, AgentCommand::DetachPolicy).await?;
                }
                Ok(Outcome::of::<Agent>(&agent))
            })
        });
        gone_is_fine(detached.await)?;
    }
    Ok(())
}

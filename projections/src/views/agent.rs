//! Agents.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Decider, Envelope, PolicyId, RuntimeId, TemplateId, UserId,
    agent::{Agent, AgentEvent, AgentStatus},
    runtime::Tenancy,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{Document, Projection, Source, Touch};

/// An agent as it is read. With the beginning of its deletion it is gone for every reader; what has still
/// to be cleaned up is known to the clean-up from the agent itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentDoc {
    /// Its id.
    pub id: AgentId,
    /// Who pays.
    pub account_id: AccountId,
    /// Whose it is within the account.
    pub owner_user_id: Option<UserId>,
    /// What its owner calls it.
    pub name: String,
    /// Its name in addresses; null: it has none.
    pub slug: Option<String>,
    /// What it is called where it speaks; null: by its name.
    pub display_name: Option<String>,
    /// The template it was made of.
    pub template_id: Option<TemplateId>,
    /// The policy attached to it.
    pub policy_id: Option<PolicyId>,
    /// What is in force on its runtime; null: nothing was pushed yet.
    pub pushed: Option<PushedDoc>,
    /// Where it runs or will run; null: it waits for its owner's shared runtime.
    pub runtime_id: Option<RuntimeId>,
    /// Whether the runtime is its own.
    pub tenancy: Tenancy,
    /// Model asked for.
    pub model: String,
    /// Skills by name.
    pub skills: Vec<String>,
    /// Where it is in its life.
    pub status: AgentStatus,
    /// The failure it is in.
    pub last_error: Option<Failure>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When anything about it changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was last seen coming up.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was last stopped.
    pub stopped_at: Option<DateTime<Utc>>,
}

/// What an agent's runtime was given last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushedDoc {
    /// The policy it had then, whose rules of that time are in force.
    pub policy_id: Option<PolicyId>,
    /// In which run of the runtime.
    pub run: u32,
    /// The revision of its workspace files then; null: it had none of its owner's.
    pub files: Option<u64>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Document for AgentDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of agents.
#[derive(Debug)]
pub struct Agents;

impl Projection for Agents {
    type Doc = AgentDoc;
    const NAME: &'static str = "agents";
    const VERSION: u32 = 3;
    const FILTERS: &'static [&'static str] =
        &["owner_user_id", "policy_id", "runtime_id", "slug", "template_id"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Agent(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<AgentDoc>, envelope: &Envelope) -> Option<AgentDoc> {
        let AnyEvent::Agent(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if matches!(event, AgentEvent::Created { .. }) {
            return created(event, at);
        }
        let mut doc = doc?;
        doc.updated_at = at;
        match event {
            AgentEvent::Created { .. } => {}
            AgentEvent::Deployed { runtime_id, tenancy } => {
                doc.runtime_id.clone_from(runtime_id);
                doc.tenancy = *tenancy;
                doc.status = AgentStatus::Provisioning;
            }
            AgentEvent::Placed { runtime_id } => doc.runtime_id = Some(runtime_id.clone()),
            AgentEvent::StartRequested {} => {
                doc.status = AgentStatus::Provisioning;
                doc.last_error = None;
            }
            AgentEvent::Started {} => {
                doc.status = AgentStatus::Running;
                doc.started_at = Some(at);
            }
            AgentEvent::Restarted {} => doc.status = AgentStatus::Running,
            AgentEvent::Failed { code, reason } => {
                doc.status = AgentStatus::Failed;
                doc.last_error = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                });
            }
            AgentEvent::Stopped { .. } => {
                doc.status = AgentStatus::Stopped;
                doc.last_error = None;
                doc.stopped_at = Some(at);
            }
            AgentEvent::Updated {
                name,
                display_name,
                model,
            } => {
                if let Some(name) = name {
                    doc.name.clone_from(name);
                }
                if display_name.is_some() {
                    doc.display_name.clone_from(display_name);
                }
                if let Some(model) = model {
                    doc.model.clone_from(model);
                }
            }
            AgentEvent::PolicyAttached { policy_id } => doc.policy_id = Some(policy_id.clone()),
            AgentEvent::PolicyDetached {} => doc.policy_id = None,
            AgentEvent::Pushed {
                run,
                policy_id,
                files,
                ..
            } => {
                doc.pushed = Some(PushedDoc {
                    policy_id: policy_id.clone(),
                    run: *run,
                    files: *files,
                    at,
                });
            }
            AgentEvent::DeletionStarted {} | AgentEvent::Deleted {} => return None,
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Agent::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

fn created(event: &AgentEvent, at: DateTime<Utc>) -> Option<AgentDoc> {
    let AgentEvent::Created {
        agent_id,
        account_id,
        owner_user_id,
        name,
        slug,
        display_name,
        template_id,
        policy_id,
        bundle,
    } = event
    else {
        return None;
    };
    Some(AgentDoc {
        id: agent_id.clone(),
        account_id: account_id.clone(),
        owner_user_id: owner_user_id.clone(),
        name: name.clone(),
        slug: slug.clone(),
        display_name: display_name.clone(),
        template_id: template_id.clone(),
        policy_id: policy_id.clone(),
        pushed: None,
        runtime_id: None,
        tenancy: Tenancy::default(),
        model: bundle.agent.model.clone(),
        skills: bundle.agent.skills.clone(),
        status: AgentStatus::Defined,
        last_error: None,
        created_at: at,
        updated_at: at,
        started_at: None,
        stopped_at: None,
    })
}

#[cfg(test)]
mod tests;

//! Agent: a configured AI worker with its model, files, skills and policy.
//!
//! **Invariants:** an agent is `Running` only because its runtime said so; once its deletion has started
//! it only ever becomes deleted. Beyond the canonical machine, a running agent that is started, or a
//! stopped one that is stopped, yields nothing.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AgentId, AnyEvent, Decider, PolicyId, RuntimeId, TemplateId, UserId, runtime::Tenancy,
    template::Bundle, text,
};

mod command;
mod description;
mod event;
mod kinds;
mod refusal;

pub use command::AgentCommand;
pub use event::AgentEvent;
pub use kinds::{AgentStatus, AgentStopReason, Pushed};
pub use refusal::AgentRefusal;

/// An agent, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id, once it was created.
    pub agent_id: Option<AgentId>,
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// Whose it is within the account.
    pub owner_user_id: Option<UserId>,
    /// What its owner calls it.
    pub name: String,
    /// Its name in addresses, fixed; unique on its runtime. `None`: it has none.
    #[serde(default)]
    pub slug: Option<String>,
    /// What it is called where it speaks; `None`: by its name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The template it was made of.
    pub template_id: Option<TemplateId>,
    /// The policy attached to it.
    pub policy_id: Option<PolicyId>,
    /// Where it runs or will run; `None`: it waits for its owner's shared runtime.
    pub runtime_id: Option<RuntimeId>,
    /// Whether the runtime is its own.
    pub tenancy: Tenancy,
    /// Model, skills and files it started with.
    pub bundle: Bundle,
    /// Where it is in its life.
    pub status: AgentStatus,
    /// Code of the failure it is in.
    pub failure_code: Option<String>,
    /// What its runtime was given of it last: that is in force there. `None`: that was not recorded.
    #[serde(default)]
    pub pushed: Option<Pushed>,
}

impl Agent {
    /// Whether work can be given to it, now or once it is up.
    pub fn takes_work(&self) -> Result<(), AgentRefusal> {
        match self.status {
            AgentStatus::Provisioning | AgentStatus::Running | AgentStatus::Failed => Ok(()),
            AgentStatus::Stopped => Err(AgentRefusal::AgentStopped),
            AgentStatus::Defined => Err(AgentRefusal::AgentNotDeployed),
            AgentStatus::Deleting | AgentStatus::Deleted => Err(AgentRefusal::AgentNotFound),
        }
    }

    /// Starting, stopping and what the runtime says of it.
    fn live(&self, command: &AgentCommand) -> Result<Vec<AgentEvent>, AgentRefusal> {
        use AgentStatus as Status;
        let is_up = matches!(self.status, Status::Provisioning | Status::Running);
        Ok(match command {
            AgentCommand::Start if is_up => vec![],
            AgentCommand::Start | AgentCommand::Restart if !is_up => vec![AgentEvent::StartRequested {}],
            AgentCommand::Restart if self.status == Status::Running => vec![AgentEvent::Restarted {}],
            AgentCommand::Stop { .. } if self.status == Status::Defined => {
                return Err(AgentRefusal::AgentNotDeployed);
            }
            AgentCommand::Stop { reason } if is_up || self.status == Status::Failed => {
                vec![AgentEvent::Stopped { reason: *reason }]
            }
            // A report about a start that was taken back meanwhile is too late, not wrong.
            AgentCommand::ReportStarted if self.status == Status::Provisioning => {
                vec![AgentEvent::Started {}]
            }
            AgentCommand::ReportFailed { code, reason } if is_up => vec![AgentEvent::Failed {
                code: text::cut(code, 100),
                reason: text::cut(reason, 2000),
            }],
            AgentCommand::Start
            | AgentCommand::Restart
            | AgentCommand::Stop { .. }
            | AgentCommand::ReportStarted
            | AgentCommand::ReportFailed { .. }
            | AgentCommand::ReportPushed(_)
            | AgentCommand::Create { .. }
            | AgentCommand::Deploy { .. }
            | AgentCommand::Place { .. }
            | AgentCommand::Update { .. }
            | AgentCommand::AttachPolicy { .. }
            | AgentCommand::DetachPolicy
            | AgentCommand::Delete
            | AgentCommand::FinishDeletion => vec![],
        })
    }
}

impl Decider for Agent {
    const TYPE: &'static str = "agent";
    type Command = AgentCommand;
    type Event = AgentEvent;
    type Refusal = AgentRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if matches!(command, AgentCommand::Create { .. }) {
            return self.create(command);
        }
        if self.agent_id.is_none() || self.status == AgentStatus::Deleted {
            return Err(AgentRefusal::AgentNotFound);
        }
        if self.status == AgentStatus::Deleting {
            return match command {
                AgentCommand::FinishDeletion => Ok(vec![AgentEvent::Deleted {}]),
                AgentCommand::Delete
                | AgentCommand::ReportStarted
                | AgentCommand::ReportFailed { .. }
                | AgentCommand::ReportPushed(_)
                | AgentCommand::DetachPolicy => Ok(vec![]),
                AgentCommand::Create { .. }
                | AgentCommand::Deploy { .. }
                | AgentCommand::Place { .. }
                | AgentCommand::Start
                | AgentCommand::Stop { .. }
                | AgentCommand::Restart
                | AgentCommand::Update { .. }
                | AgentCommand::AttachPolicy { .. } => Err(AgentRefusal::AgentNotFound),
            };
        }
        match command {
            AgentCommand::Deploy { .. } if self.status != AgentStatus::Defined => {
                Err(AgentRefusal::AgentAlreadyDeployed)
            }
            AgentCommand::Deploy { runtime_id, tenancy } => {
                Ok(vec![AgentEvent::Deployed { runtime_id, tenancy }])
            }
            AgentCommand::Place { runtime_id } if self.runtime_id.is_none() => {
                Ok(vec![AgentEvent::Placed { runtime_id }])
            }
            AgentCommand::Place { .. } | AgentCommand::FinishDeletion => Ok(vec![]),
            AgentCommand::Update {
                name,
                display_name,
                model,
            } => self.update(name, display_name, model),
            AgentCommand::AttachPolicy { policy_id } if self.policy_id.as_ref() == Some(&policy_id) => {
                Ok(vec![])
            }
            AgentCommand::AttachPolicy { policy_id } => Ok(vec![AgentEvent::PolicyAttached { policy_id }]),
            AgentCommand::DetachPolicy if self.policy_id.is_none() => Ok(vec![]),
            AgentCommand::DetachPolicy => Ok(vec![AgentEvent::PolicyDetached {}]),
            AgentCommand::ReportPushed(pushed) if self.pushed.as_ref() == Some(&pushed) => Ok(vec![]),
            AgentCommand::ReportPushed(Pushed {
                run,
                policy_id,
                rules,
                files,
            }) => Ok(vec![AgentEvent::Pushed {
                run,
                policy_id,
                rules,
                files,
            }]),
            AgentCommand::Delete => Ok(vec![AgentEvent::DeletionStarted {}]),
            AgentCommand::Create { .. }
            | AgentCommand::Start
            | AgentCommand::Stop { .. }
            | AgentCommand::Restart
            | AgentCommand::ReportStarted
            | AgentCommand::ReportFailed { .. } => self.live(&command),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            AgentEvent::Created {
                agent_id,
                account_id,
                owner_user_id,
                name,
                slug,
                display_name,
                template_id,
                policy_id,
                bundle,
            } => {
                self.agent_id = Some(agent_id.clone());
                self.account_id = Some(account_id.clone());
                self.owner_user_id.clone_from(owner_user_id);
                self.name.clone_from(name);
                self.slug.clone_from(slug);
                self.display_name.clone_from(display_name);
                self.template_id.clone_from(template_id);
                self.policy_id.clone_from(policy_id);
                self.bundle = bundle.clone();
            }
            AgentEvent::Deployed { runtime_id, tenancy } => {
                self.runtime_id.clone_from(runtime_id);
                self.tenancy = *tenancy;
                self.status = AgentStatus::Provisioning;
            }
            AgentEvent::Placed { runtime_id } => self.runtime_id = Some(runtime_id.clone()),
            AgentEvent::StartRequested {} => {
                self.failure_code = None;
                self.status = AgentStatus::Provisioning;
            }
            AgentEvent::Started {} | AgentEvent::Restarted {} => self.status = AgentStatus::Running,
            AgentEvent::Failed { code, .. } => {
                self.failure_code = Some(code.clone());
                self.status = AgentStatus::Failed;
            }
            AgentEvent::Stopped { .. } => {
                self.failure_code = None;
                self.status = AgentStatus::Stopped;
            }
            AgentEvent::Updated {
                name,
                display_name,
                model,
            } => {
                if let Some(name) = name {
                    self.name.clone_from(name);
                }
                if display_name.is_some() {
                    self.display_name.clone_from(display_name);
                }
                if let Some(model) = model {
                    self.bundle.agent.model.clone_from(model);
                }
            }
            AgentEvent::PolicyAttached { policy_id } => self.policy_id = Some(policy_id.clone()),
            AgentEvent::PolicyDetached {} => self.policy_id = None,
            AgentEvent::Pushed {
                run,
                policy_id,
                rules,
                files,
            } => {
                self.pushed = Some(Pushed {
                    run: *run,
                    policy_id: policy_id.clone(),
                    rules: rules.clone(),
                    files: *files,
                });
            }
            AgentEvent::DeletionStarted {} => self.status = AgentStatus::Deleting,
            AgentEvent::Deleted {} => self.status = AgentStatus::Deleted,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        matches!(self.status, AgentStatus::Deleting | AgentStatus::Deleted)
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Agent(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

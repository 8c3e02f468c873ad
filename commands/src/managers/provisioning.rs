//! Provisioning: has drivers do what runtimes were asked to, and records what was observed.
//!
//! **Invariant:** a runtime becomes running only because its driver said so; a deadline makes a runtime
//! that never came up fail with its reason. Whatever a provider does not do at once is asked for again
//! until it is done or nobody wants it any more.

mod agents;
mod restart;
mod runtimes;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use reef_domain::{
    AgentId, AnyEvent, Envelope, JobId, RuntimeId, UserId,
    agent::{AgentEvent, AgentStopReason},
    provisioning_job::ProvisioningJobEvent,
    runtime::RuntimeEvent,
    settings::SettingsEvent,
    skill_installation::{SkillInstallationsEvent, SkillOwner},
};

use super::Context;
use crate::{
    Answer, CommandError,
    follower::{Cause, EffectError, Intent, ProcessManager},
};

/// Name of the manager.
pub const NAME: &str = "provisioning";

/// What provisioning does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Make the runtime of a job.
    Provision(JobId, RuntimeId),
    /// Start a stopped runtime.
    Start(RuntimeId),
    /// Stop it.
    Stop(RuntimeId),
    /// Restart its gateway.
    RestartGateway(RuntimeId),
    /// Restart its processes.
    Restart(RuntimeId),
    /// Remove it.
    Destroy(RuntimeId),
    /// Put every agent that waits for the runtime on it.
    PushAll(RuntimeId),
    /// Bring every agent on the runtime up to date, if it runs.
    PushAgents(RuntimeId),
    /// Tell the agents of a runtime that did not come up, and see to it that nothing of it runs.
    FailAll(RuntimeId, String),
    /// Tell the agent whose own runtime stopped.
    StopAll(RuntimeId),
    /// Put one agent on its runtime, or bring it up to date.
    Push(AgentId),
    /// Have a stopped agent's shared runtime leave it alone.
    Rest(AgentId),
    /// Have a shared runtime take its owner's settings.
    Configure(RuntimeId),
    /// Have the user's shared runtime take the user's settings.
    ConfigureOf(UserId),
}

/// The provisioning manager.
pub struct Provisioning(Context);

impl Provisioning {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

fn of_runtime(envelope: &Envelope, event: &RuntimeEvent) -> Vec<Intent<Action>> {
    let id = RuntimeId::new(Arc::clone(&envelope.aggregate_id));
    // The agents of a runtime have a key of their own: a push that fails must not hold up a stop.
    let (on_it, itself) = (format!("runtime-agents/{id}"), format!("runtime/{id}"));
    let intent = match event {
        RuntimeEvent::StartRequested { .. } => Intent::new(itself, "start", Action::Start(id)),
        RuntimeEvent::StopRequested { .. } => Intent::new(itself, "stop", Action::Stop(id)),
        RuntimeEvent::GatewayRestartRequested {} => {
            Intent::new(itself, "restart-gateway", Action::RestartGateway(id))
        }
        RuntimeEvent::RestartRequested {} => Intent::new(itself, "restart", Action::Restart(id)),
        RuntimeEvent::Restarted { .. } => Intent::new(on_it, "push-agents", Action::PushAgents(id)),
        RuntimeEvent::DestructionStarted {} => Intent::new(itself, "destroy", Action::Destroy(id)),
        RuntimeEvent::Running { run, .. } => {
            // Where settings are not taken, neither agents nor later settings wait until somebody has looked.
            let settings = format!("runtime-settings/{id}/{run}");
            return vec![
                Intent::new(on_it, "push-all", Action::PushAll(id.clone())),
                Intent::new(settings, "configure-new", Action::Configure(id)),
            ];
        }
        RuntimeEvent::Failed { reason, .. } => {
            Intent::new(on_it, "fail-all", Action::FailAll(id, reason.clone()))
        }
        RuntimeEvent::Stopped { .. } => Intent::new(on_it, "stop-all", Action::StopAll(id)),
        RuntimeEvent::AgentPushRequested { agent_id } => Intent::new(
            format!("agent/{agent_id}"),
            "push",
            Action::Push(agent_id.clone()),
        ),
        RuntimeEvent::Requested { .. }
        | RuntimeEvent::ProvisioningAdvanced { .. }
        | RuntimeEvent::GatewayRestarted { .. }
        | RuntimeEvent::HealthChanged { .. }
        | RuntimeEvent::SshKeyMade { .. }
        | RuntimeEvent::SshKeyRevealed { .. }
        | RuntimeEvent::Destroyed { .. } => return Vec::new(),
    };
    vec![intent]
}

/// Whether the event changes what the agent is to be on its runtime at once. Another policy does, where it
/// is attached or detached by a command: that asks the runtime for the push itself. Other rules of a policy,
/// and its deletion, wait for the next push.
fn needs_push(event: &AgentEvent) -> bool {
    match event {
        AgentEvent::Deployed { .. }
        | AgentEvent::Placed { .. }
        | AgentEvent::StartRequested { .. }
        | AgentEvent::Restarted { .. }
        | AgentEvent::Updated { .. } => true,
        AgentEvent::Created { .. }
        | AgentEvent::PolicyAttached { .. }
        | AgentEvent::PolicyDetached {}
        | AgentEvent::Pushed { .. }
        | AgentEvent::Started { .. }
        | AgentEvent::Failed { .. }
        | AgentEvent::Stopped { .. }
        | AgentEvent::DeletionStarted { .. }
        | AgentEvent::Deleted { .. } => false,
    }
}

#[async_trait]
impl ProcessManager for Provisioning {
    type Action = Action;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Action>> {
        match &envelope.event {
            AnyEvent::ProvisioningJob(ProvisioningJobEvent::Requested {
                job_id, runtime_id, ..
            }) => {
                let action = Action::Provision(job_id.clone(), runtime_id.clone());
                vec![Intent::new(format!("runtime/{runtime_id}"), "provision", action)]
            }
            AnyEvent::Runtime(event) => of_runtime(envelope, event),
            AnyEvent::Agent(event) if needs_push(event) => {
                let agent = AgentId::new(Arc::clone(&envelope.aggregate_id));
                vec![Intent::new(format!("agent/{agent}"), "push", Action::Push(agent))]
            }
            AnyEvent::Agent(AgentEvent::Stopped {
                reason: AgentStopReason::Requested,
            }) => {
                let agent = AgentId::new(Arc::clone(&envelope.aggregate_id));
                vec![Intent::new(format!("agent/{agent}"), "rest", Action::Rest(agent))]
            }
            AnyEvent::SkillInstallations(
                SkillInstallationsEvent::Installed { owner, .. }
                | SkillInstallationsEvent::Uninstalled { owner, .. },
            ) => vec![match owner {
                SkillOwner::Runtime(id) => {
                    let key = format!("runtime-agents/{id}");
                    Intent::new(key, "push-skills", Action::PushAgents(id.clone()))
                }
                SkillOwner::Agent(id) => {
                    Intent::new(format!("agent/{id}"), "push-skills", Action::Push(id.clone()))
                }
            }],
            AnyEvent::Settings(
                SettingsEvent::CommandBundlesSet { user_id, .. }
                | SettingsEvent::FirewallRulesReplaced { user_id, .. }
                | SettingsEvent::CallerIpCaptured { user_id, .. },
            ) => {
                let key = format!("settings/{user_id}/{}", envelope.position);
                let action = Action::ConfigureOf(user_id.clone());
                vec![Intent::new(key, "configure", action)]
            }
            AnyEvent::Account(_)
            | AnyEvent::Activity(_)
            | AnyEvent::Agent(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Conversation(_)
            | AnyEvent::Cron(_)
            | AnyEvent::InviteCode(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Login(_)
            | AnyEvent::Machine(_)
            | AnyEvent::Policy(_)
            | AnyEvent::ProvisioningJob(_)
            | AnyEvent::Reservation(_)
            | AnyEvent::Secrets(_)
            | AnyEvent::Settings(_)
            | AnyEvent::Skill(_)
            | AnyEvent::SkillInstallations(SkillInstallationsEvent::Purged {})
            | AnyEvent::Task(_)
            | AnyEvent::Template(_)
            | AnyEvent::Webhook(_)
            | AnyEvent::WorkspaceFiles(_) => Vec::new(),
        }
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::Provision(job, runtime) => self.bring_up(runtime, Some(job), cause).await,
            Action::Start(runtime) => self.bring_up(runtime, None, cause).await,
            Action::Stop(runtime) => self.stop(runtime, cause).await,
            Action::RestartGateway(runtime) => self.restart_gateway(runtime, cause).await,
            Action::Restart(runtime) => self.restart(runtime, cause).await,
            Action::Destroy(runtime) => self.destroy(runtime, cause).await,
            Action::PushAll(runtime) => self.push_all(runtime, cause).await,
            Action::PushAgents(runtime) => self.push_agents(runtime, cause).await,
            Action::FailAll(runtime, reason) => self.fail_all(runtime, reason, cause).await,
            Action::StopAll(runtime) => self.stop_all(runtime, cause).await,
            Action::Push(agent) => self.push(agent, cause).await,
            Action::Rest(agent) => self.rest(agent, cause).await,
            Action::Configure(runtime) => self.configure(runtime, cause).await,
            Action::ConfigureOf(user) => self.configure_of(user, cause).await,
        }
    }
}

/// A report about something that was removed or moved on meanwhile is late, not wrong.
fn late_is_fine(result: Result<Answer, CommandError>) -> Result<(), EffectError> {
    match result {
        Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

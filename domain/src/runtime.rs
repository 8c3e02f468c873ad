//! Runtime: the isolated computer an agent runs on.
//!
//! **Invariants:** `Running` is only ever an observation, numbered by `run`; what is being made or started
//! has a deadline by which it was seen running or has failed. Beyond the canonical machine a runtime that
//! is not up yet can be stopped too: else whoever changes their mind would have to let it run and pay; and
//! one found stopped without a request is recorded as stopped, because it is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, AgentId, AnyEvent, Decider, RuntimeId, UserId, text};

mod command;
mod event;
mod kinds;
mod refusal;

pub use command::RuntimeCommand;
pub use event::RuntimeEvent;
pub use kinds::{Health, RuntimeStatus, RuntimeStopReason, SshKey, Tenancy};
pub use refusal::RuntimeRefusal;

/// A runtime, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Runtime {
    /// Its id, once it was requested.
    pub runtime_id: Option<RuntimeId>,
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// Whose it is within the account.
    pub owner_user_id: Option<UserId>,
    /// What its owner calls it, where it has a name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it serves one agent or several.
    pub tenancy: Tenancy,
    /// Who provides it, such as `embedded`.
    pub provider: String,
    /// What the provider calls it.
    pub provider_ref: Option<String>,
    /// Region asked for.
    pub region: Option<String>,
    /// Image asked for.
    pub image_ref: Option<String>,
    /// Where it is in its life.
    pub status: RuntimeStatus,
    /// Number of the present or last run; 0: it never ran.
    pub run: u32,
    /// Since when the present run is observed.
    pub running_since: Option<DateTime<Utc>>,
    /// Until when the runs before are charged.
    #[serde(default)]
    pub ran_until: Option<DateTime<Utc>>,
    /// By when it must have been seen running.
    pub deadline: Option<DateTime<Utc>>,
    /// Number of the last provisioning stage.
    pub stage_seq: u32,
    /// Whether a restart of the gateway is under way.
    pub gateway_restarting: bool,
    /// Whether a restart of its processes is under way; it counts as running meanwhile.
    #[serde(default)]
    pub restarting: bool,
    /// How it feels.
    pub health: Health,
    /// Code of the last failure.
    pub last_error: Option<String>,
    /// The key pair its owner logs in with.
    #[serde(default)]
    pub ssh_key: Option<SshKey>,
}

/// Longest name of a provider's thing, in bytes.
const MAX_REF: usize = 300;

impl Runtime {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 64;

    /// Whether messages and tasks can be handed to it.
    pub fn is_running(&self) -> bool {
        self.status == RuntimeStatus::Running
    }

    fn request(&self, command: RuntimeCommand) -> Result<Vec<RuntimeEvent>, RuntimeRefusal> {
        let RuntimeCommand::Request {
            runtime_id,
            account_id,
            owner_user_id,
            name,
            tenancy,
            provider,
            provider_ref,
            region,
            image_ref,
            deadline,
        } = command
        else {
            return Err(RuntimeRefusal::RuntimeNotFound);
        };
        if self.runtime_id.is_some() {
            return Err(RuntimeRefusal::RuntimeAlreadyRequested);
        }
        let checked = |given: Option<String>, max: usize| {
            given
                .map(|given| text::name(&given, max).ok_or(RuntimeRefusal::SpecInvalid))
                .transpose()
        };
        let name = name
            .map(|name| text::name(&name, Self::MAX_NAME).ok_or(RuntimeRefusal::NameInvalid))
            .transpose()?;
        let provider = text::name(&provider, 50).ok_or(RuntimeRefusal::SpecInvalid)?;
        Ok(vec![RuntimeEvent::Requested {
            runtime_id,
            account_id,
            owner_user_id,
            name,
            tenancy,
            provider,
            provider_ref: checked(provider_ref, MAX_REF)?,
            region: checked(region, 100)?,
            image_ref: checked(image_ref, MAX_REF)?,
            deadline,
        }])
    }

    fn start(&self, deadline: DateTime<Utc>) -> Result<Vec<RuntimeEvent>, RuntimeRefusal> {
        match self.status {
            RuntimeStatus::Stopped | RuntimeStatus::Failed => {
                Ok(vec![RuntimeEvent::StartRequested { deadline }])
            }
            RuntimeStatus::Provisioning | RuntimeStatus::Starting | RuntimeStatus::Running => Ok(vec![]),
            RuntimeStatus::Stopping => Err(RuntimeRefusal::RuntimeStopping),
            RuntimeStatus::Destroying | RuntimeStatus::Destroyed => Err(RuntimeRefusal::RuntimeNotFound),
        }
    }

    /// The pair is kept once; its private part leaves once.
    fn ssh_key(&self, command: RuntimeCommand) -> Result<Vec<RuntimeEvent>, RuntimeRefusal> {
        if self.is_gone() {
            return Err(RuntimeRefusal::RuntimeNotFound);
        }
        match (command, &self.ssh_key) {
            (
                RuntimeCommand::KeepSshKey {
                    public_key,
                    private_key,
                },
                None,
            ) => Ok(vec![RuntimeEvent::SshKeyMade {
                public_key,
                private_key,
            }]),
            (RuntimeCommand::KeepSshKey { .. }, Some(_)) => Ok(vec![]),
            (
                _,
                Some(SshKey {
                    private_key: Some(private_key),
                    ..
                }),
            ) => Ok(vec![RuntimeEvent::SshKeyRevealed {
                private_key: private_key.clone(),
            }]),
            (
                _,
                None
                | Some(SshKey {
                    private_key: None, ..
                }),
            ) => Err(RuntimeRefusal::SshKeyNotFound),
        }
    }

    /// A running one takes its agents anew; any other does so when it comes up.
    fn push(&self, agent_id: AgentId) -> Vec<RuntimeEvent> {
        if self.is_running() {
            vec![RuntimeEvent::AgentPushRequested { agent_id }]
        } else {
            vec![]
        }
    }

    /// What was observed. An observation that the state has overtaken is late, not wrong: it yields nothing.
    fn observe(&self, command: RuntimeCommand) -> Vec<RuntimeEvent> {
        let coming_up = matches!(self.status, RuntimeStatus::Provisioning | RuntimeStatus::Starting);
        let running = self.is_running();
        let ran = |until| self.running_since.map(|since: DateTime<Utc>| since.max(until));
        match command {
            RuntimeCommand::Advance {
                seq,
                stage,
                provider_ref,
            } if coming_up && seq > self.stage_seq => {
                let stage = text::cut(&stage, 100);
                let provider_ref = provider_ref.map(|name| text::cut(&name, MAX_REF));
                vec![RuntimeEvent::ProvisioningAdvanced {
                    seq,
                    stage,
                    provider_ref,
                }]
            }
            RuntimeCommand::ReportRunning {
                provider_ref,
                public_ip,
                since,
            } if coming_up => {
                let provider_ref = text::cut(&provider_ref, MAX_REF);
                // Runs do not overlap, whatever the provider says: nobody pays twice for the same time.
                let since = self.ran_until.map_or(since, |until| since.max(until));
                vec![RuntimeEvent::Running {
                    run: self.run + 1,
                    provider_ref,
                    public_ip,
                    since,
                }]
            }
            RuntimeCommand::ReportFailed {
                code,
                reason,
                ran_until,
            } if coming_up || running => {
                vec![RuntimeEvent::Failed {
                    code: text::cut(&code, 100),
                    reason: text::cut(&reason, 2000),
                    ran_until: ran_until.and_then(ran),
                }]
            }
            RuntimeCommand::ReportStopped { ran_until }
                if running || self.status == RuntimeStatus::Stopping =>
            {
                vec![RuntimeEvent::Stopped {
                    ran_until: ran(ran_until),
                }]
            }
            RuntimeCommand::ReportGateway { since } if running && self.gateway_restarting => {
                vec![RuntimeEvent::GatewayRestarted { since }]
            }
            RuntimeCommand::ReportRestarted { since } if running && self.restarting => {
                vec![RuntimeEvent::Restarted { since }]
            }
            RuntimeCommand::ReportHealth { health } if running && self.health != health => {
                vec![RuntimeEvent::HealthChanged { health }]
            }
            RuntimeCommand::ReportDestroyed { ran_until } if self.status == RuntimeStatus::Destroying => {
                vec![RuntimeEvent::Destroyed {
                    ran_until: ran(ran_until),
                }]
            }
            RuntimeCommand::Request { .. }
            | RuntimeCommand::Advance { .. }
            | RuntimeCommand::ReportRunning { .. }
            | RuntimeCommand::ReportFailed { .. }
            | RuntimeCommand::Start { .. }
            | RuntimeCommand::Stop { .. }
            | RuntimeCommand::ReportStopped { .. }
            | RuntimeCommand::RestartGateway
            | RuntimeCommand::ReportGateway { .. }
            | RuntimeCommand::Restart
            | RuntimeCommand::ReportRestarted { .. }
            | RuntimeCommand::ReportHealth { .. }
            | RuntimeCommand::KeepSshKey { .. }
            | RuntimeCommand::RevealSshKey
            | RuntimeCommand::PushAgent { .. }
            | RuntimeCommand::Destroy
            | RuntimeCommand::ReportDestroyed { .. } => vec![],
        }
    }
}

impl Decider for Runtime {
    const TYPE: &'static str = "runtime";
    type Command = RuntimeCommand;
    type Event = RuntimeEvent;
    type Refusal = RuntimeRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        use RuntimeStatus as Status;
        if matches!(command, RuntimeCommand::Request { .. }) {
            return self.request(command);
        }
        if self.runtime_id.is_none() {
            return Err(RuntimeRefusal::RuntimeNotFound);
        }
        match command {
            RuntimeCommand::Start { deadline } => self.start(deadline),
            RuntimeCommand::Stop { reason } => match self.status {
                Status::Provisioning | Status::Starting | Status::Running => {
                    Ok(vec![RuntimeEvent::StopRequested { reason }])
                }
                Status::Stopping | Status::Stopped | Status::Failed => Ok(vec![]),
                Status::Destroying | Status::Destroyed => Err(RuntimeRefusal::RuntimeNotFound),
            },
            RuntimeCommand::RestartGateway if self.gateway_restarting => Ok(vec![]),
            RuntimeCommand::RestartGateway if self.is_running() => {
                Ok(vec![RuntimeEvent::GatewayRestartRequested {}])
            }
            RuntimeCommand::RestartGateway => Err(RuntimeRefusal::RuntimeNotRunning),
            RuntimeCommand::Restart if self.is_running() && !self.restarting => {
                Ok(vec![RuntimeEvent::RestartRequested {}])
            }
            RuntimeCommand::Restart => Ok(vec![]),
            RuntimeCommand::Destroy if matches!(self.status, Status::Destroying | Status::Destroyed) => {
                Ok(vec![])
            }
            RuntimeCommand::Destroy => Ok(vec![RuntimeEvent::DestructionStarted {}]),
            RuntimeCommand::KeepSshKey { .. } | RuntimeCommand::RevealSshKey => self.ssh_key(command),
            RuntimeCommand::PushAgent { agent_id } => Ok(self.push(agent_id)),
            RuntimeCommand::Request { .. }
            | RuntimeCommand::Advance { .. }
            | RuntimeCommand::ReportRunning { .. }
            | RuntimeCommand::ReportFailed { .. }
            | RuntimeCommand::ReportStopped { .. }
            | RuntimeCommand::ReportGateway { .. }
            | RuntimeCommand::ReportRestarted { .. }
            | RuntimeCommand::ReportHealth { .. }
            | RuntimeCommand::ReportDestroyed { .. } => Ok(self.observe(command)),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            RuntimeEvent::Requested {
                runtime_id,
                account_id,
                owner_user_id,
                name,
                tenancy,
                provider,
                provider_ref,
                region,
                image_ref,
                deadline,
            } => {
                self.runtime_id = Some(runtime_id.clone());
                self.account_id = Some(account_id.clone());
                self.owner_user_id.clone_from(owner_user_id);
                self.name.clone_from(name);
                self.tenancy = *tenancy;
                self.provider.clone_from(provider);
                self.provider_ref.clone_from(provider_ref);
                self.region.clone_from(region);
                self.image_ref.clone_from(image_ref);
                self.deadline = Some(*deadline);
            }
            RuntimeEvent::ProvisioningAdvanced {
                seq, provider_ref, ..
            } => {
                self.stage_seq = *seq;
                if provider_ref.is_some() {
                    self.provider_ref.clone_from(provider_ref);
                }
            }
            RuntimeEvent::Running {
                run,
                provider_ref,
                since,
                ..
            } => {
                self.come_to_rest(RuntimeStatus::Running);
                self.run = *run;
                self.provider_ref = Some(provider_ref.clone());
                self.running_since = Some(*since);
                self.health = Health::Healthy;
                self.last_error = None;
            }
            RuntimeEvent::Failed { code, ran_until, .. } => {
                self.come_to_rest(RuntimeStatus::Failed);
                self.ran_until = ran_until.or(self.ran_until);
                self.last_error = Some(code.clone());
            }
            RuntimeEvent::StartRequested { deadline } => {
                self.status = RuntimeStatus::Starting;
                self.deadline = Some(*deadline);
                self.last_error = None;
            }
            RuntimeEvent::StopRequested { .. } => {
                self.status = RuntimeStatus::Stopping;
                self.deadline = None;
            }
            RuntimeEvent::Stopped { ran_until } => {
                self.come_to_rest(RuntimeStatus::Stopped);
                self.ran_until = ran_until.or(self.ran_until);
            }
            RuntimeEvent::GatewayRestartRequested {} => self.gateway_restarting = true,
            RuntimeEvent::GatewayRestarted { .. } => self.gateway_restarting = false,
            RuntimeEvent::RestartRequested {} => self.restarting = true,
            RuntimeEvent::Restarted { .. } => self.restarting = false,
            RuntimeEvent::HealthChanged { health } => self.health = *health,
            RuntimeEvent::SshKeyMade {
                public_key,
                private_key,
            } => {
                self.ssh_key = Some(SshKey {
                    public_key: public_key.clone(),
                    private_key: Some(private_key.clone()),
                });
            }
            RuntimeEvent::SshKeyRevealed { .. } => {
                if let Some(key) = &mut self.ssh_key {
                    key.private_key = None;
                }
            }
            RuntimeEvent::AgentPushRequested { .. } => {}
            RuntimeEvent::DestructionStarted {} => {
                self.status = RuntimeStatus::Destroying;
                self.deadline = None;
            }
            RuntimeEvent::Destroyed { .. } => self.come_to_rest(RuntimeStatus::Destroyed),
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.status == RuntimeStatus::Destroyed
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Runtime(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

impl Runtime {
    /// Into a status in which nothing is under way.
    fn come_to_rest(&mut self, status: RuntimeStatus) {
        self.status = status;
        self.deadline = None;
        self.running_since = None;
        self.gateway_restarting = false;
        self.restarting = false;
        self.health = Health::Unknown;
    }
}

#[cfg(test)]
mod tests;

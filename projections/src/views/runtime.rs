//! Runtimes.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, RuntimeId, UserId,
    runtime::{Health, Runtime, RuntimeEvent, RuntimeStatus, RuntimeStopReason, Tenancy},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{Document, Projection, Source, Touch};

/// A runtime as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeDoc {
    /// Its id.
    pub id: RuntimeId,
    /// Who pays.
    pub account_id: AccountId,
    /// Whose it is within the account.
    pub owner_user_id: Option<UserId>,
    /// What its owner calls it, where it has a name.
    pub name: Option<String>,
    /// Whether it serves one agent or several.
    pub tenancy: Tenancy,
    /// Who provides it.
    pub provider: String,
    /// What the provider calls it.
    pub provider_ref: Option<String>,
    /// Region asked for.
    pub region: Option<String>,
    /// Image asked for.
    pub image_ref: Option<String>,
    /// Where it is in its life.
    pub status: RuntimeStatus,
    /// Last stage of its making.
    pub stage: Option<String>,
    /// By when it must have been seen running.
    pub deadline: Option<DateTime<Utc>>,
    /// Where it can be reached while it runs, if anywhere.
    pub public_ip: Option<String>,
    /// Number of the present or last run.
    pub run: u32,
    /// Since when it runs.
    pub running_since: Option<DateTime<Utc>>,
    /// When it was seen coming up last, however it is now.
    pub started_at: Option<DateTime<Utc>>,
    /// How long the runs before the present one were together, in milliseconds.
    pub ran_ms: u64,
    /// The chat server process on it.
    pub gateway: GatewayDoc,
    /// The key pair its owner logs in with.
    pub ssh_key: SshKeyState,
    /// How it feels.
    pub health: Health,
    /// Why it was stopped last.
    pub stop_reason: Option<RuntimeStopReason>,
    /// The failure it is in.
    pub last_error: Option<Failure>,
    /// When it was requested.
    pub created_at: DateTime<Utc>,
    /// When anything about it changed last.
    pub updated_at: DateTime<Utc>,
}

/// The chat server process on a runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayDoc {
    /// What it does.
    pub status: GatewayStatus,
    /// Since when it runs.
    pub since: Option<DateTime<Utc>>,
}

/// What a gateway does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayStatus {
    /// Its runtime does not run.
    #[default]
    Stopped,
    /// It serves.
    Running,
    /// It is coming up anew.
    Restarting,
}

/// Where the private key of a runtime is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SshKeyState {
    /// There is no key pair.
    #[default]
    None,
    /// Here: its owner can have it once.
    Available,
    /// With its owner alone.
    Revealed,
}

impl Document for RuntimeDoc {
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

impl RuntimeDoc {
    fn requested(event: &RuntimeEvent, at: DateTime<Utc>) -> Option<Self> {
        let RuntimeEvent::Requested {
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
        } = event
        else {
            return None;
        };
        Some(Self {
            id: runtime_id.clone(),
            account_id: account_id.clone(),
            owner_user_id: owner_user_id.clone(),
            name: name.clone(),
            tenancy: *tenancy,
            provider: provider.clone(),
            provider_ref: provider_ref.clone(),
            region: region.clone(),
            image_ref: image_ref.clone(),
            status: RuntimeStatus::Provisioning,
            stage: None,
            deadline: Some(*deadline),
            public_ip: None,
            run: 0,
            running_since: None,
            started_at: None,
            ran_ms: 0,
            gateway: GatewayDoc::default(),
            ssh_key: SshKeyState::None,
            health: Health::Unknown,
            stop_reason: None,
            last_error: None,
            created_at: at,
            updated_at: at,
        })
    }

    /// How long it ran by then, in milliseconds: what is charged is never more.
    pub fn total_ran_ms(&self, now: DateTime<Utc>) -> u64 {
        self.ran_ms
            .saturating_add(self.running_since.map_or(0, |since| between(since, now)))
    }

    /// A run is over.
    fn count_run(&mut self, until: Option<DateTime<Utc>>) {
        if let (Some(since), Some(until)) = (self.running_since, until) {
            self.ran_ms = self.ran_ms.saturating_add(between(since, until));
        }
    }

    /// Into a status in which nothing runs.
    fn come_to_rest(&mut self, status: RuntimeStatus) {
        self.status = status;
        self.deadline = None;
        self.public_ip = None;
        self.running_since = None;
        self.gateway = GatewayDoc::default();
        self.health = Health::Unknown;
    }
}

/// Milliseconds, none where the time runs backwards.
fn between(since: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    u64::try_from((until - since).num_milliseconds()).unwrap_or(0)
}

/// The view of runtimes.
#[derive(Debug)]
pub struct Runtimes;

impl Projection for Runtimes {
    type Doc = RuntimeDoc;
    const NAME: &'static str = "runtimes";
    const VERSION: u32 = 3;
    const FILTERS: &'static [&'static str] = &["owner_user_id", "provider", "tenancy"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Runtime(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<RuntimeDoc>, envelope: &Envelope) -> Option<RuntimeDoc> {
        let AnyEvent::Runtime(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if matches!(event, RuntimeEvent::Requested { .. }) {
            return RuntimeDoc::requested(event, at);
        }
        let mut doc = doc?;
        if !matches!(event, RuntimeEvent::AgentPushRequested { .. }) {
            doc.updated_at = at;
        }
        match event {
            RuntimeEvent::Requested { .. } | RuntimeEvent::AgentPushRequested { .. } => {}
            RuntimeEvent::ProvisioningAdvanced {
                stage, provider_ref, ..
            } => {
                doc.stage = Some(stage.clone());
                if provider_ref.is_some() {
                    doc.provider_ref.clone_from(provider_ref);
                }
            }
            RuntimeEvent::Running {
                run,
                provider_ref,
                public_ip,
                since,
            } => {
                doc.status = RuntimeStatus::Running;
                doc.deadline = None;
                doc.provider_ref = Some(provider_ref.clone());
                doc.public_ip.clone_from(public_ip);
                doc.run = *run;
                doc.running_since = Some(*since);
                doc.started_at = Some(*since);
                doc.gateway = GatewayDoc {
                    status: GatewayStatus::Running,
                    since: Some(*since),
                };
                doc.health = Health::Healthy;
                doc.stop_reason = None;
                doc.last_error = None;
            }
            RuntimeEvent::Failed {
                code,
                reason,
                ran_until,
            } => {
                doc.count_run(*ran_until);
                doc.come_to_rest(RuntimeStatus::Failed);
                doc.last_error = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                });
            }
            RuntimeEvent::StartRequested { deadline } => {
                doc.status = RuntimeStatus::Starting;
                doc.deadline = Some(*deadline);
                doc.stop_reason = None;
                doc.last_error = None;
            }
            RuntimeEvent::StopRequested { reason } => {
                doc.status = RuntimeStatus::Stopping;
                doc.deadline = None;
                doc.stop_reason = Some(*reason);
            }
            RuntimeEvent::Stopped { ran_until } => {
                doc.count_run(*ran_until);
                doc.come_to_rest(RuntimeStatus::Stopped);
            }
            // What is restarted is what clients know as the gateway.
            RuntimeEvent::GatewayRestartRequested {} | RuntimeEvent::RestartRequested {} => {
                doc.gateway.status = GatewayStatus::Restarting;
            }
            RuntimeEvent::GatewayRestarted { since } | RuntimeEvent::Restarted { since } => {
                doc.gateway = GatewayDoc {
                    status: GatewayStatus::Running,
                    since: Some(*since),
                };
            }
            RuntimeEvent::HealthChanged { health } => doc.health = *health,
            RuntimeEvent::SshKeyMade { .. } => doc.ssh_key = SshKeyState::Available,
            RuntimeEvent::SshKeyRevealed { .. } => doc.ssh_key = SshKeyState::Revealed,
            RuntimeEvent::DestructionStarted {} => {
                doc.status = RuntimeStatus::Destroying;
                doc.deadline = None;
            }
            RuntimeEvent::Destroyed { .. } => return None,
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Runtime::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;

//! What a runtime can be asked.

use chrono::{DateTime, Utc};

use super::{Health, RuntimeStopReason, Tenancy};
use crate::{AccountId, AgentId, RuntimeId, UserId, VaultRef};

/// What a runtime can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum RuntimeCommand {
    /// Have it made.
    Request {
        /// New id.
        runtime_id: RuntimeId,
        /// Who pays.
        account_id: AccountId,
        /// Whose it is.
        owner_user_id: Option<UserId>,
        /// What its owner calls it, 1 to 64 characters; need not be unique.
        name: Option<String>,
        /// Whether it serves one agent or several.
        tenancy: Tenancy,
        /// Who provides it, 1 to 50 characters.
        provider: String,
        /// What the provider will call it, where that is known beforehand, 1 to 300 characters.
        provider_ref: Option<String>,
        /// Region asked for, 1 to 100 characters.
        region: Option<String>,
        /// Image asked for, 1 to 300 characters.
        image_ref: Option<String>,
        /// By when it must have been seen running.
        deadline: DateTime<Utc>,
    },
    /// The provider got on with it.
    Advance {
        /// Number of the stage, from 1; not greater than the last one: ignored.
        seq: u32,
        /// Name of the stage.
        stage: String,
        /// What the provider calls it, once that is known.
        provider_ref: Option<String>,
    },
    /// It was seen running.
    ReportRunning {
        /// What the provider calls it.
        provider_ref: String,
        /// Where it can be reached, if anywhere.
        public_ip: Option<String>,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It will not come up, or broke.
    ReportFailed {
        /// Stable code.
        code: String,
        /// For people.
        reason: String,
        /// Until when it ran, if it ran: what is charged ends there.
        ran_until: Option<DateTime<Utc>>,
    },
    /// Bring it up.
    Start {
        /// By when it must have been seen running.
        deadline: DateTime<Utc>,
    },
    /// Take it down; its files stay.
    Stop {
        /// Why.
        reason: RuntimeStopReason,
    },
    /// It was seen stopped.
    ReportStopped {
        /// Until when it ran.
        ran_until: DateTime<Utc>,
    },
    /// Restart the gateway process on it.
    RestartGateway,
    /// The gateway process was seen running.
    ReportGateway {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Restart its processes, so that they see what is in their environment now. One that does not run needs
    /// none.
    Restart,
    /// Its processes were seen running anew.
    ReportRestarted {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Its node says how it feels, or says nothing any more.
    ReportHealth {
        /// How.
        health: Health,
    },
    /// Keep a key pair for logging in, unless there is one.
    KeepSshKey {
        /// One line of `authorized_keys`.
        public_key: String,
        /// Where the private key is.
        private_key: VaultRef,
    },
    /// Give the private key away: nobody reads it again.
    RevealSshKey,
    /// Push that agent now, whether or not anything about it changed.
    PushAgent {
        /// Which.
        agent_id: AgentId,
    },
    /// Remove it with everything on it.
    Destroy,
    /// The provider no longer has it.
    ReportDestroyed {
        /// Until when it ran, if it was running.
        ran_until: DateTime<Utc>,
    },
}

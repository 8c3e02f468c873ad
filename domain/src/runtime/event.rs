//! What can happen to a runtime.

use chrono::{DateTime, Utc};

use super::{Health, RuntimeStopReason, Tenancy};
use crate::{AccountId, AgentId, RuntimeId, UserId, VaultRef, event::events};

events! {
    /// What can happen to a runtime.
    pub enum RuntimeEvent {
        /// It is to be made.
        Requested = "RuntimeRequested", 1 {
            /// Its id.
            runtime_id: RuntimeId,
            /// Who pays.
            account_id: AccountId,
            /// Whose it is.
            owner_user_id: Option<UserId>,
            /// What its owner calls it, where it has a name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            name: Option<String>,
            /// Whether it serves one agent or several.
            tenancy: Tenancy,
            /// Who provides it.
            provider: String,
            /// What the provider will call it, where that was known beforehand.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            provider_ref: Option<String>,
            /// Region asked for.
            region: Option<String>,
            /// Image asked for.
            image_ref: Option<String>,
            /// By when it must have been seen running.
            deadline: DateTime<Utc>,
        },
        /// The provider got on with it.
        ProvisioningAdvanced = "RuntimeProvisioningAdvanced", 1 {
            /// Number of the stage.
            seq: u32,
            /// Name of the stage.
            stage: String,
            /// What the provider calls it.
            provider_ref: Option<String>,
        },
        /// It was seen running.
        Running = "RuntimeRunning", 1 {
            /// Number of the run, from 1.
            run: u32,
            /// What the provider calls it.
            provider_ref: String,
            /// Where it can be reached.
            public_ip: Option<String>,
            /// Since when: charging begins there.
            since: DateTime<Utc>,
        },
        /// It will not come up, or broke.
        Failed = "RuntimeFailed", 1 {
            /// Stable code.
            code: String,
            /// For people.
            reason: String,
            /// Until when it ran, if it ran.
            ran_until: Option<DateTime<Utc>>,
        },
        /// It is to come up.
        StartRequested = "RuntimeStartRequested", 1 {
            /// By when it must have been seen running.
            deadline: DateTime<Utc>,
        },
        /// It is to go down.
        StopRequested = "RuntimeStopRequested", 1 {
            /// Why.
            reason: RuntimeStopReason,
        },
        /// It was seen stopped.
        Stopped = "RuntimeStopped", 1 {
            /// Until when it ran, if it ran.
            ran_until: Option<DateTime<Utc>>,
        },
        /// The gateway process on it is to be restarted.
        GatewayRestartRequested = "GatewayRestartRequested", 1 {},
        /// The gateway process was seen running anew.
        GatewayRestarted = "GatewayRestarted", 1 {
            /// Since when.
            since: DateTime<Utc>,
        },
        /// Its processes are to be restarted.
        RestartRequested = "RuntimeRestartRequested", 1 {},
        /// Its processes were seen running anew; the run goes on.
        Restarted = "RuntimeRestarted", 1 {
            /// Since when.
            since: DateTime<Utc>,
        },
        /// It feels otherwise.
        HealthChanged = "RuntimeHealthChanged", 1 {
            /// How.
            health: Health,
        },
        /// A key pair for logging in was made.
        SshKeyMade = "SshKeyMade", 1 {
            /// One line of `authorized_keys`.
            public_key: String,
            /// Where the private key is.
            private_key: VaultRef,
        },
        /// The private key was given away; what was kept of it is wiped.
        SshKeyRevealed = "SshKeyRevealed", 1 {
            /// Where it was.
            private_key: VaultRef,
        },
        /// An agent on it is to be pushed again as it is.
        AgentPushRequested = "AgentPushRequested", 1 {
            /// Which.
            agent_id: AgentId,
        },
        /// It is to be removed.
        DestructionStarted = "RuntimeDestructionStarted", 1 {},
        /// The provider no longer has it.
        Destroyed = "RuntimeDestroyed", 1 {
            /// Until when it ran, if it was running.
            ran_until: Option<DateTime<Utc>>,
        },
    }
}

//! What a webhook can be asked.

use chrono::{DateTime, Utc};

use super::{DisableReason, WebhookForm};
use crate::{AccountId, AgentId, Change, RuntimeId, VaultRef, WebhookId};

/// What a webhook can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookCommand {
    /// Begin to deliver.
    Create {
        /// New id.
        webhook_id: WebhookId,
        /// Whose it is.
        account_id: AccountId,
        /// Where to, an absolute https (or http) URL.
        url: String,
        /// What a delivery looks like.
        form: WebhookForm,
        /// Which events, by name; `*` is all.
        events: Vec<String>,
        /// Only events of these aggregate types; none: of all.
        aggregate_types: Vec<String>,
        /// Only what is about this runtime.
        runtime_id: Option<RuntimeId>,
        /// Only what is about this agent.
        agent_id: Option<AgentId>,
        /// What its owner says of it, at most 500 characters.
        description: Option<String>,
        /// Where in the vault its secret is.
        secret_ref: VaultRef,
        /// The last four characters of the secret.
        secret_hint: String,
        /// The first position to deliver; `None`: what is recorded from now on.
        from: Option<u64>,
    },
    /// Change what is given, leave the rest.
    Update(WebhookUpdate),
    /// Deliver again.
    Enable {
        /// The first position to deliver; `None`: what is recorded from now on.
        from: Option<u64>,
    },
    /// Deliver no more.
    Disable {
        /// Why.
        reason: DisableReason,
        /// What was seen, for people.
        detail: Option<String>,
    },
    /// Sign with another secret; for a while with both.
    RotateSecret {
        /// Where in the vault the new one is.
        secret_ref: VaultRef,
        /// Its last four characters.
        secret_hint: String,
        /// Until when the old one signs as well; not after `now`: not at all.
        previous_until: DateTime<Utc>,
        /// When this is decided.
        now: DateTime<Utc>,
    },
    /// Sign with the old secret no longer, if its time is over.
    RetireSecret {
        /// When this is decided.
        now: DateTime<Utc>,
    },
    /// Send a test.
    Test {
        /// Names the test.
        test_id: String,
    },
    /// Deliver again what is between two positions.
    Replay {
        /// The first position.
        from: u64,
        /// The last position.
        to: u64,
    },
    /// Deliver one event again.
    Resend {
        /// Its position.
        position: u64,
    },
    /// Be gone.
    Delete,
}

/// What is to become another; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebhookUpdate {
    /// Where to.
    pub url: Option<String>,
    /// Which events.
    pub events: Option<Vec<String>>,
    /// Of which aggregate types.
    pub aggregate_types: Option<Vec<String>>,
    /// Of which runtime.
    pub runtime_id: Change<RuntimeId>,
    /// Of which agent.
    pub agent_id: Change<AgentId>,
    /// What its owner says of it.
    pub description: Change<String>,
}

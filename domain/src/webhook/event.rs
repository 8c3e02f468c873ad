//! What can happen to a webhook.

use chrono::{DateTime, Utc};

use super::{DisableReason, WebhookForm};
use crate::{AccountId, AgentId, RuntimeId, VaultRef, WebhookId, event::events};

events! {
    /// What can happen to a webhook. What came of a delivery is no event.
    pub enum WebhookEvent {
        /// It delivers from now on.
        Created = "WebhookCreated", 1 {
            /// Its id.
            webhook_id: WebhookId,
            /// Whose it is.
            account_id: AccountId,
            /// Where to.
            url: String,
            /// What a delivery looks like.
            form: WebhookForm,
            /// Which events, by name; `*` is all.
            events: Vec<String>,
            /// Only events of these aggregate types; none: of all.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            aggregate_types: Vec<String>,
            /// Only what is about this runtime.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            runtime_id: Option<RuntimeId>,
            /// Only what is about this agent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            agent_id: Option<AgentId>,
            /// What its owner says of it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            description: Option<String>,
            /// Where in the vault its secret is.
            secret_ref: VaultRef,
            /// The last four characters of the secret.
            secret_hint: String,
            /// The first position to deliver; `None`: those after this event.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            from: Option<u64>,
        },
        /// It is otherwise from now on, also for what is still to be delivered.
        Updated = "WebhookUpdated", 1 {
            /// Where to.
            url: String,
            /// Which events.
            events: Vec<String>,
            /// Of which aggregate types; none: of all.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            aggregate_types: Vec<String>,
            /// Of which runtime.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            runtime_id: Option<RuntimeId>,
            /// Of which agent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            agent_id: Option<AgentId>,
            /// What its owner says of it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            description: Option<String>,
        },
        /// It delivers again.
        Enabled = "WebhookEnabled", 1 {
            /// The first position to deliver; `None`: those after this event.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            from: Option<u64>,
        },
        /// It delivers no more.
        Disabled = "WebhookDisabled", 1 {
            /// Why.
            reason: DisableReason,
            /// What was seen, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            detail: Option<String>,
        },
        /// It signs with another secret.
        SecretRotated = "WebhookSecretRotated", 1 {
            /// Where in the vault the new one is.
            secret_ref: VaultRef,
            /// Its last four characters.
            secret_hint: String,
            /// Where the former one is, if that signs as well for a while.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            previous_ref: Option<VaultRef>,
            /// Until when it does.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            previous_until: Option<DateTime<Utc>>,
            /// Where those are that nothing is signed with any more.
            dropped: Vec<VaultRef>,
        },
        /// It signs with its former secret no longer.
        SecretRetired = "WebhookSecretRetired", 1 {
            /// Where that is.
            dropped: VaultRef,
        },
        /// A test is to be sent, enabled or not.
        Tested = "WebhookTested", 1 {
            /// Names the test.
            test_id: String,
        },
        /// What matches between two positions is to be delivered again.
        ReplayRequested = "WebhookReplayRequested", 1 {
            /// The first position.
            from: u64,
            /// The last position.
            to: u64,
        },
        /// One event is to be delivered again, enabled or not.
        ResendRequested = "WebhookResendRequested", 1 {
            /// Its position.
            position: u64,
        },
        /// It is gone; its data key goes with it.
        Deleted = "WebhookDeleted", 1 {},
    }
}

//! What can happen to an agent.

use super::AgentStopReason;
use crate::{
    AccountId, AgentId, PolicyId, RuntimeId, TemplateId, UserId, event::events, runtime::Tenancy,
    template::Bundle,
};

events! {
    /// What can happen to an agent.
    pub enum AgentEvent {
        /// It was described.
        Created = "AgentCreated", 1 {
            /// Its id.
            agent_id: AgentId,
            /// Who pays.
            account_id: AccountId,
            /// Whose it is.
            owner_user_id: Option<UserId>,
            /// What its owner calls it.
            name: String,
            /// Its name in addresses, where it has one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            slug: Option<String>,
            /// What it is called where it speaks, where that is another name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            display_name: Option<String>,
            /// The template it was made of.
            template_id: Option<TemplateId>,
            /// First policy.
            policy_id: Option<PolicyId>,
            /// Model, skills and files.
            bundle: Bundle,
        },
        /// It is to be put on a runtime.
        Deployed = "AgentDeployed", 1 {
            /// Which; none: it waits for its owner's shared runtime.
            runtime_id: Option<RuntimeId>,
            /// Whether the runtime is its own.
            tenancy: Tenancy,
        },
        /// Its owner's shared runtime is there.
        Placed = "AgentPlaced", 1 {
            /// Which.
            runtime_id: RuntimeId,
        },
        /// It is to come up.
        StartRequested = "AgentStartRequested", 1 {},
        /// Its runtime said that it runs.
        Started = "AgentStarted", 1 {},
        /// It did not come up, or broke.
        Failed = "AgentFailed", 1 {
            /// Stable code.
            code: String,
            /// For people.
            reason: String,
        },
        /// It is to run no more.
        Stopped = "AgentStopped", 1 {
            /// Why.
            reason: AgentStopReason,
        },
        /// It is to come up anew.
        Restarted = "AgentRestarted", 1 {},
        /// What it is called or which model it asks for changed.
        Updated = "AgentUpdated", 1 {
            /// The new name, if that changed.
            name: Option<String>,
            /// What it is called from now on where it speaks, if that changed.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            display_name: Option<String>,
            /// The new model, if that changed.
            model: Option<String>,
        },
        /// A policy applies to it.
        PolicyAttached = "AgentPolicyAttached", 1 {
            /// Which.
            policy_id: PolicyId,
        },
        /// No policy applies to it.
        PolicyDetached = "AgentPolicyDetached", 1 {},
        /// Its runtime took it; what was pushed is in force there until the next push.
        Pushed = "AgentPushed", 1 {
            /// In which run of the runtime.
            run: u32,
            /// The policy it had then.
            policy_id: Option<PolicyId>,
            /// The rules of that policy then; none: it had no policy.
            rules: Option<String>,
            /// The revision of its workspace files then; none: it had none of its owner's.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            files: Option<u64>,
        },
        /// It is being removed.
        DeletionStarted = "AgentDeletionStarted", 1 {},
        /// It is gone.
        Deleted = "AgentDeleted", 1 {},
    }
}

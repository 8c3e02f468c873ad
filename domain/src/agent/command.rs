//! What an agent can be asked.

use super::{AgentStopReason, Pushed};
use crate::{
    AccountId, AgentId, PolicyId, RuntimeId, TemplateId, UserId, runtime::Tenancy, template::Bundle,
};

/// What an agent can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentCommand {
    /// Describe it.
    Create {
        /// New id.
        agent_id: AgentId,
        /// Who pays.
        account_id: AccountId,
        /// Whose it is.
        owner_user_id: Option<UserId>,
        /// What its owner calls it, 1 to 100 characters.
        name: String,
        /// Its name in addresses, for good: 2 to 32 lower-case letters, digits and hyphens.
        slug: Option<String>,
        /// What it is called where it speaks, 1 to 100 characters.
        display_name: Option<String>,
        /// The template it is made of.
        template_id: Option<TemplateId>,
        /// First policy.
        policy_id: Option<PolicyId>,
        /// Model, skills and files.
        bundle: Bundle,
    },
    /// Put it on a runtime.
    Deploy {
        /// Which; `None`: wherever its owner's shared runtime will be.
        runtime_id: Option<RuntimeId>,
        /// Whether the runtime is its own.
        tenancy: Tenancy,
    },
    /// Its owner's shared runtime is there.
    Place {
        /// Which.
        runtime_id: RuntimeId,
    },
    /// Bring it up.
    Start,
    /// Take it down.
    Stop {
        /// Why.
        reason: AgentStopReason,
    },
    /// Bring it up anew.
    Restart,
    /// Change what is given; `None` stays.
    Update {
        /// What its owner calls it, 1 to 100 characters.
        name: Option<String>,
        /// What it is called where it speaks, 1 to 100 characters.
        display_name: Option<String>,
        /// Model asked for, 1 to 100 characters.
        model: Option<String>,
    },
    /// Apply a policy to it.
    AttachPolicy {
        /// Which.
        policy_id: PolicyId,
    },
    /// Apply no policy to it.
    DetachPolicy,
    /// Remove it.
    Delete,
    /// Everything of it is removed.
    FinishDeletion,
    /// Its runtime says that it runs.
    ReportStarted,
    /// Its runtime took it as it was then.
    ReportPushed(Pushed),
    /// It did not come up, or broke.
    ReportFailed {
        /// Stable code.
        code: String,
        /// For people.
        reason: String,
    },
}

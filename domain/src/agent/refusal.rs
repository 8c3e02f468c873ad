//! Why an agent says no.

use crate::{Refusal, RefusalKind};

/// Why an agent says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    /// No such agent.
    #[error("there is no such agent")]
    AgentNotFound,
    /// The id is taken.
    #[error("an agent of that id was created before")]
    AgentAlreadyCreated,
    /// It is on a runtime.
    #[error("the agent is already deployed")]
    AgentAlreadyDeployed,
    /// It was never put on a runtime.
    #[error("the agent is not deployed")]
    AgentNotDeployed,
    /// Somebody stopped it.
    #[error("the agent is stopped")]
    AgentStopped,
    /// 1 to 100 characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
    /// 1 to 100 characters.
    #[error("a display name has 1 to 100 characters, none of them a control character")]
    DisplayNameInvalid,
    /// 2 to 32 characters.
    #[error(
        "a slug has 2 to 32 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen"
    )]
    SlugInvalid,
    /// 1 to 100 characters.
    #[error("a model has 1 to 100 characters, none of them a control character")]
    ModelInvalid,
}

impl Refusal for AgentRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::AgentNotFound => "agent_not_found",
            Self::AgentAlreadyCreated => "agent_already_created",
            Self::AgentAlreadyDeployed => "agent_already_deployed",
            Self::AgentNotDeployed => "agent_not_deployed",
            Self::AgentStopped => "agent_stopped",
            Self::NameInvalid => "name_invalid",
            Self::DisplayNameInvalid => "display_name_invalid",
            Self::SlugInvalid => "slug_invalid",
            Self::ModelInvalid => "model_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::AgentNotFound => RefusalKind::NotFound,
            Self::AgentAlreadyCreated
            | Self::AgentAlreadyDeployed
            | Self::AgentNotDeployed
            | Self::AgentStopped => RefusalKind::Conflict,
            Self::NameInvalid | Self::DisplayNameInvalid | Self::SlugInvalid | Self::ModelInvalid => {
                RefusalKind::Invalid
            }
        }
    }
}

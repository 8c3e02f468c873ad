//! Why a runtime says no.

use crate::{Refusal, RefusalKind};

/// Why a runtime says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeRefusal {
    /// No such runtime, or it is being removed.
    #[error("there is no such runtime")]
    RuntimeNotFound,
    /// The id is taken.
    #[error("a runtime of that id was requested before")]
    RuntimeAlreadyRequested,
    /// 1 to 64 characters.
    #[error("a name has 1 to 64 characters, none of them a control character")]
    NameInvalid,
    /// Provider, region or image.
    #[error("provider, region or image is not acceptable")]
    SpecInvalid,
    /// It is on its way down.
    #[error("the runtime is stopping")]
    RuntimeStopping,
    /// It is not up.
    #[error("the runtime is not running")]
    RuntimeNotRunning,
    /// Never made, or given away.
    #[error("there is no SSH key, or it was revealed before")]
    SshKeyNotFound,
}

impl Refusal for RuntimeRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::RuntimeNotFound => "runtime_not_found",
            Self::RuntimeAlreadyRequested => "runtime_already_requested",
            Self::NameInvalid => "name_invalid",
            Self::SpecInvalid => "runtime_spec_invalid",
            Self::RuntimeStopping => "runtime_stopping",
            Self::RuntimeNotRunning => "runtime_not_running",
            Self::SshKeyNotFound => "ssh_key_not_found",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::RuntimeNotFound | Self::SshKeyNotFound => RefusalKind::NotFound,
            Self::NameInvalid | Self::SpecInvalid => RefusalKind::Invalid,
            Self::RuntimeAlreadyRequested | Self::RuntimeStopping | Self::RuntimeNotRunning => {
                RefusalKind::Conflict
            }
        }
    }
}

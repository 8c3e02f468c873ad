//! Why a machine says no.

use crate::{Refusal, RefusalKind};

/// Why a machine says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MachineRefusal {
    /// No such machine, or it was removed.
    #[error("there is no such machine")]
    MachineNotFound,
    /// The id is taken.
    #[error("the machine is already registered")]
    MachineAlreadyRegistered,
    /// Wrong, used or lapsed: which of these is not said.
    #[error("the activation code is wrong, was used or has lapsed")]
    CodeUnknown,
    /// 1 to 100 printable characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
    /// At most 500 characters.
    #[error("a description has at most 500 characters and no control characters but line breaks")]
    DescriptionInvalid,
    /// The hash does not look like one.
    #[error("the hash is malformed")]
    HashInvalid,
}

impl Refusal for MachineRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::MachineNotFound => "machine_not_found",
            Self::MachineAlreadyRegistered => "machine_already_registered",
            Self::CodeUnknown => "activation_code_unknown",
            Self::NameInvalid => "name_invalid",
            Self::DescriptionInvalid => "description_invalid",
            Self::HashInvalid => "hash_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::MachineNotFound | Self::CodeUnknown => RefusalKind::NotFound,
            Self::MachineAlreadyRegistered => RefusalKind::Conflict,
            Self::NameInvalid | Self::DescriptionInvalid | Self::HashInvalid => RefusalKind::Invalid,
        }
    }
}

//! Invite code: lets so many people register an account of a dialect. Only its SHA-256 is ever stored.
//!
//! **Invariant:** a code is never redeemed more often than it was issued for. The stream's id is the digest, so
//! that two who redeem the last use at once meet on the stream's expected sequence.

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Dialect, InviteCodeId, Refusal, RefusalKind, event::events};

/// An invite code, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InviteCode {
    /// SHA-256 of the code, once it is issued.
    pub invite_code_id: Option<InviteCodeId>,
    /// Whose accounts it opens.
    pub dialect: Dialect,
    /// How often it still works.
    pub left: u32,
    /// Whether it was taken back.
    pub revoked: bool,
}

impl InviteCode {
    /// Most uses a code is issued for.
    pub const MAX_USES: u32 = 100_000;
}

/// What an invite code can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum InviteCodeCommand {
    /// Make it known.
    Issue {
        /// SHA-256 of the code, 64 lower-case hexadecimal digits.
        invite_code_id: InviteCodeId,
        /// Whose accounts it opens.
        dialect: Dialect,
        /// How often it works.
        uses: u32,
    },
    /// Let an account be registered with it.
    Redeem {
        /// The wire API the account is for.
        dialect: Dialect,
        /// The new account.
        account_id: AccountId,
    },
    /// Take it back. Accounts that were registered with it stay.
    Revoke,
}

events! {
    /// What can happen to an invite code.
    pub enum InviteCodeEvent {
        /// It works from now on.
        Issued = "InviteCodeIssued", 1 {
            /// SHA-256 of the code, hexadecimal.
            invite_code_id: InviteCodeId,
            /// Whose accounts it opens.
            dialect: Dialect,
            /// How often it works.
            uses: u32,
        },
        /// An account was registered with it.
        Redeemed = "InviteCodeRedeemed", 1 {
            /// The new account.
            account_id: AccountId,
        },
        /// It opens nothing any more.
        Revoked = "InviteCodeRevoked", 1 {},
    }
}

/// Why an invite code says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteCodeRefusal {
    /// No such code, one of another dialect, or one that was taken back.
    #[error("the invite code is not valid")]
    InviteCodeUnknown,
    /// It was redeemed as often as it was issued for.
    #[error("the invite code has been used")]
    InviteCodeUsed,
    /// The digest is taken.
    #[error("the invite code is already issued")]
    InviteCodeAlreadyIssued,
    /// It is issued for no use, or for too many.
    #[error("an invite code is for 1 to 100000 uses")]
    UsesInvalid,
}

impl Refusal for InviteCodeRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::InviteCodeUnknown => "invite_code_unknown",
            Self::InviteCodeUsed => "invite_code_used",
            Self::InviteCodeAlreadyIssued => "invite_code_already_issued",
            Self::UsesInvalid => "uses_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InviteCodeUnknown | Self::InviteCodeUsed | Self::UsesInvalid => RefusalKind::Invalid,
            Self::InviteCodeAlreadyIssued => RefusalKind::Conflict,
        }
    }
}

impl Decider for InviteCode {
    const TYPE: &'static str = "invite_code";
    type Command = InviteCodeCommand;
    type Event = InviteCodeEvent;
    type Refusal = InviteCodeRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            InviteCodeCommand::Issue { .. } if self.invite_code_id.is_some() => {
                Err(InviteCodeRefusal::InviteCodeAlreadyIssued)
            }
            InviteCodeCommand::Issue { uses, .. } if !(1..=Self::MAX_USES).contains(&uses) => {
                Err(InviteCodeRefusal::UsesInvalid)
            }
            InviteCodeCommand::Issue {
                invite_code_id,
                dialect,
                uses,
            } => Ok(vec![InviteCodeEvent::Issued {
                invite_code_id,
                dialect,
                uses,
            }]),
            InviteCodeCommand::Redeem { dialect, .. }
                if self.invite_code_id.is_none() || dialect != self.dialect || self.revoked =>
            {
                Err(InviteCodeRefusal::InviteCodeUnknown)
            }
            InviteCodeCommand::Redeem { .. } if self.left == 0 => Err(InviteCodeRefusal::InviteCodeUsed),
            InviteCodeCommand::Redeem { account_id, .. } => {
                Ok(vec![InviteCodeEvent::Redeemed { account_id }])
            }
            InviteCodeCommand::Revoke if self.invite_code_id.is_none() => {
                Err(InviteCodeRefusal::InviteCodeUnknown)
            }
            InviteCodeCommand::Revoke if self.revoked => Ok(vec![]),
            InviteCodeCommand::Revoke => Ok(vec![InviteCodeEvent::Revoked {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            InviteCodeEvent::Issued {
                invite_code_id,
                dialect,
                uses,
            } => {
                self.invite_code_id = Some(invite_code_id.clone());
                self.dialect = *dialect;
                self.left = *uses;
            }
            InviteCodeEvent::Redeemed { .. } => self.left = self.left.saturating_sub(1),
            InviteCodeEvent::Revoked {} => self.revoked = true,
        }
    }

    /// The operator's: an account it opened must not see who else came with it.
    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::InviteCode(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

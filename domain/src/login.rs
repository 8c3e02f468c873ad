//! Login: the one-time code by which the owner of an account signs in, of which only a keyed digest is stored.
//!
//! One stream per account. **Invariants:** at most one code is pending; a code works once, for
//! [`Login::LIFE`], and until [`Login::MAX_TRIES`] wrong ones were given; no more than
//! [`Login::MAX_REQUESTS`] codes are requested within an hour.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, VaultRef, event::events};

/// Signing in to an account, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// Whose it is, once a code was requested.
    pub account_id: Option<AccountId>,
    /// The code that works, if one does.
    pub pending: Option<PendingCode>,
    /// When the last codes were requested, oldest first; no more than matter.
    pub requested_at: Vec<DateTime<Utc>>,
}

/// A code that was requested and neither used nor voided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingCode {
    /// Keyed digest of the code: says nothing to whoever has not the server's key.
    pub code_digest: String,
    /// Where the code waits for being sent.
    pub code: VaultRef,
    /// When it works no longer.
    pub expires_at: DateTime<Utc>,
    /// How many wrong codes were given.
    pub tries: u32,
}

/// Why a code works no longer without having been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginVoidReason {
    /// Too many wrong codes were given.
    Tries,
    /// Its time was over.
    Lapsed,
}

impl Login {
    /// How long a code works.
    pub const LIFE: TimeDelta = TimeDelta::minutes(10);
    /// So many wrong codes void the right one.
    pub const MAX_TRIES: u32 = 5;
    /// Most codes requested within an hour.
    pub const MAX_REQUESTS: usize = 5;
    /// What requests are counted over.
    const WINDOW: TimeDelta = TimeDelta::hours(1);

    /// Whether that code may still be of use.
    pub fn awaits(&self, code: &VaultRef, now: DateTime<Utc>) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.code == *code && now < pending.expires_at)
    }

    fn verify(&self, code_digest: &str, now: DateTime<Utc>) -> Result<Vec<LoginEvent>, LoginRefusal> {
        let void = |reason| LoginEvent::Voided { reason };
        match &self.pending {
            None => Err(LoginRefusal::CodeNotValid),
            Some(code) if code.expires_at <= now => Ok(vec![void(LoginVoidReason::Lapsed)]),
            Some(code) if code.code_digest == code_digest => Ok(vec![LoginEvent::Verified {}]),
            Some(code) if code.tries + 1 >= Self::MAX_TRIES => {
                Ok(vec![LoginEvent::Refused {}, void(LoginVoidReason::Tries)])
            }
            Some(_) => Ok(vec![LoginEvent::Refused {}]),
        }
    }
}

/// What signing in can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum LoginCommand {
    /// Have a new code; one that is pending works no longer.
    Request {
        /// The account.
        account_id: AccountId,
        /// Keyed digest of the new code.
        code_digest: String,
        /// Where the code waits for being sent.
        code: VaultRef,
        /// When it is requested.
        now: DateTime<Utc>,
    },
    /// Give a code.
    Verify {
        /// Keyed digest of the code that was given.
        code_digest: String,
        /// When it is given.
        now: DateTime<Utc>,
    },
}

events! {
    /// What can happen when somebody signs in.
    pub enum LoginEvent {
        /// A code is to be sent, and works from now on; one before it works no longer.
        Requested = "LoginCodeRequested", 1 {
            /// The account.
            account_id: AccountId,
            /// Keyed digest of the code.
            code_digest: String,
            /// Where the code waits for being sent.
            code: VaultRef,
            /// When it was requested.
            requested_at: DateTime<Utc>,
            /// When it works no longer.
            expires_at: DateTime<Utc>,
        },
        /// The right code was given.
        Verified = "LoginCodeVerified", 1 {},
        /// A wrong code was given.
        Refused = "LoginCodeRefused", 1 {},
        /// The pending code works no longer.
        Voided = "LoginCodeVoided", 1 {
            /// Why.
            reason: LoginVoidReason,
        },
    }
}

/// Why signing in says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// No code is pending.
    #[error("the code is not valid")]
    CodeNotValid,
    /// Too many codes were requested within an hour.
    #[error("no more than five codes are sent within an hour")]
    TooManyCodes,
}

impl Refusal for LoginRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::CodeNotValid => "login_code_not_valid",
            Self::TooManyCodes => "too_many_login_codes",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::CodeNotValid => RefusalKind::Forbidden,
            Self::TooManyCodes => RefusalKind::LimitReached,
        }
    }
}

impl Decider for Login {
    const TYPE: &'static str = "login";
    type Command = LoginCommand;
    type Event = LoginEvent;
    type Refusal = LoginRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            LoginCommand::Request {
                account_id,
                code_digest,
                code,
                now,
            } => {
                let recent = self.requested_at.iter();
                let recent = recent.filter(|at| now - **at < Self::WINDOW).count();
                if recent >= Self::MAX_REQUESTS {
                    return Err(LoginRefusal::TooManyCodes);
                }
                Ok(vec![LoginEvent::Requested {
                    account_id,
                    code_digest,
                    code,
                    requested_at: now,
                    expires_at: now + Self::LIFE,
                }])
            }
            LoginCommand::Verify { code_digest, now } => self.verify(&code_digest, now),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            LoginEvent::Requested {
                account_id,
                code_digest,
                code,
                requested_at,
                expires_at,
            } => {
                self.account_id = Some(account_id.clone());
                self.pending = Some(PendingCode {
                    code_digest: code_digest.clone(),
                    code: code.clone(),
                    expires_at: *expires_at,
                    tries: 0,
                });
                self.requested_at.push(*requested_at);
                let old = self.requested_at.len().saturating_sub(Self::MAX_REQUESTS);
                self.requested_at.drain(..old);
            }
            LoginEvent::Refused {} => {
                if let Some(pending) = &mut self.pending {
                    pending.tries += 1;
                }
            }
            LoginEvent::Verified {} | LoginEvent::Voided { .. } => self.pending = None,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Login(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

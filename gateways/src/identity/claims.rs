//! What a verified token claims, and whether that is meant for us, now.

use reef_commands::ports::{ExternalIdentity, TokenError};
use serde::Deserialize;
use serde_json::Value;

use super::{invalid, issuer::IssuerConfig};

/// How far clocks may differ, in seconds.
const LEEWAY_S: f64 = 30.0;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 255;

/// The one claim that is read before the signature is checked, to find the issuer.
#[derive(Deserialize)]
pub(super) struct Issued {
    pub(super) iss: String,
}

/// Claims that are looked at (RFC 7519; `azp` and `sts` as Clerk has them).
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    aud: Option<Audience>,
    azp: Option<String>,
    /// State of the session; `pending`: the person has not finished signing in.
    sts: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn holds(&self, ours: &str) -> bool {
        match self {
            Self::One(one) => one == ours,
            Self::Many(many) => many.iter().any(|one| one == ours),
        }
    }
}

impl Claims {
    /// Whom the token stands for, if it is meant for us and valid at `now`, in seconds since 1970.
    pub(super) fn accept(self, config: &IssuerConfig, now: i64) -> Result<ExternalIdentity, TokenError> {
        self.in_time(now)?;
        self.for_us(config)?;
        let length = self.sub.chars().count();
        if !(1..=MAX_SUBJECT).contains(&length) || self.sub.chars().any(char::is_control) {
            return Err(invalid("with a subject that cannot be used"));
        }
        let email = self.email.filter(|_| !denied(self.email_verified.as_ref()));
        Ok(ExternalIdentity {
            issuer: self.iss,
            subject: self.sub,
            email,
            name: self.name,
            dialect: config.dialect,
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are exact for 285 million years"
    )]
    fn in_time(&self, now: i64) -> Result<(), TokenError> {
        let now = now as f64;
        if self.exp + LEEWAY_S <= now {
            return Err(invalid("expired"));
        }
        if self.nbf.is_some_and(|not_before| not_before - LEEWAY_S > now) {
            return Err(invalid("not yet valid"));
        }
        if self.iat.is_some_and(|issued_at| issued_at - LEEWAY_S > now) {
            return Err(invalid("issued in the future"));
        }
        Ok(())
    }

    fn for_us(&self, config: &IssuerConfig) -> Result<(), TokenError> {
        if self.iss != config.issuer {
            return Err(invalid("of another issuer"));
        }
        let meant = match (&self.aud, &config.audience) {
            (Some(audience), Some(ours)) => audience.holds(ours),
            // Whom it is for when nobody said who we are: somebody else.
            (Some(Audience::Many(nobody)), None) => nobody.is_empty(),
            (Some(Audience::One(_)), None) | (None, Some(_)) => false,
            (None, None) => true,
        };
        if !meant {
            return Err(invalid("for another audience"));
        }
        let parties = &config.authorized_parties;
        let given = self.azp.as_ref().is_some_and(|party| parties.contains(party));
        if !parties.is_empty() && !given {
            return Err(invalid("given to a party that is not authorized"));
        }
        if self.sts.as_deref() == Some("pending") {
            return Err(invalid("of a session that is not complete"));
        }
        Ok(())
    }
}

/// Whether the issuer says that the address is not verified.
fn denied(verified: Option<&Value>) -> bool {
    verified.is_some_and(|verified| *verified == Value::Bool(false) || verified.as_str() == Some("false"))
}

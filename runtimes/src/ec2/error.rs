//! Why AWS did not do it, and whether asking again may help.

use reef_commands::ports::DriverError;

/// Bytes of somebody else's text in an error of ours.
const MAX_TEXT_BYTES: usize = 600;

/// Codes of refusals that pass: no capacity just now, too many requests, or a state that is changing.
const PASSING: &[&str] = &[
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientAddressCapacity",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyUpdates",
    "Unavailable",
    "ServiceUnavailable",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "IncorrectInstanceState",
    "IncorrectState",
    "DependencyViolation",
    // Made by a try that never heard of it; the next one finds it.
    "InvalidGroup.Duplicate",
    "ConcurrentModification",
    // New credentials are fetched for the next try.
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
];

/// Why AWS did not do it. The text is for people and holds no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AwsError {
    /// No connection, or none that is trusted.
    #[error("{service} cannot be reached: {reason}")]
    Unreachable { service: &'static str, reason: String },
    /// It took the call and said nothing for so many seconds: it may have done it.
    #[error("{service} did not answer within {seconds} s")]
    Silent { service: &'static str, seconds: u64 },
    /// It said no.
    #[error("{service} refused (HTTP {status}, {code}): {message}")]
    Refused {
        service: &'static str,
        status: u16,
        code: String,
        message: String,
    },
    /// What answers there is not that service.
    #[error("the answer of {service} cannot be used: {reason}")]
    Unusable { service: &'static str, reason: String },
    /// There is nothing to sign with.
    #[error("no AWS credentials: {reason}")]
    NoCredentials { reason: String, passes: bool },
}

impl AwsError {
    /// The service's code of a refusal.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Unusable { .. }
            | Self::NoCredentials { .. } => None,
        }
    }

    /// Whether it was refused with one of these codes.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// Whether asking again later may help. An answer that makes no sense may be a proxy's.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Unusable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429 || self.is(PASSING),
            Self::NoCredentials { passes, .. } => *passes,
        }
    }
}

impl From<AwsError> for DriverError {
    fn from(error: AwsError) -> Self {
        let reason = error.to_string();
        if error.is_transient() {
            Self::Transient(reason)
        } else {
            Self::Permanent(reason)
        }
    }
}

/// The beginning of a text, on one line.
pub(super) fn beginning(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        let separator = usize::from(!short.is_empty());
        if short.len() + separator + word.len() > MAX_TEXT_BYTES {
            let room = MAX_TEXT_BYTES.saturating_sub(short.len() + separator);
            let cut = (0..=room)
                .rev()
                .find(|at| word.is_char_boundary(*at))
                .unwrap_or(0);
            if separator > 0 {
                short.push(' ');
            }
            short.push_str(&word[..cut]);
            short.push_str(" ...");
            break;
        }
        if separator > 0 {
            short.push(' ');
        }
        short.push_str(word);
    }
    short
}

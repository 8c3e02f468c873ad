//! Rate limits per credential, or per address where there is none, with the headers that tell them.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers (`RateLimit`, `RateLimit-Policy`), and the
//! three older ones that more clients know.

mod hourly;
mod windows;

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use reef_domain::{AccountId, UserId};

pub(crate) use hourly::Hourly;
pub(crate) use windows::{Own, Windows};

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// A credential, by the id of its key.
    Credential(Arc<str>),
    /// A person, by whatever credential.
    User(AccountId, UserId),
    /// Everybody in an account, by whatever credential.
    Account(AccountId),
    /// Everybody without a credential at this address or network.
    Address(IpAddr),
}

/// What is left after a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    limit: u32,
    remaining: u32,
    /// Seconds until the whole limit is there again.
    reset_s: u64,
    /// Seconds until the next request is let through; 0: this one is.
    pub(crate) wait_s: u64,
}

type Inner = RateLimiter<Counted, DashMapStateStore<Counted>, DefaultClock, StateInformationMiddleware>;

/// The limiter.
pub(crate) struct Limiter {
    inner: Inner,
    limit: NonZeroU32,
    checks: AtomicU32,
}

/// After so many requests, those who have not asked for long are forgotten.
const FORGET_EVERY: u32 = 1 << 16;

impl Limiter {
    /// So many requests per minute; `None` for 0: no limit.
    pub(crate) fn per_minute(limit: u32) -> Option<Self> {
        let limit = NonZeroU32::new(limit)?;
        let inner = RateLimiter::keyed(Quota::per_minute(limit)).with_middleware();
        Some(Self {
            inner,
            limit,
            checks: AtomicU32::new(0),
        })
    }

    /// Counts a request.
    pub(crate) fn count(&self, whose: &Counted) -> Allowance {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.inner.retain_recent();
        }
        let limit = self.limit.get();
        let (remaining, wait_s) = match self.inner.check_key(whose) {
            Ok(state) => (state.remaining_burst_capacity(), 0),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                (0, wait.as_secs() + 1)
            }
        };
        let used = u64::from(limit - remaining.min(limit));
        Allowance {
            limit,
            remaining,
            reset_s: (used * 60).div_ceil(u64::from(limit)),
            wait_s,
        }
    }
}

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Allowance {
    /// Tells the client.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let Self {
            limit,
            remaining,
            reset_s,
            ..
        } = self;
        headers.insert(LIMIT, HeaderValue::from(limit));
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(reset_s));
        let texts = [
            (RATELIMIT, format!("\"default\";r={remaining};t={reset_s}")),
            (POLICY, format!("\"default\";q={limit};w=60")),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! What the HTTP server can be told.

use std::{net::IpAddr, time::Duration};

use reef_commands::digest_key;

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// SHA-256 of the operator's key, lower-case hexadecimal: see [`ApiConfig::new`].
    pub operator_key_sha256: String,
    /// Requests per minute and credential (per address, without one); 0: no limit.
    pub rate_limit_per_minute: u32,
    /// Limits of the dialects are those of their documents times this; 0: no limits. Without a limit per
    /// credential they have none either.
    pub dialect_rate_limit_factor: u32,
    /// Largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// How long an ordinary request may take.
    pub request_timeout: Duration,
    /// How long a command that waits for an agent's reply may take.
    pub reply_timeout: Duration,
    /// How often an idle event stream says that it is alive.
    pub heartbeat: Duration,
    /// Most event streams at a time.
    pub max_streams: usize,
    /// Addresses whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether `/metrics` asks for no credential. What it shows names no account.
    pub open_metrics: bool,
    /// Provider of the machines that users start without saying which: a driver that is there.
    pub vm_provider: String,
    /// Region of those machines, where the provider has one for all.
    pub vm_region: Option<String>,
    /// What a new account of Thermidora starts with, in micro-dollars.
    pub thermidora_balance_micro: u64,
    /// Adds `GET` and `POST /bench/noop`, behind the same layers as everything else.
    pub bench_routes: bool,
}

impl ApiConfig {
    /// The usual configuration, for an operator with this key. Only its digest is kept.
    pub fn new(operator_key: &str) -> Self {
        Self {
            operator_key_sha256: digest_key(operator_key),
            rate_limit_per_minute: 6000,
            dialect_rate_limit_factor: 1,
            body_limit_bytes: 1 << 20,
            request_timeout: Duration::from_secs(30),
            reply_timeout: Duration::from_mins(5),
            heartbeat: Duration::from_secs(15),
            max_streams: 10_000,
            trusted_proxies: Vec::new(),
            open_metrics: true,
            vm_provider: "embedded".to_owned(),
            vm_region: None,
            thermidora_balance_micro: 0,
            bench_routes: false,
        }
    }

    /// What the documented limits of the dialects are multiplied by; 0: there are none.
    pub(crate) fn dialect_limits_factor(&self) -> u32 {
        if self.rate_limit_per_minute == 0 {
            0
        } else {
            self.dialect_rate_limit_factor
        }
    }
}

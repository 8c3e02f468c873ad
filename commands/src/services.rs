//! Everything a use case or a process manager may reach.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Entropy,
    account::Plans,
    ports::{
        AccountTokens, Clock, EventLog, LogLines, Mail, Payments, RuntimeDriver, SessionTokens, Sightings,
        Vault, Views, WebhookSender, Workspace,
    },
};

/// Runtime drivers by provider name.
#[derive(Clone, Default)]
pub struct Drivers(Arc<BTreeMap<&'static str, Arc<dyn RuntimeDriver>>>);

impl Drivers {
    /// These drivers, each under the name it gives itself.
    pub fn new(drivers: impl IntoIterator<Item = Arc<dyn RuntimeDriver>>) -> Self {
        Self(Arc::new(
            drivers
                .into_iter()
                .map(|driver| (driver.provider(), driver))
                .collect(),
        ))
    }

    /// The driver of that provider.
    pub fn get(&self, provider: &str) -> Option<&Arc<dyn RuntimeDriver>> {
        self.0.get(provider)
    }

    /// Names of the providers there are.
    pub fn providers(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

/// Services outside, each where it is configured.
#[derive(Clone, Default)]
pub struct Gateways {
    /// Verifies session tokens of issuers outside.
    pub tokens: Option<Arc<dyn SessionTokens>>,
    /// Takes payments.
    pub payments: Option<Arc<dyn Payments>>,
    /// Sends webhooks.
    pub webhooks: Option<Arc<dyn WebhookSender>>,
    /// Issues and verifies tokens of our own.
    pub own_tokens: Option<Arc<dyn AccountTokens>>,
    /// Sends letters.
    pub mail: Option<Arc<dyn Mail>>,
}

/// The ports, handed to everything that acts.
#[derive(Clone)]
pub struct Services {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The views.
    pub views: Arc<dyn Views>,
    /// Secrets and data keys.
    pub vault: Arc<dyn Vault>,
    /// Workspace files.
    pub workspace: Arc<dyn Workspace>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Log lines of runtimes.
    pub log_lines: Arc<dyn LogLines>,
    /// When machines were seen last.
    pub sightings: Arc<dyn Sightings>,
    /// Services outside.
    pub gateways: Gateways,
    /// What new accounts start on.
    pub plans: Plans,
}

//! Followers: run process managers over the log, once over all nodes.
//!
//! A process manager is a pure decider from events to intents, and a way to perform each. The log is the
//! outbox: a follower reads it from its durable checkpoint, under a fenced lease, and performs intents.
//! Intents of one key follow each other; different keys run side by side. The checkpoint passes an event
//! only when all its intents are done or parked, so after a crash an intent may run again, never be lost.

mod queue;
mod runner;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;
use reef_domain::Envelope;

use crate::{
    Caller, CommandError, Request,
    ports::{DriverError, EffectToken, LogError, VaultError},
};

pub use runner::{Follower, FollowerConfig, Retried};
pub use sweep::{Sweep, run_sweep};

/// Something a process manager wants done because of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent<A> {
    /// What it is about (`runtime/<id>`, `task/<id>`): intents of one key keep their order.
    pub key: String,
    /// Name of the step, unique among the intents of one event.
    pub step: &'static str,
    /// What to do.
    pub action: A,
}

impl<A> Intent<A> {
    /// An intent.
    pub fn new(key: impl Into<String>, step: &'static str, action: A) -> Self {
        Self {
            key: key.into(),
            step,
            action,
        }
    }
}

/// Why an effect failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// It may work later: it is tried again, and parked after too many tries.
    #[error("{0}")]
    Transient(String),
    /// Trying again will not help: it is parked at once.
    #[error("{0}")]
    Permanent(String),
}

impl From<DriverError> for EffectError {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::Transient(reason) => Self::Transient(reason),
            DriverError::Permanent(reason) => Self::Permanent(reason),
        }
    }
}

impl From<CommandError> for EffectError {
    fn from(error: CommandError) -> Self {
        if error.is_transient() {
            Self::Transient(error.to_string())
        } else {
            Self::Permanent(error.to_string())
        }
    }
}

impl From<LogError> for EffectError {
    fn from(error: LogError) -> Self {
        CommandError::from(error).into()
    }
}

impl From<VaultError> for EffectError {
    fn from(error: VaultError) -> Self {
        CommandError::from(error).into()
    }
}

/// What an effect is performed for: makes the second run recognisable as the first one's twin.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Name of the process manager.
    pub manager: &'static str,
    /// The event.
    pub envelope: Arc<Envelope>,
    /// The step within the event's intents.
    pub step: &'static str,
}

impl Cause {
    /// `<manager>-<position>-<step>`: the same for every run of this intent.
    pub fn token(&self) -> EffectToken {
        EffectToken(format!(
            "{}-{}-{}",
            self.manager, self.envelope.position, self.step
        ))
    }

    /// A request on the manager's own behalf that is carried out once, however often it is sent.
    /// `part` tells several requests of one intent apart.
    pub fn request(&self, part: &str) -> Request {
        let metadata = &self.envelope.metadata;
        let mut request = Request::new(Caller::system(self.manager), metadata.correlation_id.clone())
            .once(format!("{}-{part}", self.token().0));
        request.causation_id = Some(metadata.event_id.clone());
        request
    }
}

/// A process manager.
#[async_trait]
pub trait ProcessManager: Send + Sync + 'static {
    /// What an intent asks for.
    type Action: Send + Sync + Clone + 'static;

    /// Stable name: of its checkpoint, its lease and its actor in events.
    fn name(&self) -> &'static str;

    /// What the event asks for. Pure: the same event always gives the same intents.
    fn react(&self, envelope: &Envelope) -> Vec<Intent<Self::Action>>;

    /// Does it. May be called again for the same cause, and then must change nothing more.
    async fn perform(&self, action: &Self::Action, cause: &Cause) -> Result<(), EffectError>;
}

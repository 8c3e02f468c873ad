//! Cron: when an agent next does something by itself.
//!
//! One stream per agent, with the agent's id. The jobs are files of the agent, and only its runtime reads them:
//! the log knows the next due time of all of them, no more. A due time is a timer; when it rings, the runtime is
//! asked to do what is due, and plans anew.
//! **Invariant:** a planned time rings once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, AgentId, AnyEvent, Decider, Refusal, RefusalKind, RuntimeId, event::events};

/// When an agent's next cron job is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// Where the agent ran when it planned last.
    pub runtime_id: Option<RuntimeId>,
    /// When its next job is due; `None`: it has none, or one is being run.
    pub due_at: Option<DateTime<Utc>>,
}

/// What can be asked about an agent's cron jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CronCommand {
    /// Its runtime says when the next job is due.
    Plan {
        /// Who pays.
        account_id: AccountId,
        /// Where the agent runs.
        runtime_id: RuntimeId,
        /// Whose jobs.
        agent_id: AgentId,
        /// When; `None`: there is none.
        due_at: Option<DateTime<Utc>>,
    },
    /// The planned time may have come. Before it nothing happens.
    Ring {
        /// The present time.
        now: DateTime<Utc>,
    },
}

events! {
    /// What can happen to an agent's cron jobs.
    pub enum CronEvent {
        /// Its runtime said when the next one is due.
        Planned = "CronPlanned", 1 {
            /// Who pays.
            account_id: AccountId,
            /// Where the agent runs.
            runtime_id: RuntimeId,
            /// Whose jobs.
            agent_id: AgentId,
            /// When; `None`: there is none.
            due_at: Option<DateTime<Utc>>,
        },
        /// The time has come: its runtime is to do what is due.
        CameDue = "CronCameDue", 1 {
            /// What was planned.
            due_at: DateTime<Utc>,
        },
    }
}

/// Why there is no cron; there is no such reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CronRefusal {}

impl Refusal for CronRefusal {
    fn code(&self) -> &'static str {
        match *self {}
    }

    fn kind(&self) -> RefusalKind {
        match *self {}
    }
}

impl Decider for Cron {
    const TYPE: &'static str = "cron";
    type Command = CronCommand;
    type Event = CronEvent;
    type Refusal = CronRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        Ok(match command {
            CronCommand::Plan { due_at, .. } if due_at == self.due_at => vec![],
            CronCommand::Plan {
                account_id,
                runtime_id,
                agent_id,
                due_at,
            } => vec![CronEvent::Planned {
                account_id,
                runtime_id,
                agent_id,
                due_at,
            }],
            CronCommand::Ring { now } => match self.due_at {
                Some(due_at) if due_at <= now => vec![CronEvent::CameDue { due_at }],
                Some(_) | None => vec![],
            },
        })
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            CronEvent::Planned {
                account_id,
                runtime_id,
                due_at,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.runtime_id = Some(runtime_id.clone());
                self.due_at = *due_at;
            }
            CronEvent::CameDue { .. } => self.due_at = None,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Cron(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

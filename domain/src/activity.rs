//! Activity: what an agent did, for people to read: results of its cron jobs, its messages, its errors.
//!
//! One stream per agent, with the agent's id. Contents are in events only sealed, under the data key of the
//! activity's [`Keeper`]: where an account's events are the instance's, they outlive the agent and perish with
//! its runtime; elsewhere they perish with the agent.
//! **Invariants:** every activity is recorded once, under its own id; what was recorded never changes.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AgentId, AnyEvent, Decider, Dialect, MessageId, Refusal, RefusalKind, RuntimeId, text,
};

mod event;

pub use event::ActivityEvent;

/// An agent's activity, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// How much was recorded.
    pub count: u64,
    /// The activities recorded last: a report that comes again at once is known by its id. Older ones are
    /// known by their documents.
    pub recent: VecDeque<MessageId>,
}

/// Activities an agent's stream remembers by itself.
const REMEMBERED: usize = 32;

/// What every activity says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivityRecord {
    /// Its id; of a reply, the reply's message id.
    pub activity_id: MessageId,
    /// Who pays.
    pub account_id: AccountId,
    /// Where the agent ran.
    pub runtime_id: RuntimeId,
    /// Whose it is.
    pub agent_id: AgentId,
    /// The agent's slug then.
    pub agent_slug: Option<String>,
    /// Who speaks.
    pub sender: ActivitySender,
    /// With whose data key the content goes.
    pub keeper: Keeper,
    /// What it says, sealed under the keeper's data key.
    pub content_sealed: String,
}

impl ActivityRecord {
    /// The keeper's id.
    pub fn keeper_id(&self) -> &str {
        match self.keeper {
            Keeper::Runtime => self.runtime_id.as_str(),
            Keeper::Agent => self.agent_id.as_str(),
        }
    }
}

/// Who speaks in an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivitySender {
    /// What sort: `agent`.
    pub kind: String,
    /// Which one: the agent's slug, or its id where it has none.
    pub id: String,
    /// What it was called then.
    pub name: String,
}

/// With whose data key an activity's content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// With the runtime's: it outlives the agent.
    Runtime,
    /// With the agent's.
    Agent,
}

impl Keeper {
    /// Who keeps the activities of agents of that dialect's accounts. Thermidora lists the events of an
    /// instance; everywhere else deleting an agent deletes all it said.
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Thermidora => Self::Runtime,
            Dialect::Native
            | Dialect::Tropic
            | Dialect::Agentbot
            | Dialect::Expressclaw
            | Dialect::Agento => Self::Agent,
        }
    }

    /// The keeper as it is stored and shown; also its kind in the vault.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Agent => "agent",
        }
    }
}

/// What an agent's activity can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityCommand {
    /// A cron job ran.
    CompleteCronJob {
        /// What it said.
        record: ActivityRecord,
        /// The job's name, 1 to 200 characters.
        job_name: String,
    },
    /// The agent said something.
    SendMessage {
        /// What it said.
        record: ActivityRecord,
        /// The message it answers; none: it spoke of its own accord.
        in_reply_to: Option<MessageId>,
    },
    /// The agent could not do something.
    ReportError {
        /// What is to be said of it.
        record: ActivityRecord,
        /// Stable code.
        code: String,
        /// The cron job that failed, if one did.
        job_name: Option<String>,
    },
}

impl ActivityCommand {
    fn record(&self) -> &ActivityRecord {
        match self {
            Self::CompleteCronJob { record, .. }
            | Self::SendMessage { record, .. }
            | Self::ReportError { record, .. } => record,
        }
    }
}

/// Why an agent's activity says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActivityRefusal {
    /// Not a name for a job.
    #[error("a cron job's name has 1 to 200 characters")]
    JobNameInvalid,
}

impl Refusal for ActivityRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::JobNameInvalid => "job_name_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::JobNameInvalid => RefusalKind::Invalid,
        }
    }
}

fn job(name: &str) -> Result<String, ActivityRefusal> {
    text::name(name, 200).ok_or(ActivityRefusal::JobNameInvalid)
}

impl Decider for Activity {
    const TYPE: &'static str = "activity";
    type Command = ActivityCommand;
    type Event = ActivityEvent;
    type Refusal = ActivityRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if self.recent.contains(&command.record().activity_id) {
            return Ok(vec![]);
        }
        let event = match command {
            ActivityCommand::CompleteCronJob { record, job_name } => ActivityEvent::CronJobCompleted {
                record,
                job_name: job(&job_name)?,
            },
            ActivityCommand::SendMessage { record, in_reply_to } => {
                ActivityEvent::MessageSent { record, in_reply_to }
            }
            ActivityCommand::ReportError {
                record,
                code,
                job_name,
            } => ActivityEvent::ErrorReported {
                record,
                code: text::cut(&code, 100),
                job_name: job_name.as_deref().map(job).transpose()?,
            },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &Self::Event) {
        let record = event.record();
        self.account_id = Some(record.account_id.clone());
        self.count += 1;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(record.activity_id.clone());
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Activity(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

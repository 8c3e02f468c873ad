//! What agents did: replies are recorded in the append that completes or fails them, everything else as their
//! nodes report it, once. There is no command: nobody but a node says what an agent did.

mod content;

use reef_domain::{
    AgentId, MessageId, RuntimeId,
    account::Account,
    activity::{Activity, ActivityCommand, ActivityRecord, ActivitySender, Keeper},
    agent::Agent,
    runtime::{Runtime, RuntimeStatus},
};
use reef_projections::{Projection as _, views::activity::Activities};
use ring::digest::{SHA256, digest};

use crate::{Bus, Caller, CommandError, Outcome, Request, Unit, ports::VaultError};

pub use content::{SealedActivity, open_activity, seal_activity};

/// Longest content that is kept, in bytes; what is longer is cut.
const MAX_CONTENT: usize = 1 << 20;

/// Something an agent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// A cron job ran; the content is its result.
    CompletedCronJob {
        /// The job's name.
        job_name: String,
    },
    /// It said something.
    SentMessage {
        /// The message it answers; none: it spoke of its own accord.
        in_reply_to: Option<MessageId>,
    },
    /// It could not do something; the content is the text of the error.
    ReportedError {
        /// Stable code.
        code: String,
        /// The cron job that failed, if one did.
        job_name: Option<String>,
    },
}

/// What a node says that an agent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityReport {
    /// Where the agent runs.
    pub runtime_id: RuntimeId,
    /// Which agent.
    pub agent_id: AgentId,
    /// The node's own id of the report, unique for the agent: one that comes again changes nothing.
    pub report_id: String,
    /// What it did.
    pub did: Did,
    /// In which words.
    pub content: String,
}

impl ActivityReport {
    /// The id of the activity, which follows from that of the report.
    fn activity_id(&self) -> MessageId {
        let told = format!("{}\n{}\n{}", self.runtime_id, self.agent_id, self.report_id);
        let hash = digest(&SHA256, told.as_bytes());
        MessageId::from(format!("msg_{}", hex::encode(&hash.as_ref()[..12])))
    }
}

/// Records what a node reports. A report about an agent that is being removed is too late, not wrong.
pub(crate) async fn report(bus: &Bus, report: &ActivityReport) -> Result<(), CommandError> {
    let activity_id = report.activity_id();
    let request = Request::new(
        Caller::node(report.runtime_id.as_str()),
        format!("report/{}", report.report_id),
    );
    let recorded = bus.transact(&request, |unit| {
        let (report, activity_id) = (report.clone(), activity_id.clone());
        Box::pin(async move {
            let done = Outcome::of::<Activity>(&report.agent_id);
            let agent = unit.load::<Agent>(&report.agent_id).await?;
            if agent.sequence == 0 || agent.runtime_id.as_ref() != Some(&report.runtime_id) {
                return Err(CommandError::Unknown {
                    kind: "agent",
                    id: report.agent_id.to_string(),
                });
            }
            // Loaded before the look-up: should another node record the same report now, this is decided anew.
            unit.load::<Activity>(&report.agent_id).await?;
            let views = &unit.services().views;
            if views.get(Activities::NAME, activity_id.as_str()).await?.is_none() {
                record(unit, &report.agent_id, &activity_id, &report.did, &report.content).await?;
            }
            Ok(done)
        })
    });
    recorded.await.map(|_| ())
}

/// Makes it part of the unit's append that the agent did this. Nothing is recorded of an agent that has no
/// runtime, or that is being removed itself or with its runtime: there is, or soon will be, no key to seal
/// it under.
pub(crate) async fn record(
    unit: &mut Unit<'_>,
    agent_id: &AgentId,
    activity_id: &MessageId,
    did: &Did,
    content: &str,
) -> Result<(), CommandError> {
    let agent = unit.load::<Agent>(agent_id).await?;
    let (Some(account_id), Some(runtime_id)) = (agent.account_id.clone(), agent.runtime_id.clone()) else {
        return Ok(());
    };
    if reef_domain::Decider::is_gone(&*agent.state) || ends(unit, &runtime_id).await? {
        return Ok(());
    }
    let keeper = Keeper::of(unit.load::<Account>(&account_id).await?.dialect);
    let agent_slug = agent.slug.clone();
    let mut record = ActivityRecord {
        activity_id: activity_id.clone(),
        account_id,
        runtime_id,
        agent_id: agent_id.clone(),
        sender: ActivitySender {
            kind: "agent".to_owned(),
            id: agent_slug.clone().unwrap_or_else(|| agent_id.to_string()),
            name: agent.display_name.clone().unwrap_or_else(|| agent.name.clone()),
        },
        agent_slug,
        keeper,
        content_sealed: String::new(),
    };
    let content = &content[..content.floor_char_boundary(MAX_CONTENT)];
    match seal_activity(&*unit.services().vault, &record, content).await {
        Ok(sealed) => record.content_sealed = sealed.0,
        Err(VaultError::Destroyed) => return Ok(()),
        Err(error @ (VaultError::Absent | VaultError::Unopenable | VaultError::Unavailable(_))) => {
            return Err(error.into());
        }
    }
    unit.decide::<Activity>(agent_id, command(did, record)).await?;
    Ok(())
}

async fn ends(unit: &mut Unit<'_>, runtime_id: &RuntimeId) -> Result<bool, CommandError> {
    Ok(match unit.load::<Runtime>(runtime_id).await?.status {
        RuntimeStatus::Destroying | RuntimeStatus::Destroyed => true,
        RuntimeStatus::Provisioning
        | RuntimeStatus::Starting
        | RuntimeStatus::Running
        | RuntimeStatus::Stopping
        | RuntimeStatus::Stopped
        | RuntimeStatus::Failed => false,
    })
}

fn command(did: &Did, record: ActivityRecord) -> ActivityCommand {
    match did.clone() {
        Did::CompletedCronJob { job_name } => ActivityCommand::CompleteCronJob { record, job_name },
        Did::SentMessage { in_reply_to } => ActivityCommand::SendMessage { record, in_reply_to },
        Did::ReportedError { code, job_name } => ActivityCommand::ReportError {
            record,
            code,
            job_name,
        },
    }
}

#[cfg(test)]
mod tests;

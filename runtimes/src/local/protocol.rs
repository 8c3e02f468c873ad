//! The node protocol, version 1: JSON text frames over a WebSocket that the node opens.
//!
//! Fields that a side does not know are ignored, so fields can be added within a version; frames of an unknown
//! `type` are answered with a refusal, so those cannot.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reef_commands::ports::{InstalledSkill, LogLevel, OwnedFiles, Usage};
use reef_domain::{AccountId, AgentId, ConversationId, MachineId, RuntimeId, TaskId};
use serde::{Deserialize, Serialize};

/// The version spoken here.
pub const VERSION: u32 = 1;

/// The token does not work any more: there is no use in trying again.
pub const CLOSE_REVOKED: u16 = 4401;
/// The same machine connected again, which ends the older connection.
pub const CLOSE_REPLACED: u16 = 4409;
/// What came is not this protocol.
pub const CLOSE_PROTOCOL: u16 = 4400;
/// It was silent, or did not read, for too long: connect again.
pub const CLOSE_SLOW: u16 = 4408;
/// The server stops: connect again.
pub const CLOSE_AWAY: u16 = 1001;

/// What a node says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromNode {
    /// The first frame.
    Hello(Hello),
    /// It lives. Sent as often as the welcome says.
    Heartbeat(Heartbeat),
    /// Something happened; sent again, in a later connection too, until it is acknowledged.
    Report {
        /// Its number within the node process, from 1.
        seq: u64,
        /// What happened.
        report: Report,
    },
    /// A piece of the reply to a chat request.
    Chunk {
        /// The request.
        id: u64,
        /// More text.
        text: String,
    },
    /// A request is done.
    Answer {
        /// The request.
        id: u64,
        /// What came of it.
        outcome: Outcome,
    },
}

/// The first frame of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Versions of the protocol it speaks.
    pub versions: Vec<u32>,
    /// Its software and version, such as `reef/0.1.0`.
    pub software: String,
    /// What works there: `embedded` or `openclaw`.
    pub engine: String,
    /// What it can do: `chat`, `tasks`, `logs`.
    pub capabilities: Vec<String>,
    /// Made anew by each node process: numbers of reports count within it.
    pub instance: String,
}

/// How a node does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Why it is not well; `None`: it is.
    #[serde(default)]
    pub trouble: Option<String>,
    /// Requests under way.
    #[serde(default)]
    pub requests: u32,
    /// Reports not acknowledged yet.
    #[serde(default)]
    pub reports: u32,
    /// Resident memory of the node process, in bytes, where it is known.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// What happened on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Report {
    /// It wants to work on a task.
    TaskClaimed {
        /// Which.
        task_id: TaskId,
    },
    /// A task needs a person's confirmation.
    ApprovalNeeded {
        /// Which.
        task_id: TaskId,
        /// The rule that says so.
        rule: String,
        /// Why, for people.
        reason: String,
    },
    /// A task is done.
    TaskCompleted {
        /// Which.
        task_id: TaskId,
        /// What came of it.
        result: String,
        /// What it used.
        usage: Usage,
    },
    /// A task cannot be done.
    TaskFailed {
        /// Which.
        task_id: TaskId,
        /// Stable code.
        code: String,
        /// Why, for people.
        reason: String,
    },
    /// A cron job of an agent ran.
    CronCompleted {
        /// The node's own id of the report, unique for the agent.
        report_id: String,
        /// Whose job.
        agent_id: AgentId,
        /// Its name.
        job_name: String,
        /// The result.
        content: String,
    },
    /// An agent said something of its own accord.
    AgentMessage {
        /// The node's own id of the report, unique for the agent.
        report_id: String,
        /// Which agent.
        agent_id: AgentId,
        /// What it said.
        content: String,
    },
    /// An agent could not do something by itself.
    AgentError {
        /// The node's own id of the report, unique for the agent.
        report_id: String,
        /// Which agent.
        agent_id: AgentId,
        /// Stable code.
        code: String,
        /// The error, for people.
        content: String,
        /// The cron job that failed, if one did.
        #[serde(default)]
        job_name: Option<String>,
    },
    /// When an agent's next cron job is due.
    CronPlanned {
        /// Whose jobs.
        agent_id: AgentId,
        /// When; absent: there is none.
        due_at: Option<DateTime<Utc>>,
    },
    /// It printed a line. Lines are dropped rather than kept without bound.
    Logged {
        /// The agent it is about.
        agent_id: Option<AgentId>,
        /// How grave.
        level: LogLevel,
        /// The text.
        message: String,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// What the runtime was seen to do.
    Observed {
        /// That.
        observation: Observed,
    },
    /// The reply is whole.
    Replied {
        /// What it used.
        usage: Usage,
        /// What answered.
        model: String,
    },
    /// It was not done.
    Failed {
        /// Whether trying again may help.
        transient: bool,
        /// Why, for people.
        reason: String,
    },
}

/// What the runtime was seen to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Observed {
    /// It comes up.
    Pending,
    /// It runs.
    Running {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It is stopped.
    Stopped,
    /// There is none.
    Absent,
    /// It will not come up.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, between a socket and its handler"
)]
pub enum FromServer {
    /// The answer to a hello.
    Welcome(Welcome),
    /// A request.
    Request {
        /// Its number within the connection.
        id: u64,
        /// The runtime it is about.
        runtime: Runtime,
        /// What is to be done.
        call: Call,
    },
    /// Nobody waits for that request's answer any more.
    Cancel {
        /// The request.
        id: u64,
    },
    /// A report was recorded.
    Ack {
        /// Which.
        seq: u64,
        /// What came of it.
        verdict: Verdict,
    },
}

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version of the protocol that is spoken from now on.
    pub version: u32,
    /// Which machine it is.
    pub machine_id: MachineId,
    /// What its owner calls it.
    pub name: String,
    /// The runtime it is.
    pub runtime: Runtime,
    /// Seconds between two heartbeats.
    pub heartbeat_s: u64,
    /// Longest frame, in bytes.
    pub max_frame: usize,
    /// Whether it is to run; else its owner has stopped it.
    pub is_to_run: bool,
    /// The agents that belong on it; others are to go.
    pub agents: Vec<AgentId>,
}

/// A runtime as nodes know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Its id.
    pub runtime_id: RuntimeId,
    /// Whose it is.
    pub account_id: AccountId,
}

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Verdict {
    /// It is recorded; of a claim: the task is to be worked on.
    Taken,
    /// It is no longer wanted: the task was settled or is gone.
    Declined {
        /// Of a claim: whether the task is over for good. Else it may wait for a person.
        #[serde(default)]
        over: bool,
    },
    /// It cannot be recorded, and trying again will not help.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What is to be done. `token`: one that comes a second time is done already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Call {
    /// Make the runtime.
    Provision {
        /// What makes the effect recognisable.
        token: String,
    },
    /// Start it.
    Start {
        /// What makes the effect recognisable.
        token: String,
    },
    /// Stop it; files stay.
    Stop {
        /// What makes the effect recognisable.
        token: String,
    },
    /// Restart what answers, not the machine.
    RestartGateway {
        /// What makes the effect recognisable.
        token: String,
    },
    /// Say what it does.
    Observe,
    /// Apply the owner's settings, all of them.
    Configure {
        /// Command bundles that are on.
        command_bundles: Vec<String>,
        /// Port to the CIDR blocks that may reach it.
        firewall: BTreeMap<String, Vec<String>>,
        /// What makes the effect recognisable.
        token: String,
    },
    /// Put an agent there, or bring it up to date.
    Push {
        /// The agent as it is to be now.
        bundle: Bundle,
        /// What makes the effect recognisable.
        token: String,
    },
    /// Put an agent to rest.
    RestAgent {
        /// Which.
        agent_id: AgentId,
        /// What makes the effect recognisable.
        token: String,
    },
    /// Take an agent off, with its files.
    RemoveAgent {
        /// Which.
        agent_id: AgentId,
        /// What makes the effect recognisable.
        token: String,
    },
    /// Do what the agent's cron jobs have due, and plan anew.
    RunCron {
        /// The agent as it was pushed last.
        bundle: Bundle,
    },
    /// Work on a task; answered when it is done, has failed or waits for a person.
    RunTask {
        /// Which.
        task_id: TaskId,
        /// What is to be done.
        description: String,
        /// Whether a person has confirmed it.
        approved: bool,
        /// The agent as it is to be now.
        bundle: Bundle,
    },
    /// Reply to a message; the reply comes in chunks.
    Chat {
        /// The conversation.
        conversation_id: ConversationId,
        /// Earlier messages, oldest first.
        history: Vec<Turn>,
        /// The present message.
        message: String,
        /// The agent as it is to be now.
        bundle: Bundle,
    },
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Which.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// Model asked for.
    pub model: String,
    /// Skills by name.
    pub skills: Vec<String>,
    /// Skills that are installed for it.
    #[serde(default)]
    pub installed_skills: Vec<InstalledSkill>,
    /// Policy text; `None`: no policy.
    pub policy_rules: Option<String>,
    /// Command bundles that are on.
    pub command_bundles: Vec<String>,
    /// Files to seed.
    pub workspace: BTreeMap<String, String>,
    /// What its owner wrote into its workspace; absent: nothing is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<OwnedFiles>,
}

/// An earlier message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Whether the agent said it.
    pub from_agent: bool,
    /// What was said.
    pub content: String,
}

//! Where agents really run: one driver per provider.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use reef_domain::{AccountId, AgentId, ConversationId, RuntimeId, TaskId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Makes an effect recognisable when it is run a second time: `<manager>-<position>-<step>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectToken(pub String);

/// The runtime to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSpec {
    /// Its id.
    pub runtime_id: RuntimeId,
    /// Who pays.
    pub account_id: AccountId,
    /// Whose it is within the account.
    pub owner_user_id: Option<UserId>,
    /// What the provider calls it, once it exists.
    pub provider_ref: Option<String>,
    /// Region asked for.
    pub region: Option<String>,
    /// Image asked for.
    pub image_ref: Option<String>,
    /// The owner's public key, one line of `authorized_keys`: who has the private part may log in.
    pub ssh_public_key: Option<String>,
}

/// What the owner of a runtime has set for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// Command bundles that are on.
    pub command_bundles: Vec<String>,
    /// Port to the IPv4 or IPv6 CIDR blocks that may reach it. A port that is not there, or has no
    /// block, is closed.
    pub firewall: BTreeMap<String, Vec<String>>,
}

/// What the provider or the node was seen to say; never what we hope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeObservation {
    /// Being made or started; ask again.
    Pending {
        /// What the provider calls it.
        provider_ref: String,
    },
    /// Up and answering.
    Running {
        /// What the provider calls it.
        provider_ref: String,
        /// Where it can be reached, if anywhere.
        public_ip: Option<String>,
        /// Since when its node process runs.
        since: DateTime<Utc>,
    },
    /// There, but not running.
    Stopped {
        /// What the provider calls it.
        provider_ref: String,
    },
    /// The provider does not know it.
    Absent,
    /// It will not come up.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// Everything an agent needs on its runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentBundle {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// Model asked for.
    pub model: String,
    /// Skills by name.
    pub skills: Vec<String>,
    /// Skills that are installed for it. A runtime with files of its own keeps each in a folder `skills/<name>` of
    /// the workspace; what is no longer named goes.
    pub installed_skills: Vec<InstalledSkill>,
    /// Policy text, one rule per line; `None`: no policy attached. For work it is the text that was pushed
    /// last, whatever became of the policy since.
    pub policy_rules: Option<String>,
    /// Command bundles the user enabled.
    pub command_bundles: Vec<String>,
    /// Files to seed; those the agent already has are kept.
    pub workspace: BTreeMap<String, String>,
    /// What its owner wrote into its workspace; `None`: nothing is told, and nothing of it changes.
    pub files: Option<OwnedFiles>,
}

/// All that the owner of an agent wrote into its workspace. A file of another revision than the runtime took
/// last takes the place of what is there; one that is no longer named is removed. What the agent has written
/// itself stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFiles {
    /// Number of the last change.
    pub revision: u64,
    /// Every file, by path.
    pub files: BTreeMap<String, OwnedFile>,
}

/// A file as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFile {
    /// The change that wrote it.
    pub revision: u64,
    /// What it holds.
    pub content: String,
}

/// A skill that is installed for an agent, or for all agents of its runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledSkill {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: Option<String>,
    /// Its files, `SKILL.md` among them: path to text.
    pub files: BTreeMap<String, String>,
}

/// A task handed to an agent. Handing it again continues it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskAssignment {
    /// The task.
    pub task_id: TaskId,
    /// What is to be done.
    pub description: String,
    /// Whether a person has already confirmed it.
    pub approved: bool,
    /// The agent as it was pushed last.
    pub bundle: AgentBundle,
}

/// One message to an agent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Earlier messages, oldest first, without the present one.
    pub history: Vec<ChatTurn>,
    /// The present message.
    pub message: String,
    /// The agent as it was pushed last.
    pub bundle: AgentBundle,
}

/// One earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTurn {
    /// Whether the agent said it.
    pub from_agent: bool,
    /// What was said.
    pub content: String,
}

/// What a reply used. Zero where the provider told nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Model tokens read.
    pub input_tokens: u64,
    /// Model tokens written.
    pub output_tokens: u64,
}

/// A piece of a streamed reply. The stream ends after `Done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatChunk {
    /// More text.
    Delta(String),
    /// The reply is whole.
    Done {
        /// What it used.
        usage: Usage,
        /// What answered: `openai:<model>`, `anthropic:<model>` or `local-responder`.
        model: String,
    },
}

/// Why a driver did not do it. The text is for people and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// Try again later.
    #[error("{0}")]
    Transient(String),
    /// Trying again will not help.
    #[error("{0}")]
    Permanent(String),
}

/// A driver. Every call may be repeated with the same token and then changes nothing more.
#[async_trait]
pub trait RuntimeDriver: Send + Sync + 'static {
    /// Name of the provider, as runtimes name it.
    fn provider(&self) -> &'static str;
    /// Makes the runtime, or finds the one made before.
    async fn provision(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError>;
    /// Starts a stopped runtime.
    async fn start(&self, spec: &RuntimeSpec, token: &EffectToken)
    -> Result<RuntimeObservation, DriverError>;
    /// Stops it; its files stay.
    async fn stop(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<RuntimeObservation, DriverError>;
    /// Restarts the gateway process on it, not the runtime itself.
    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError>;
    /// Removes it with everything on it.
    async fn destroy(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<(), DriverError>;
    /// What it is doing now.
    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError>;
    /// Applies the owner's settings, all of them: command bundles on the machine, firewall rules to its
    /// security group. What an earlier call applied and this one does not name is taken back.
    async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
        token: &EffectToken,
    ) -> Result<(), DriverError>;
    /// Puts the agent there, or brings it up to date; one that was put to rest works again.
    async fn push(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        token: &EffectToken,
    ) -> Result<(), DriverError>;
    /// Puts the agent to rest: it works on nothing until it is pushed again. Its files stay.
    async fn rest_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError>;
    /// Takes the agent off, with its files.
    async fn remove_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError>;
    /// Has the agent work on a task; reports come over [`super::NodeEvents`]. Returns when the task is
    /// done, has failed or waits for a person.
    async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError>;
    /// Has the agent do what its cron jobs have due; results and the next due time come over
    /// [`super::NodeEvents`]. Called when the time comes that the runtime has planned: one that keeps its own
    /// time plans nothing, and has nothing to do here.
    async fn run_cron(&self, _: &RuntimeSpec, _: &AgentBundle) -> Result<(), DriverError> {
        Ok(())
    }
    /// Sends a message; the reply comes as a stream.
    async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError>;
    /// What is wrong with what answers, though the runtime itself runs; `None`: nothing that is known.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// Secrets for a model provider, read when they are needed and not kept.
#[derive(Debug, Clone)]
pub struct ModelSecret(pub Zeroizing<String>);

/// At which point the environment of a runtime is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentAt {
    /// As its processes have it: of their last start or restart.
    LastStart,
    /// As they would get it if they were started now.
    NextStart,
}

/// Finds the environment that the owner of a runtime has set for its processes.
#[async_trait]
pub trait EnvironmentLookup: Send + Sync + 'static {
    /// Values by the name of the variable; `None`: secrets are not the environment of that runtime.
    async fn environment(
        &self,
        runtime: &RuntimeId,
        at: EnvironmentAt,
    ) -> Result<Option<BTreeMap<String, ModelSecret>>, DriverError>;
}

/// Finds an agent's secrets by name: the agent's own, else its runtime's, else its owner's.
#[async_trait]
pub trait SecretLookup: Send + Sync + 'static {
    /// The secret of that name.
    async fn secret(&self, agent: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError>;
}

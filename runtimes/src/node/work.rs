//! Requests of the server, done by the node's driver.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::StreamExt as _;
use parking_lot::Mutex;
use reef_commands::ports::{
    ChatChunk, ChatRequest, DriverError, EffectToken, RuntimeDriver, RuntimeSettings, RuntimeSpec,
    TaskAssignment,
};
use tokio::sync::mpsc;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::files::LocalFiles;
use crate::local::protocol::{Call, FromNode, Outcome, Runtime, Welcome};

/// Requests under way; further ones are to be asked again.
const AT_ONCE: usize = 64;

/// What the node does for the server, over all its connections.
pub(super) struct Work {
    driver: Arc<dyn RuntimeDriver>,
    files: LocalFiles,
    tracker: TaskTracker,
    stopping: AtomicBool,
}

/// Replies under way on one connection; they end with it.
#[derive(Default)]
pub(super) struct Replies(Mutex<HashMap<u64, AbortOnDropHandle<()>>>);

impl Replies {
    pub(super) fn cancel(&self, id: u64) {
        self.0.lock().remove(&id);
    }
}

impl Work {
    pub(super) fn new(driver: Arc<dyn RuntimeDriver>, files: LocalFiles) -> Self {
        Self {
            driver,
            files,
            tracker: TaskTracker::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Requests under way.
    pub(super) fn under_way(&self) -> usize {
        self.tracker.len()
    }

    /// What is wrong with what answers here.
    pub(super) fn trouble(&self) -> Option<String> {
        self.driver.trouble()
    }

    /// Takes nothing new, and waits for everything under way.
    pub(super) async fn drain(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Makes things as the server says they are: the runtime is there, runs or not, and nobody is on it who
    /// does not belong there.
    pub(super) async fn settle_in(&self, welcome: &Welcome) -> Result<(), DriverError> {
        let spec = RuntimeSpec::from(&welcome.runtime);
        let token = EffectToken(format!("welcome-{}", uuid::Uuid::now_v7()));
        self.driver.provision(&spec, &token).await?;
        if !welcome.is_to_run {
            self.driver.stop(&spec, &token).await?;
        }
        let here = self.files.agents().await.map_err(|error| unreadable(&error))?;
        for agent in here {
            let belongs = welcome.agents.contains(&agent) || agent.as_str() == spec.runtime_id.as_str();
            if !belongs {
                tracing::info!(%agent, "the agent no longer belongs here; it is removed with its files");
                self.driver.remove_agent(&spec, &agent, &token).await?;
            }
        }
        Ok(())
    }

    /// Does what is asked; the answer goes out on `answers`.
    pub(super) fn begin(
        self: &Arc<Self>,
        replies: &Arc<Replies>,
        answers: &mpsc::Sender<FromNode>,
        id: u64,
        runtime: &Runtime,
        call: Call,
    ) {
        let spec = RuntimeSpec::from(runtime);
        let (work, answers) = (Arc::clone(self), answers.clone());
        let stopping = self.stopping.load(Ordering::Relaxed);
        if stopping || self.under_way() >= AT_ONCE {
            let reason = if stopping {
                "the machine stops"
            } else {
                "the machine is busy"
            };
            let outcome = Outcome::from(DriverError::Transient(reason.to_owned()));
            self.tracker.spawn(answer(answers, id, outcome));
            return;
        }
        if let Call::Chat {
            conversation_id,
            history,
            message,
            bundle,
        } = call
        {
            let request = ChatRequest {
                conversation_id,
                history: history.into_iter().map(Into::into).collect(),
                message,
                bundle: bundle.into(),
            };
            let ended = Arc::clone(replies);
            // Held while it is entered, so that it cannot end before.
            let mut under_way = replies.0.lock();
            let reply = self.tracker.spawn(async move {
                let outcome = work.reply(&spec, request, id, &answers).await;
                answer(answers, id, outcome.unwrap_or_else(Into::into)).await;
                // Its own handle goes last: dropping it ends the task.
                let own = ended.0.lock().remove(&id);
                drop(own.map(AbortOnDropHandle::detach));
            });
            under_way.insert(id, AbortOnDropHandle::new(reply));
        } else {
            self.tracker.spawn(async move {
                let outcome = work.perform(&spec, call).await;
                answer(answers, id, outcome).await;
            });
        }
    }

    async fn reply(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
        id: u64,
        answers: &mpsc::Sender<FromNode>,
    ) -> Result<Outcome, DriverError> {
        let mut reply = self.driver.chat(spec, request).await?;
        while let Some(chunk) = reply.next().await {
            match chunk? {
                ChatChunk::Delta(text) => {
                    if answers.send(FromNode::Chunk { id, text }).await.is_err() {
                        break;
                    }
                }
                ChatChunk::Done { usage, model } => return Ok(Outcome::Replied { usage, model }),
            }
        }
        Err(DriverError::Transient("the reply broke off".to_owned()))
    }

    async fn perform(&self, spec: &RuntimeSpec, call: Call) -> Outcome {
        let driver = &self.driver;
        match call {
            Call::Provision { token } => driver.provision(spec, &EffectToken(token)).await.into(),
            Call::Start { token } => driver.start(spec, &EffectToken(token)).await.into(),
            Call::Stop { token } => driver.stop(spec, &EffectToken(token)).await.into(),
            Call::RestartGateway { token } => driver.restart_gateway(spec, &EffectToken(token)).await.into(),
            Call::Observe => driver.observe(spec).await.into(),
            Call::Configure {
                command_bundles,
                firewall,
                token,
            } => {
                let settings = RuntimeSettings {
                    command_bundles,
                    firewall,
                };
                driver
                    .configure(spec, &settings, &EffectToken(token))
                    .await
                    .into()
            }
            Call::Push { bundle, token } => driver
                .push(spec, &bundle.into(), &EffectToken(token))
                .await
                .into(),
            Call::RestAgent { agent_id, token } => driver
                .rest_agent(spec, &agent_id, &EffectToken(token))
                .await
                .into(),
            Call::RemoveAgent { agent_id, token } => driver
                .remove_agent(spec, &agent_id, &EffectToken(token))
                .await
                .into(),
            Call::RunTask {
                task_id,
                description,
                approved,
                bundle,
            } => {
                let task = TaskAssignment {
                    task_id,
                    description,
                    approved,
                    bundle: bundle.into(),
                };
                driver.run_task(spec, task).await.into()
            }
            Call::RunCron { bundle } => driver.run_cron(spec, &bundle.into()).await.into(),
            Call::Chat { .. } => Outcome::from(DriverError::Permanent("a reply comes in chunks".to_owned())),
        }
    }
}

async fn answer(answers: mpsc::Sender<FromNode>, id: u64, outcome: Outcome) {
    if answers.send(FromNode::Answer { id, outcome }).await.is_err() {
        tracing::debug!(request = id, "nobody is there any more to take the answer");
    }
}

fn unreadable(error: &io::Error) -> DriverError {
    DriverError::Transient(format!("the node's folder cannot be read: {error}"))
}

//! Cron: wakes the runtime of an agent when a job of it is due. What is due the runtime knows; it plans anew when
//! it is done, and whenever the agent is pushed. So what comes due while agent or runtime are down is left alone until then.

use async_trait::async_trait;
use reef_domain::{
    AgentId, AnyEvent, Envelope,
    agent::{Agent, AgentStatus},
    cron::CronEvent,
};

use super::{Context, bundle::bundle_in_force, spec_of};
use crate::follower::{Cause, EffectError, Intent, ProcessManager};

/// Name of the manager.
pub const NAME: &str = "cron";

/// The manager of cron jobs.
pub struct CronJobs(Context);

impl CronJobs {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ProcessManager for CronJobs {
    type Action = AgentId;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<AgentId>> {
        if let AnyEvent::Cron(CronEvent::CameDue { .. }) = &envelope.event {
            let agent = AgentId::new(std::sync::Arc::clone(&envelope.aggregate_id));
            vec![Intent::new(format!("agent/{agent}"), "run", agent)]
        } else {
            Vec::new()
        }
    }

    async fn perform(&self, id: &AgentId, _: &Cause) -> Result<(), EffectError> {
        let bus = &self.0.bus;
        let Some(agent) = bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        let up = agent
            .runtime_id
            .clone()
            .filter(|_| agent.status == AgentStatus::Running);
        let Some(runtime_id) = up else { return Ok(()) };
        let Some(runtime) = self.0.runtime(&runtime_id).await? else {
            return Ok(());
        };
        // In a new run the agent is pushed first, and plans then.
        let pushed = agent
            .pushed
            .as_ref()
            .is_none_or(|pushed| pushed.run == runtime.run);
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.is_running() && pushed) else {
            return Ok(());
        };
        let bundle = bundle_in_force(bus, id, &agent).await?;
        Ok(self.0.driver(&runtime.provider)?.run_cron(&spec, &bundle).await?)
    }
}

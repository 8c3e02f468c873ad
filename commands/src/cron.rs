//! Cron: nodes say when the next job of an agent is due. There is no command: nobody else knows its jobs.

use chrono::{DateTime, Utc};
use reef_domain::{
    AgentId, Decider as _, RuntimeId,
    agent::Agent,
    cron::{Cron, CronCommand},
};

use crate::{Bus, Caller, CommandError, Outcome, Request};

/// Records when the next job is due. Of an agent that is being removed nothing is due any more.
pub(crate) async fn plan(
    bus: &Bus,
    runtime_id: &RuntimeId,
    agent_id: &AgentId,
    due_at: Option<DateTime<Utc>>,
) -> Result<(), CommandError> {
    let request = Request::new(Caller::node(runtime_id.as_str()), format!("cron/{agent_id}"));
    let planned = bus.transact(&request, |unit| {
        let (runtime_id, agent_id) = (runtime_id.clone(), agent_id.clone());
        Box::pin(async move {
            let agent = unit.load::<Agent>(&agent_id).await?;
            let is_its = agent.runtime_id.as_ref() == Some(&runtime_id);
            let Some(account_id) = agent.account_id.clone().filter(|_| is_its) else {
                return Err(CommandError::Unknown {
                    kind: "agent",
                    id: agent_id.to_string(),
                });
            };
            if !agent.is_gone() {
                let plan = CronCommand::Plan {
                    account_id,
                    runtime_id,
                    agent_id: agent_id.clone(),
                    due_at,
                };
                unit.decide::<Cron>(&agent_id, plan).await?;
            }
            Ok(Outcome::of::<Cron>(&agent_id))
        })
    });
    planned.await.map(|_| ())
}

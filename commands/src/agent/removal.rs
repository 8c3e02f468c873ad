//! What goes with an agent in the very append that starts its deletion, so that no read shows it any more.
//! Where there is more than one append should hold, the clean-up removes the rest.

use reef_domain::{
    AgentId,
    conversation::{Conversation, ConversationCommand},
    task::{Task, TaskCommand, TaskStatus},
};
use reef_projections::{
    Filter, Projection, Query,
    views::{conversation::Conversations, task::Tasks},
};

use crate::{CommandError, Unit};

/// Most tasks and most conversations that one append ends.
const AT_ONCE: u32 = 1000;

async fn children(
    unit: &Unit<'_>,
    view: &str,
    agent: &AgentId,
    status: Option<TaskStatus>,
) -> Result<Vec<String>, CommandError> {
    let mut filters = vec![Filter::Parent(agent.to_string())];
    filters.extend(status.map(|status| Filter::Status(status.name().to_owned())));
    let query = Query {
        filters,
        limit: AT_ONCE,
        ..Query::default()
    };
    let page = unit.services().views.list(view, &query).await?;
    Ok(page.data.into_iter().map(|doc| doc.id.to_string()).collect())
}

/// Ends the tasks that nobody will work on: their documents go with the agent, the log tells why.
pub(super) async fn fail_open_tasks(unit: &mut Unit<'_>, agent: &AgentId) -> Result<(), CommandError> {
    for status in [
        TaskStatus::Pending,
        TaskStatus::Running,
        TaskStatus::AwaitingApproval,
    ] {
        for task in children(unit, Tasks::NAME, agent, Some(status)).await? {
            // Finished since the view was read.
            if unit.load::<Task>(&task).await?.status.is_final() {
                continue;
            }
            let fail = TaskCommand::Fail {
                code: "agent_deleted".to_owned(),
                reason: "its agent was deleted".to_owned(),
            };
            unit.decide::<Task>(&task, fail).await?;
        }
    }
    Ok(())
}

/// Takes the conversations out of every view; their data key is destroyed by the clean-up.
pub(super) async fn purge_conversations(unit: &mut Unit<'_>, agent: &AgentId) -> Result<(), CommandError> {
    for conversation in children(unit, Conversations::NAME, agent, None).await? {
        unit.decide::<Conversation>(&conversation, ConversationCommand::Purge)
            .await?;
    }
    Ok(())
}

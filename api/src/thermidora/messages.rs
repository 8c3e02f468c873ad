//! Messages to agents, their replies, and the one conversation that each agent has.

mod stream;

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use reef_commands::{
    agent::main_conversation,
    conversation::{ReplyPart, ReplyParts, SendMessage, open_author, open_message},
    ports::VaultError,
};
use reef_projections::{
    Filter,
    views::{
        account::{AccountDoc, Accounts},
        agent::AgentDoc,
        message::{MessageDoc, MessageRole, Messages},
    },
};
use tokio::time::Instant;

use super::{
    agents::{at_work, found},
    to_wire, wire,
};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call},
    params::Params,
};

const JSON: &str = "application/json";
const PATH: &str = "/instances/{instanceId}/agents/{agentId}/messages";
/// Most messages of an answer, and how many there are where nothing is said.
const MOST: u32 = 200;
const USUAL: u32 = 50;

pub(super) fn routes(api: &mut Api) {
    let (body, reply) = (
        api.schema::<wire::SendMessage>(),
        api.schema::<wire::AgentMessage>(),
    );
    let (chunk, all) = (api.schema::<wire::Chunk<'_>>(), api.schema::<wire::Messages>());
    let send = api
        .route("post", PATH, "send-message", "Send a message to an agent")
        .says("Waits for the reply, or, with `stream`, tells it as it is said: see the second form of the answer.")
        .once()
        .waits();
    let send = send.takes(body).fails(&[503]).answers(JSON, reply);
    api.add(send.answers("text/event-stream", chunk), self::send);
    let list = api
        .route("get", PATH, "list-messages", "The newest messages of an agent")
        .number(
            "limit",
            "Most messages; 50 when left out, never more than 200.",
            1,
            u64::from(u32::MAX),
        );
    api.add(list.answers(JSON, all), self::list);
}

async fn account(call: &Call) -> Result<AccountDoc, Problem> {
    call.own::<Accounts>("account", call.account().as_str()).await
}

async fn send(
    call: Call,
    Path((instance, id)): Path<(String, String)>,
    Body(body): Body<wire::SendMessage>,
) -> Result<Response, Problem> {
    let agent = found(&call, &instance, &id).await?;
    let agent = at_work(&call, agent.id.as_str()).await?;
    let author = to_wire::author(body.sender, &account(&call).await?);
    let command = SendMessage {
        conversation_id: Some(main_conversation(&agent.id)),
        agent_id: None,
        content: body.message,
        author: Some(author),
    };
    let deadline = Instant::now() + call.state().config().reply_timeout;
    let request = call.request::<SendMessage>()?;
    let (done, parts) = call.state().parts.chat.send(&command, request).await?;
    if body.stream {
        return stream::answer(&call, &agent, &done, parts).await;
    }
    let last = tokio::time::timeout_at(deadline, last(parts)).await;
    let last = last.map_err(|_| {
        let detail = "The agent has not finished its reply. It will be among its messages.";
        Problem::of("timeout", detail)
    })?;
    let message = match last {
        Some(ReplyPart::Completed {
            message_id, content, ..
        }) => {
            let doc = call.own::<Messages>("message", message_id.as_str()).await?;
            wire::AgentMessage {
                message_id: doc.id.to_string(),
                content,
                sender: to_wire::agent_sender(&agent),
                timestamp: doc.created_at.into(),
            }
        }
        Some(ReplyPart::Failed { code, reason }) => return Err(failed(code, &reason)),
        Some(ReplyPart::Delta { .. }) | None => return Err(failed("interrupted".to_owned(), "it broke off")),
    };
    Ok(Answer::ok(message).of(&done).into_response())
}

async fn last(mut parts: ReplyParts) -> Option<ReplyPart> {
    let mut last = None;
    while let Some(part) = parts.next().await {
        last = Some(part);
    }
    last
}

/// That no reply came.
fn failed(code: String, reason: &str) -> Problem {
    let detail = format!("the agent did not reply: {reason}");
    Problem::new(axum::http::StatusCode::BAD_GATEWAY, code, detail)
}

async fn list(
    call: Call,
    Path((instance, id)): Path<(String, String)>,
    mut params: Params,
) -> Result<Answer<wire::Messages>, Problem> {
    let limit = params.number("limit", 1..=u32::MAX, USUAL)?.min(MOST);
    let agent = found(&call, &instance, &id).await?;
    let filters = vec![Filter::Parent(main_conversation(&agent.id).to_string())];
    let (docs, total) = call.newest::<Messages>(filters, limit).await?;
    let account = account(&call).await?;
    let mut messages = Vec::with_capacity(docs.len());
    for doc in docs.into_iter().rev() {
        messages.push(opened(&call, &agent, &account, doc).await?);
    }
    Ok(Answer::ok(wire::Messages { messages, total }))
}

/// The message with its content and its sender in clear.
async fn opened(
    call: &Call,
    agent: &AgentDoc,
    account: &AccountDoc,
    doc: MessageDoc,
) -> Result<wire::AgentMessage, Problem> {
    let vault = &*call.state().services().vault;
    let (owner, conversation) = (&doc.account_id, &doc.conversation_id);
    let content = open_message(
        vault,
        owner,
        &doc.agent_id,
        conversation,
        &doc.id,
        &doc.content_sealed,
    )
    .await
    .map_err(|error| unopened(&error))?;
    let sender = match (doc.role, &doc.author_sealed) {
        (MessageRole::Assistant, _) => to_wire::agent_sender(agent),
        (MessageRole::User, Some(sealed)) => {
            let author = open_author(vault, owner, &doc.agent_id, conversation, &doc.id, sealed);
            to_wire::sender(author.await.map_err(|error| unopened(&error))?)
        }
        // It came over another API.
        (MessageRole::User, None) => to_wire::sender(to_wire::author(None, account)),
    };
    Ok(wire::AgentMessage {
        message_id: doc.id.to_string(),
        content,
        sender,
        timestamp: doc.created_at.into(),
    })
}

/// A message whose key is destroyed went with its agent, between two reads.
fn unopened(error: &VaultError) -> Problem {
    match error {
        VaultError::Destroyed => Problem::of("not_found", "Agent not found"),
        VaultError::Absent | VaultError::Unopenable | VaultError::Unavailable(_) => Problem::internal(error),
    }
}

//! What becomes of a message: its reply, or that none will come. Either is recorded in one append with the
//! agent's activity that it is.

use reef_domain::{
    ConversationId, MessageId,
    conversation::{Conversation, ConversationCommand},
};

use super::{new_message_id, seal_message};
use crate::{
    Answer, Bus, CommandError, Outcome, Request,
    activity::{self, Did},
    ports::Usage,
};

/// A reply that is whole.
pub(super) struct Reply<'a> {
    pub(super) conversation_id: &'a ConversationId,
    /// The message it answers.
    pub(super) in_reply_to: &'a MessageId,
    /// Its own id.
    pub(super) message_id: &'a MessageId,
    pub(super) content: &'a str,
    /// What answered.
    pub(super) model: &'a str,
    pub(super) usage: Usage,
}

/// Records the reply.
pub(super) async fn complete_reply(
    bus: &Bus,
    reply: &Reply<'_>,
    request: &Request,
) -> Result<Answer, CommandError> {
    let (conversation_id, in_reply_to) = (reply.conversation_id.clone(), reply.in_reply_to.clone());
    let (message_id, content) = (reply.message_id.clone(), reply.content.to_owned());
    let (model, usage) = (reply.model.to_owned(), reply.usage);
    bus.transact(request, move |unit| {
        let (conversation_id, in_reply_to) = (conversation_id.clone(), in_reply_to.clone());
        let (message_id, content, model) = (message_id.clone(), content.clone(), model.clone());
        Box::pin(async move {
            let conversation = unit.edit::<Conversation>(&conversation_id).await?;
            let (Some(agent_id), Some(account_id)) = (&conversation.agent_id, &conversation.account_id)
            else {
                return Err(unknown(&conversation_id));
            };
            let vault = &*unit.services().vault;
            let sealed = seal_message(
                vault,
                account_id,
                agent_id,
                &conversation_id,
                &message_id,
                &content,
            )
            .await?;
            let complete = ConversationCommand::CompleteReply {
                message_id: message_id.clone(),
                in_reply_to: in_reply_to.clone(),
                content_sealed: sealed.0,
                model,
                input_tokens: usage.input_tokens,
                output_tokens: usage.output_tokens,
            };
            unit.decide::<Conversation>(&conversation_id, complete).await?;
            let said = Did::SentMessage {
                in_reply_to: Some(in_reply_to),
            };
            activity::record(unit, agent_id, &message_id, &said, &content).await?;
            Ok(Outcome::of::<Conversation>(&conversation_id))
        })
    })
    .await
}

/// Records that no reply will come.
pub(crate) async fn fail_reply(
    bus: &Bus,
    conversation_id: &ConversationId,
    message_id: &MessageId,
    code: &str,
    reason: &str,
    request: &Request,
) -> Result<Answer, CommandError> {
    let (code, reason) = (code.to_owned(), reason.to_owned());
    bus.transact(request, move |unit| {
        let (conversation_id, message_id) = (conversation_id.clone(), message_id.clone());
        let (code, reason) = (code.clone(), reason.clone());
        Box::pin(async move {
            let conversation = unit.edit::<Conversation>(&conversation_id).await?;
            let Some(agent_id) = &conversation.agent_id else {
                return Err(unknown(&conversation_id));
            };
            let fail = ConversationCommand::FailReply {
                in_reply_to: message_id,
                code: code.clone(),
                reason: reason.clone(),
            };
            unit.decide::<Conversation>(&conversation_id, fail).await?;
            let activity_id = new_message_id(unit.services());
            let failed = Did::ReportedError { code, job_name: None };
            activity::record(unit, agent_id, &activity_id, &failed, &reason).await?;
            Ok(Outcome::of::<Conversation>(&conversation_id))
        })
    })
    .await
}

fn unknown(conversation: &ConversationId) -> CommandError {
    CommandError::Unknown {
        kind: "conversation",
        id: conversation.to_string(),
    }
}

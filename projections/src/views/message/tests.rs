//! Specs of the view of messages.

use super::*;
use crate::views::kit::{Kit, at};

fn received(message: &str) -> ConversationEvent {
    ConversationEvent::MessageReceived {
        message_id: message.into(),
        agent_id: "agt_1".into(),
        content_sealed: "sealed question".to_owned(),
        sender: Sender {
            kind: "user".to_owned(),
            id: "usr_1".to_owned(),
        },
        author_sealed: Some("sealed name".to_owned()),
        reply_by: at(600),
    }
}

fn replied(message: &str, to: &str) -> ConversationEvent {
    ConversationEvent::ReplyCompleted {
        message_id: message.into(),
        agent_id: "agt_1".into(),
        in_reply_to: to.into(),
        content_sealed: "sealed answer".to_owned(),
        model: "local-responder".to_owned(),
        input_tokens: 1,
        output_tokens: 2,
    }
}

#[test]
fn a_message_and_its_reply_are_two_documents() {
    let kit = Kit::<Messages>::new()
        .then("conv_1", received("msg_1"))
        .then("conv_1", replied("msg_2", "msg_1"));
    let asked = kit.doc("msg_1").unwrap();
    assert_eq!(
        (asked.role, asked.status),
        (MessageRole::User, MessageStatus::Replied)
    );
    assert_eq!(
        (asked.content_sealed.as_str(), asked.created_at),
        ("sealed question", at(1))
    );
    assert_eq!(asked.sender.as_ref().unwrap().id, "usr_1");
    let answer = kit.doc("msg_2").unwrap();
    assert_eq!(
        (answer.role, answer.status),
        (MessageRole::Assistant, MessageStatus::Complete)
    );
    assert_eq!(
        (answer.content_sealed.as_str(), answer.created_at),
        ("sealed answer", at(2))
    );
    assert_eq!(
        (answer.in_reply_to.clone(), answer.parent_id()),
        (Some("msg_1".into()), Some("conv_1"))
    );
    assert_eq!(
        answer.usage,
        Some(TokenUsage {
            input_tokens: 1,
            output_tokens: 2
        })
    );
}

#[test]
fn a_failed_reply_is_told_on_the_message() {
    let failed = ConversationEvent::ReplyFailed {
        in_reply_to: "msg_1".into(),
        code: "interrupted".to_owned(),
        reason: "restart".to_owned(),
    };
    let kit = Kit::<Messages>::new()
        .then("conv_1", received("msg_1"))
        .then("conv_1", failed);
    let doc = kit.doc("msg_1").unwrap();
    assert_eq!(
        (doc.status, doc.failure.as_ref().unwrap().code.as_str()),
        (MessageStatus::Failed, "interrupted")
    );
}

#[test]
fn a_purged_conversation_has_no_messages() {
    let kit = Kit::<Messages>::new()
        .then("conv_1", received("msg_1"))
        .then("conv_2", received("msg_9"))
        .then("conv_1", replied("msg_2", "msg_1"))
        .then("conv_1", ConversationEvent::Purged {});
    assert_eq!(kit.ids(), ["msg_9"]);
}

//! Specs of the view of conversations.

use reef_domain::conversation::Sender;

use super::*;
use crate::views::kit::{Kit, at};

fn started() -> Kit<Conversations> {
    Kit::new().then(
        "conv_1",
        ConversationEvent::Started {
            conversation_id: "conv_1".into(),
            account_id: "acc_1".into(),
            agent_id: "agt_1".into(),
            user_id: Some("usr_1".into()),
            channel: "api".to_owned(),
        },
    )
}

fn received() -> ConversationEvent {
    ConversationEvent::MessageReceived {
        message_id: "msg_1".into(),
        agent_id: "agt_1".into(),
        content_sealed: "sealed".to_owned(),
        sender: Sender {
            kind: "user".to_owned(),
            id: "usr_1".to_owned(),
        },
        author_sealed: None,
        reply_by: at(600),
    }
}

fn replied() -> ConversationEvent {
    ConversationEvent::ReplyCompleted {
        message_id: "msg_2".into(),
        agent_id: "agt_1".into(),
        in_reply_to: "msg_1".into(),
        content_sealed: "sealed".to_owned(),
        model: "local-responder".to_owned(),
        input_tokens: 1,
        output_tokens: 2,
    }
}

#[test]
fn messages_and_replies_are_counted_and_move_the_last_activity() {
    let kit = started();
    let doc = kit.doc("conv_1").unwrap();
    assert_eq!((doc.message_count, doc.last_activity_at), (0, at(1)));
    assert_eq!((doc.parent_id(), doc.status()), (Some("agt_1"), Some("open")));
    let kit = kit.then("conv_1", received()).then("conv_1", replied());
    let doc = kit.doc("conv_1").unwrap();
    assert_eq!(
        (doc.message_count, doc.created_at, doc.last_activity_at),
        (2, at(1), at(3))
    );
}

#[test]
fn a_failed_reply_is_no_message() {
    let failed = ConversationEvent::ReplyFailed {
        in_reply_to: "msg_1".into(),
        code: "interrupted".to_owned(),
        reason: "restart".to_owned(),
    };
    let kit = started().then("conv_1", received()).then("conv_1", failed);
    assert_eq!(kit.doc("conv_1").unwrap().message_count, 1);
}

#[test]
fn an_ended_conversation_can_be_read_and_a_purged_one_cannot() {
    let kit = started().then("conv_1", ConversationEvent::Ended {});
    assert_eq!(kit.doc("conv_1").unwrap().status(), Some("ended"));
    let kit = kit.then("conv_1", ConversationEvent::Purged {});
    assert_eq!(kit.doc("conv_1"), None);
}

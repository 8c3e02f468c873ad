//! Specs of the conversation.

use chrono::{DateTime, TimeZone, Utc};

use super::{ConversationCommand as Do, ConversationEvent as Did, ConversationRefusal as No, *};
use crate::spec::given;

fn reply_by() -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_600, 0).unwrap()
}

fn sender() -> Sender {
    Sender {
        kind: "user".to_owned(),
        id: "usr_1".to_owned(),
    }
}

fn start(channel: &str) -> Do {
    Do::Start {
        conversation_id: "conv_1".into(),
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        user_id: None,
        channel: channel.to_owned(),
    }
}

fn started() -> Did {
    Conversation::default().decide(start("api")).unwrap().remove(0)
}

fn receive(message: &str) -> Do {
    Do::Receive {
        message_id: message.into(),
        content_sealed: "sealed".to_owned(),
        sender: sender(),
        author_sealed: Some("sealed".to_owned()),
        reply_by: reply_by(),
    }
}

fn received(message: &str) -> Did {
    Did::MessageReceived {
        message_id: message.into(),
        agent_id: "agt_1".into(),
        content_sealed: "sealed".to_owned(),
        sender: sender(),
        author_sealed: Some("sealed".to_owned()),
        reply_by: reply_by(),
    }
}

fn reply(to: &str) -> Do {
    Do::CompleteReply {
        message_id: "msg_9".into(),
        in_reply_to: to.into(),
        content_sealed: "sealed".to_owned(),
        model: "local-responder".to_owned(),
        input_tokens: 1,
        output_tokens: 2,
    }
}

fn replied(to: &str) -> Did {
    Did::ReplyCompleted {
        message_id: "msg_9".into(),
        agent_id: "agt_1".into(),
        in_reply_to: to.into(),
        content_sealed: "sealed".to_owned(),
        model: "local-responder".to_owned(),
        input_tokens: 1,
        output_tokens: 2,
    }
}

fn fail(to: &str) -> Do {
    Do::FailReply {
        in_reply_to: to.into(),
        code: "interrupted".to_owned(),
        reason: "restart".to_owned(),
    }
}

fn failed(to: &str) -> Did {
    Did::ReplyFailed {
        in_reply_to: to.into(),
        code: "interrupted".to_owned(),
        reason: "restart".to_owned(),
    }
}

#[test]
fn it_is_started_once_over_a_channel() {
    let done = given::<Conversation>([]).when(start("api")).then([started()]);
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
    done.when(start("api")).refused(No::ConversationAlreadyStarted);
    given::<Conversation>([])
        .when(start(" "))
        .refused(No::ChannelInvalid);
}

#[test]
fn a_message_is_answered_once() {
    let done = given::<Conversation>([started()])
        .when(receive("msg_1"))
        .then([received("msg_1")])
        .when(reply("msg_1"))
        .then([replied("msg_1")]);
    assert_eq!(
        (done.state().message_count, done.state().open_replies.len()),
        (2, 0)
    );
    done.when(reply("msg_1"))
        .refused(No::ReplyNotAwaited)
        .when(fail("msg_1"))
        .refused(No::ReplyNotAwaited);
}

#[test]
fn a_failed_reply_closes_the_message() {
    given::<Conversation>([started(), received("msg_1")])
        .when(fail("msg_1"))
        .then([failed("msg_1")])
        .when(reply("msg_1"))
        .refused(No::ReplyNotAwaited);
}

#[test]
fn the_agent_can_only_be_so_far_behind() {
    let open = (0..MAX_OPEN_REPLIES).map(|number| received(&format!("msg_{number}")));
    let done = given::<Conversation>([started()].into_iter().chain(open))
        .when(receive("msg_x"))
        .refused(No::TooManyOpenReplies {
            limit: MAX_OPEN_REPLIES,
        });
    done.when(reply("msg_3"))
        .then([replied("msg_3")])
        .when(receive("msg_x"))
        .then([received("msg_x")]);
}

#[test]
fn an_ended_conversation_takes_the_reply_under_way_and_no_message() {
    given::<Conversation>([started(), received("msg_1")])
        .when(Do::End)
        .then([Did::Ended {}])
        .when(Do::End)
        .nothing()
        .when(receive("msg_2"))
        .refused(No::ConversationEnded)
        .when(reply("msg_1"))
        .then([replied("msg_1")]);
}

#[test]
fn a_purged_conversation_is_gone() {
    let done = given::<Conversation>([started(), received("msg_1")])
        .when(Do::Purge)
        .then([Did::Purged {}]);
    assert!(done.state().is_gone());
    done.when(Do::Purge)
        .nothing()
        .when(receive("msg_2"))
        .refused(No::ConversationNotFound)
        .when(reply("msg_1"))
        .refused(No::ReplyNotAwaited)
        .when(Do::End)
        .nothing();
}

#[test]
fn nothing_can_be_asked_of_what_does_not_exist() {
    for command in [receive("m"), reply("m"), fail("m"), Do::End, Do::Purge] {
        given::<Conversation>([])
            .when(command)
            .refused(No::ConversationNotFound);
    }
}

//! Specs of the view of usage.

use super::*;
use crate::views::kit::{Kit, at};

#[test]
fn replies_and_tasks_of_an_agent_add_up() {
    let task = TaskEvent::Completed {
        agent_id: "agt_1".into(),
        result: String::new(),
        input_tokens: 10,
        output_tokens: 20,
    };
    let reply = ConversationEvent::ReplyCompleted {
        message_id: "msg_2".into(),
        agent_id: "agt_1".into(),
        in_reply_to: "msg_1".into(),
        content_sealed: String::new(),
        model: String::new(),
        input_tokens: u64::MAX,
        output_tokens: 2,
    };
    let kit = Kit::<Usages>::new().then("task_1", task).then("conv_1", reply);
    let doc = kit.doc("agt_1").unwrap();
    assert_eq!(
        (doc.requests, doc.input_tokens, doc.output_tokens),
        (2, u64::MAX, 22)
    );
    assert_eq!((doc.created_at, doc.updated_at), (at(1), at(2)));
    assert_eq!(kit.ids(), ["agt_1"]);
}

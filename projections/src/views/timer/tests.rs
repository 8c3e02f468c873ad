//! Specs of the view of timers.

use reef_domain::{
    conversation::Sender,
    runtime::{RuntimeStopReason, Tenancy},
};

use super::*;
use crate::views::kit::{Kit, at};

fn asked() -> TaskEvent {
    TaskEvent::ApprovalRequested {
        rule: String::new(),
        reason: String::new(),
        expires_at: at(60),
    }
}

fn requested() -> RuntimeEvent {
    RuntimeEvent::Requested {
        runtime_id: "rt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: None,
        name: None,
        tenancy: Tenancy::Dedicated,
        provider: "embedded".to_owned(),
        provider_ref: None,
        region: None,
        image_ref: None,
        deadline: at(600),
    }
}

fn received(message: &str) -> ConversationEvent {
    ConversationEvent::MessageReceived {
        message_id: message.into(),
        agent_id: "agt_1".into(),
        content_sealed: String::new(),
        sender: Sender {
            kind: "user".to_owned(),
            id: "usr_1".to_owned(),
        },
        author_sealed: None,
        reply_by: at(90),
    }
}

#[test]
fn due_times_sort_as_texts() {
    let early = due(DateTime::from_timestamp_millis(999).unwrap());
    let late = due(at(0));
    assert_eq!(
        (early.as_str(), late.as_str()),
        ("0000000000999", "1700000000000")
    );
    assert!(early < late);
}

#[test]
fn an_approval_has_a_timer_until_it_is_resolved() {
    let failed = TaskEvent::Failed {
        code: String::new(),
        reason: String::new(),
    };
    for resolved in [
        TaskEvent::Approved { by: String::new() },
        TaskEvent::Rejected { by: String::new() },
        TaskEvent::ApprovalExpired {},
        failed,
    ] {
        let kit = Kit::<Timers>::new().then("task_1", asked());
        let doc = kit.doc("approval/task_1").unwrap();
        assert_eq!((doc.status(), doc.due_at), (Some("1700000060000"), at(60)));
        assert_eq!(kit.then("task_1", resolved).ids(), Vec::<&str>::new());
    }
}

#[test]
fn a_runtime_coming_up_has_a_timer_until_it_is_up_or_not_wanted() {
    let running = RuntimeEvent::Running {
        run: 1,
        provider_ref: String::new(),
        public_ip: None,
        since: at(1),
    };
    let failed = RuntimeEvent::Failed {
        code: String::new(),
        reason: String::new(),
        ran_until: None,
    };
    let unwanted = RuntimeEvent::StopRequested {
        reason: RuntimeStopReason::Requested,
    };
    for settled in [running, failed, unwanted, RuntimeEvent::DestructionStarted {}] {
        for coming in [requested(), RuntimeEvent::StartRequested { deadline: at(600) }] {
            let kit = Kit::<Timers>::new().then("rt_1", coming);
            assert_eq!(kit.doc("convergence/rt_1").unwrap().due_at, at(600));
            assert_eq!(kit.then("rt_1", settled.clone()).ids(), Vec::<&str>::new());
        }
    }
}

#[test]
fn each_awaited_reply_has_a_timer_of_its_own() {
    let failed = ConversationEvent::ReplyFailed {
        in_reply_to: "msg_1".into(),
        code: String::new(),
        reason: String::new(),
    };
    let kit = Kit::<Timers>::new()
        .then("conv_1", received("msg_1"))
        .then("conv_1", received("msg_2"))
        .then("conv_2", received("msg_3"))
        .then("conv_1", failed);
    assert_eq!(kit.ids(), ["reply/conv_1/msg_2", "reply/conv_2/msg_3"]);
    let kit = kit.then("conv_1", ConversationEvent::Purged {});
    assert_eq!(kit.ids(), ["reply/conv_2/msg_3"]);
}

#[test]
fn the_former_secret_of_a_webhook_has_a_timer() {
    let rotated = |until: Option<DateTime<Utc>>| WebhookEvent::SecretRotated {
        secret_ref: "vlt_2".into(),
        secret_hint: "c3d4".to_owned(),
        previous_ref: until.map(|_| "vlt_1".into()),
        previous_until: until,
        dropped: vec![],
    };
    let kit = Kit::<Timers>::new().then("wh_1", rotated(Some(at(60))));
    assert_eq!(kit.doc("overlap/wh_1").unwrap().due_at, at(60));
    let kit = kit.then("wh_1", rotated(Some(at(90))));
    assert_eq!(kit.doc("overlap/wh_1").unwrap().due_at, at(90));
    assert_eq!(kit.then("wh_1", rotated(None)).ids(), Vec::<&str>::new());
    let retired = WebhookEvent::SecretRetired {
        dropped: "vlt_1".into(),
    };
    for over in [retired, WebhookEvent::Deleted {}] {
        let kit = Kit::<Timers>::new().then("wh_1", rotated(Some(at(60))));
        assert_eq!(kit.then("wh_1", over).ids(), Vec::<&str>::new());
    }
}

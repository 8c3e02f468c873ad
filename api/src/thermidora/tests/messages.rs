//! Messages to agents, as JSON and as streams.

use serde_json::{Value, json};

use super::{
    agents::{agent, says},
    client::{Thermidora, each},
    covers,
    instances::instance,
    on_both_databases,
};
use crate::rig::Rig;

on_both_databases!(
    a_message_is_answered,
    a_reply_is_streamed_in_chunks,
    an_agent_that_fails_says_so,
    the_newest_messages_are_read,
);

async fn a_message_is_answered(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    let bot = agent(&ada, &id, "support-bot").await;
    covers(&[
        "thermidora.send-message.1",
        "thermidora.send-message.4",
        "thermidora.send-message.6",
    ]);
    let sender = json!({ "type": "human", "id": "user-123", "name": "Jeff" });
    let body = json!({ "message": "My dog is called Rex.", "sender": sender, "stream": false });
    let reply = ada.ok("send-message", &[&id, &bot], Some(body)).await;
    assert_eq!(
        reply["sender"],
        json!({ "type": "agent", "id": "support-bot", "name": "Support Bot" })
    );
    assert!(reply["content"].as_str().unwrap().contains("Support Bot"));
    assert!(says(&ada, &id, &bot, "recall dog").await.contains("Rex"));

    covers(&["thermidora.list-messages.1"]);
    let history = ada.ok("list-messages", &[&id, &bot], None).await;
    assert_eq!(history["total"], 4);
    let messages = history["messages"].as_array().unwrap();
    assert_eq!(
        (&messages[0]["content"], &messages[0]["sender"]),
        (&json!("My dog is called Rex."), &sender)
    );
    assert_eq!(messages[1], reply);
    let account = json!({ "type": "human", "id": ada.account, "name": "ada" });
    assert_eq!(
        messages[2]["sender"], account,
        "who says nothing of a sender is the account"
    );
    let log = rig.get(crate::rig::OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(
        !log.text.contains("\"Jeff\"") && !log.text.contains("called Rex"),
        "the log has it sealed"
    );

    for body in [
        json!({}),
        json!({ "message": "" }),
        json!({ "message": "  " }),
        json!({ "message": null }),
        json!({ "message": "Hi", "sender": { "type": "robot" } }),
        json!({ "message": "Hi", "sender": null }),
        json!({ "message": "Hi", "sender": { "name": "" } }),
        json!({ "message": "Hi", "stream": "yes" }),
        json!({ "message": "x".repeat(100_001) }),
    ] {
        ada.fails("send-message", &[&id, &bot], Some(body), 400).await;
    }
    let body = || Some(json!({ "message": "Hello" }));
    ada.fails("send-message", &[&id, "agt_absent0"], body(), 404)
        .await;
    let bob = Thermidora::account(rig, "bob").await;
    bob.fails("send-message", &[&id, &bot], body(), 404).await;
    bob.fails("list-messages", &[&id, &bot], None, 404).await;

    covers(&[
        "thermidora.send-message.5",
        "thermidora.stop-instance.4",
        "thermidora.list-messages.3",
    ]);
    ada.ok("stop-instance", &[&id], None).await;
    ada.fails("send-message", &[&id, &bot], body(), 503).await;
    let streamed = Some(json!({ "message": "Hello", "stream": true }));
    ada.fails("send-message", &[&id, &bot], streamed, 503).await;
    let stopped = ada.ok("list-messages", &[&id, &bot], None).await;
    assert_eq!(stopped, history, "a stopped instance can be read");
    ada.ok("start-instance", &[&id], None).await;
    assert!(
        says(&ada, &id, &bot, "recall dog").await.contains("Rex"),
        "it remembers over a restart"
    );
}

/// The chunks of a stream; it must end with `[DONE]`.
fn chunks(text: &str) -> Vec<Value> {
    let data = text
        .split("\n\n")
        .filter_map(|frame| frame.strip_prefix("data: "));
    let mut data: Vec<&str> = data.collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{text}");
    data.into_iter()
        .map(|chunk| serde_json::from_str(chunk).unwrap())
        .collect()
}

async fn a_reply_is_streamed_in_chunks(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    let bot = agent(&ada, &id, "support-bot").await;
    covers(&["thermidora.send-message.2", "thermidora.send-message.3"]);
    let body = json!({ "message": "Übermut & <tags> \"quoted\"\nsecond line", "stream": true });
    let reply = ada.call("send-message", &[&id, &bot], Some(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let chunks = chunks(&reply.text);
    let history = ada.ok("list-messages", &[&id, &bot], None).await;
    let kept = &history["messages"][1];
    let chat_id = format!("chatcmpl-{}", kept["messageId"].as_str().unwrap());
    for chunk in &chunks {
        assert_eq!(chunk["id"], chat_id);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["model"], "moonshotai.kimi-k2.5");
        assert!(chunk["created"].as_i64() > Some(1_700_000_000));
        assert_eq!(chunk["choices"].as_array().unwrap().len(), 1);
        assert_eq!(chunk["choices"][0]["index"], 0);
    }
    let choices: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]).collect();
    assert_eq!(choices[0]["delta"]["role"], "assistant");
    let (last, others) = choices.split_last().unwrap();
    assert_eq!(
        (&last["finish_reason"], &last["delta"]),
        (&json!("stop"), &json!({}))
    );
    assert!(others.iter().all(|choice| choice["finish_reason"].is_null()));
    let texts = others
        .iter()
        .filter_map(|choice| choice["delta"]["content"].as_str());
    assert_eq!(kept["content"], texts.collect::<String>());
    assert!(others.len() > 5, "it comes in pieces");

    // Whoever goes away loses nothing.
    let path = format!("/instances/{id}/agents/{bot}/messages");
    let body = Some(json!({ "message": "Are you there?", "stream": true }));
    let asked = super::client::request(&ada.key, "POST", &path, body);
    let (status, stream) = rig.open(asked).await;
    assert_eq!(status, 200);
    drop(stream);
    for _ in 0..3000 {
        let history = ada.ok("list-messages", &[&id, &bot], None).await;
        if history["total"] == 4 {
            assert_eq!(history["messages"][3]["sender"]["type"], "agent");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the reply is lost");
}

async fn an_agent_that_fails_says_so(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    let bot = agent(&ada, &id, "support-bot").await;
    covers(&["thermidora.send-message.8"]);
    // The instance dies behind the server's back.
    rig.bus
        .services()
        .workspace
        .purge(&id.as_str().into())
        .await
        .unwrap();
    for stream in [false, true] {
        let body = json!({ "message": "Hello", "stream": stream });
        let message = ada.fails("send-message", &[&id, &bot], Some(body), 500).await;
        assert!(message.contains("did not reply"), "{message}");
    }
    let events = ada.events("conversation", &bot).await;
    assert_eq!(
        events[1..],
        ["MessageReceived", "ReplyFailed", "MessageReceived", "ReplyFailed"]
    );
}

async fn the_newest_messages_are_read(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    let bot = agent(&ada, &id, "support-bot").await;
    covers(&["thermidora.list-messages.2", "thermidora.x.9"]);
    for n in 1..=3 {
        says(&ada, &id, &bot, &format!("message {n}")).await;
    }
    let two = ada
        .call_with("list-messages", &[&id, &bot], None, "?limit=3")
        .await
        .ok()
        .body;
    assert_eq!(two["total"], 6);
    let contents = each(&two["messages"], "content");
    assert_eq!(contents.len(), 3);
    assert_eq!(contents[1], "message 3");
    assert_eq!(each(&two["messages"], "messageId").len(), 3);
    let all = ada
        .call_with("list-messages", &[&id, &bot], None, "?limit=100000")
        .await
        .ok()
        .body;
    assert_eq!(
        all["messages"].as_array().unwrap().len(),
        6,
        "a limit too large is cut down"
    );
    let times = each(&all["messages"], "timestamp");
    assert!(times.is_sorted());
    for bad in ["0", "-1", "many", "1.5", ""] {
        let reply = ada
            .call_with("list-messages", &[&id, &bot], None, &format!("?limit={bad}"))
            .await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text);
    }
}

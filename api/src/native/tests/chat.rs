//! Messages to agents: replies waited for, replies streamed, contents opened for their readers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{OPERATOR, Rig, rig, rig::Account};

/// An account with an agent that runs.
async fn running(rig: &Rig) -> (Account, String) {
    reef_commands::template::seed::seed(&rig.bus).await.unwrap();
    let account = rig.account("reef").await;
    let credits = json!({ "account_id": account.id, "amount_micro": 100_000_000 });
    rig.command(OPERATOR, "GrantCredits", credits).await.ok();
    let templates = rig.get(&account.key, "/v1/views/templates").await.ok().body;
    let deploy = json!({ "name": "Clownfish", "template_id": templates["data"][0]["id"] });
    let agent = rig.command(&account.key, "DeployAgent", deploy).await.ok().id();
    let mut head = rig.state.0.head.clone();
    let runs = async {
        while rig
            .get(&account.key, &format!("/v1/views/agents/{agent}"))
            .await
            .ok()
            .body["status"]
            != "running"
        {
            head.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), runs)
        .await
        .expect("the agent runs");
    (account, agent)
}

#[tokio::test]
async fn a_reply_is_waited_for_and_messages_are_shown_in_clear() {
    let rig = Rig::new().await;
    let (account, agent) = running(&rig).await;
    let body = json!({ "agent_id": agent, "content": "How many \"fish\" are there? 🐠" });
    let answer = rig.command(&account.key, "SendMessage", body).await.ok();
    let reply = &answer.body["result"]["reply"];
    let said = reply["content"].as_str().unwrap();
    assert!(!said.is_empty() && reply["usage"].is_object(), "{}", answer.text);
    let conversation = answer.body["result"]["conversation_id"].as_str().unwrap();
    let listed = rig
        .get(
            &account.key,
            &format!("/v1/views/messages?conversation_id={conversation}"),
        )
        .await
        .ok();
    let contents: Vec<_> = listed.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["content"])
        .collect();
    assert_eq!(
        contents,
        [&json!(said), &json!("How many \"fish\" are there? 🐠")]
    );
    assert!(!listed.text.contains("content_sealed"));
    let one = rig
        .get(
            &account.key,
            &format!("/v1/views/messages/{}", reply["message_id"].as_str().unwrap()),
        )
        .await
        .ok();
    assert_eq!(one.body["content"], said);
    let at = one.header("reef-position").to_owned();
    let path = format!(
        "/v1/views/messages/{}?at={at}",
        reply["message_id"].as_str().unwrap()
    );
    assert_eq!(rig.get(&account.key, &path).await.ok().body["content"], said);
    // In the log they stay sealed.
    let events = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!events.text.contains("are there?"));
    rig.stop().await;
}

#[tokio::test]
async fn a_reply_is_streamed_and_streamed_again_under_its_key() {
    let rig = Rig::new().await;
    let (account, agent) = running(&rig).await;
    let send = async || {
        let body = json!({ "agent_id": agent, "content": "Hello" });
        let mut request = rig::post(&account.key, "/v1/commands/SendMessage", &body);
        request
            .headers_mut()
            .insert("accept", "text/event-stream".parse().unwrap());
        request
            .headers_mut()
            .insert("idempotency-key", "hello-1".parse().unwrap());
        let reply = rig.send(request).await.ok();
        assert_eq!(reply.header("content-type"), "text/event-stream");
        reply.text
    };
    let first = events(&send().await);
    assert_eq!(first[0].0, "sent");
    assert_eq!(first[0].1["aggregate"]["type"], "conversation");
    let pieces: String = first
        .iter()
        .filter(|(kind, _)| kind == "delta")
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect();
    let (kind, whole) = first.last().unwrap();
    assert_eq!(
        (kind.as_str(), whole["content"].as_str().unwrap()),
        ("message", pieces.as_str())
    );
    let again = events(&send().await);
    assert_eq!(
        again.last().unwrap().1["message_id"],
        whole["message_id"],
        "said once"
    );
    rig.stop().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_a_stream_begins() {
    let rig = Rig::new().await;
    let (account, agent) = running(&rig).await;
    let streamed = |body: Value| {
        let mut request = rig::post(&account.key, "/v1/commands/SendMessage", &body);
        request
            .headers_mut()
            .insert("accept", "text/event-stream".parse().unwrap());
        request
    };
    rig.send(streamed(json!({ "content": "to nobody" })))
        .await
        .problem(400, "invalid_command");
    rig.send(streamed(json!({ "agent_id": "agt_absent", "content": "x" })))
        .await
        .problem(404, "not_found");
    let mut odd = rig::post(
        &account.key,
        "/v1/commands/SendMessage",
        &json!({ "agent_id": agent, "content": "x" }),
    );
    odd.headers_mut().insert("accept", "text/html".parse().unwrap());
    rig.send(odd).await.problem(406, "not_acceptable");
    rig.command(&account.key, "StopAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    let refused = rig
        .send(streamed(json!({ "agent_id": agent, "content": "x" })))
        .await
        .problem(503, "agent_not_running");
    assert_eq!(refused.header("retry-after"), "5");
    rig.stop().await;
}

fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (kind, data) = block.split_once('\n').unwrap();
            let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            (kind.strip_prefix("event: ").unwrap().to_owned(), data)
        })
        .collect()
}

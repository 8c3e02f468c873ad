//! Text of any Unicode: taken and given back as it came, or refused clearly.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::harness::{Account, Database, on_both_databases};

on_both_databases!(any_text_in_commands, any_text_in_chats);

fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("nothing", String::new()),
        ("blanks", " \t\n ".to_owned()),
        ("NUL", "a\u{0}b".to_owned()),
        (
            "control characters",
            "\u{1}\u{7}\u{8}\u{1b}[31m\u{7f}\u{9b}".to_owned(),
        ),
        ("line breaks", "a\r\nX-Injected: 1\r\n\r\nb".to_owned()),
        (
            "right to left",
            "\u{202e}gnp.exe\u{202c} \u{05d0}\u{05d1} \u{2066}x\u{2069}".to_owned(),
        ),
        ("emoji", "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🐠".to_owned()),
        ("combining", format!("Z{}", "\u{0335}\u{0351}\u{0322}".repeat(20))),
        ("outside the basic plane", "𐍈𝔘𠜎\u{10ffff}".to_owned()),
        ("noncharacters", "\u{fffe}\u{ffff}\u{fdd0}".to_owned()),
        ("a byte order mark", "\u{feff}name".to_owned()),
        ("two ways to write one letter", "é e\u{301}".to_owned()),
        ("invisible", "\u{200b}\u{200d}\u{2060}\u{ad}".to_owned()),
        ("SQL", "'; DROP TABLE events; -- \" ` $1 ? %s".to_owned()),
        ("markup", "<script>alert(1)</script>&amp;{{7*7}}${7*7}".to_owned()),
        ("SSE in disguise", "a\n\ndata: forged\nid: 999999\n\n".to_owned()),
        ("line separators", "a\u{2028}b\u{2029}c\u{85}d".to_owned()),
        ("JSON in JSON", "{\"a\":\"\\u0000\"}".to_owned()),
        ("a megabyte", "🐠".repeat(1 << 18)),
    ]
}

async fn any_text_in_commands(database: Database) {
    let stage = Stage::on(&database).await;
    let account = &stage.mine;
    let rules = account.policy("all may", "ALLOW: anything").await;
    let agent = account.running_agent("Reader", Some(&rules)).await;
    for (what, text) in texts() {
        let made = account
            .client
            .command("CreatePolicy", json!({ "name": text, "rules": "ALLOW: read" }))
            .await;
        comes_back(account, what, made, "policies", "name", &text).await;
        let rule = format!("DENY: {text}");
        let made = account
            .client
            .command("CreatePolicy", json!({ "name": "a", "rules": rule }))
            .await;
        comes_back(account, what, made, "policies", "rules", &rule).await;
        let task = account
            .client
            .command("SubmitTask", json!({ "agent_id": agent, "description": text }))
            .await;
        comes_back(account, what, task, "tasks", "description", &text).await;
        let email = format!("{text}@example.com");
        let body = json!({ "name": text, "owner_email": email });
        Stage::is_clear(
            what,
            &stage.server.operator().command("RegisterAccount", body).await,
        );
        let issued = account
            .client
            .command("IssueApiKey", json!({ "name": text }))
            .await;
        Stage::is_clear(what, &issued);
    }
    the_feed_is_whole(&stage).await;
    stage.still_serves().await;
}

async fn any_text_in_chats(database: Database) {
    let stage = Stage::on(&database).await;
    let account = &stage.mine;
    let agent = account.running_agent("Listener", None).await;
    for (what, text) in texts() {
        let answer = account
            .client
            .command("SendMessage", json!({ "agent_id": agent, "content": text }))
            .await;
        Stage::is_clear(what, &answer);
        let said = account.client.list("messages", "").await;
        let kept = said.iter().any(|message| message["content"] == text.as_str());
        assert_eq!(
            kept,
            answer.status == 200,
            "{what}: kept if and only if it was taken"
        );
    }
    the_feed_is_whole(&stage).await;
    stage.still_serves().await;
}

/// What was taken is read back as it came, but for blanks around it; what was refused was refused clearly.
async fn comes_back(
    account: &Account,
    what: &str,
    answer: crate::harness::Answer,
    view: &str,
    field: &str,
    text: &str,
) {
    Stage::is_clear(what, &answer);
    if answer.status == 200 {
        let document = account.client.document(view, &answer.id()).await;
        let stored = document[field].as_str().expect("a text");
        assert_eq!(stored.trim(), text.trim(), "{what}: {view}.{field}");
    }
}

/// No text can forge or break an event of the stream.
async fn the_feed_is_whole(stage: &Stage) {
    let batch: Vec<Value> = stage.client().events(0).await;
    let last = batch
        .last()
        .and_then(|event| event["position"].as_u64())
        .expect("there are events");
    let heard = stage.client().follow(0).await.up_to(last).await;
    let streamed: Vec<Value> = heard.iter().map(|event| event.data.clone()).collect();
    assert!(streamed.starts_with(&batch[..1]) && streamed.len() >= batch.len());
    assert_eq!(streamed[..batch.len()], batch[..]);
}

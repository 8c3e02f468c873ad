//! Specs of the bodies of Thermidora's form.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn body<'a>(runtime: Option<&'a RuntimeId>, data: ThermidoraData<'a>) -> ThermidoraBody<'a> {
    ThermidoraBody {
        instance_id: runtime,
        agent_slug: Some("my-agent"),
        data,
        at: DateTime::from_timestamp_millis(1_775_552_400_000).unwrap(),
    }
}

/// The example of the document.
#[test]
fn the_documented_payload() {
    let runtime = RuntimeId::from("inst_a1b2c3d4e5f6");
    let data = ThermidoraData::CronCompleted {
        content: "Bitcoin price: $69,327 USD",
        job_name: "bitcoin-price-check",
    };
    assert_eq!(
        body(Some(&runtime), data).to_json(),
        r#"{"eventType":"cron.completed","instanceId":"inst_a1b2c3d4e5f6","agentSlug":"my-agent","data":{"content":"Bitcoin price: $69,327 USD","jobName":"bitcoin-price-check"},"timestamp":"2026-04-07T09:00:00.000Z"}"#
    );
}

#[test]
fn each_event_has_its_data() {
    let sender = ThermidoraSender {
        kind: "agent",
        id: "agt_1",
        name: "My agent",
    };
    let message = ThermidoraData::AgentMessage {
        message_id: "msg_1",
        content: "Grüße \u{1f980}",
        sender,
    };
    for (data, event, json) in [
        (
            message,
            "agent.message",
            r#""data":{"messageId":"msg_1","content":"Grüße 🦀","sender":{"type":"agent","id":"agt_1","name":"My agent"}}"#,
        ),
        (
            ThermidoraData::AgentError { message: "no" },
            "agent.error",
            r#""data":{"message":"no"}"#,
        ),
        (
            ThermidoraData::Test { message: "hi" },
            "test",
            r#""data":{"message":"hi"}"#,
        ),
    ] {
        let text = body(None, data).to_json();
        assert!(
            text.starts_with(&format!(r#"{{"eventType":"{event}","instanceId":null,"#)),
            "{text}"
        );
        assert!(text.contains(json), "{text}");
    }
}

/// ECMA-262, `QuoteJSONString`, for texts without lone surrogates, which no text here can hold.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn texts() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '"',
        '\\',
        '/',
        '\u{0}',
        '\u{7}',
        '\u{8}',
        '\u{b}',
        '\u{c}',
        '\u{1f}',
        '\u{7f}',
        '\u{85}',
        '\u{2028}',
        '\u{2029}',
        '\u{feff}',
        '\u{fffd}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{10ffff}',
        '<',
        '&',
        '\'',
    ]);
    prop::collection::vec(prop_oneof![odd, any::<char>()], 0..40).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_escaped_as_javascript_does(content in texts(), job in texts()) {
        let data = ThermidoraData::CronCompleted { content: &content, job_name: &job };
        let text = body(None, data).to_json();
        let expected = format!(
            r#"{{"eventType":"cron.completed","instanceId":null,"agentSlug":"my-agent","data":{{"content":{},"jobName":{}}},"timestamp":"2026-04-07T09:00:00.000Z"}}"#,
            quoted(&content),
            quoted(&job),
        );
        prop_assert_eq!(&text, &expected);
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["data"]["content"].as_str(), Some(&*content));
    }
}

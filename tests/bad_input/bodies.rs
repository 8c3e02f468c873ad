//! Bodies that are not what the command asks for.

use reqwest::Method;
use serde_json::json;

use super::stage::{Expected, Stage};
use crate::harness::{Database, on_both_databases};

on_both_databases!(
    malformed_bodies,
    absurd_numbers,
    large_and_deep_bodies,
    balances_do_not_overflow
);

const INVALID: Expected = (400, "invalid_command");

async fn malformed_bodies(database: Database) {
    let stage = Stage::on(&database).await;
    let bodies: &[(&str, &[u8])] = &[
        ("half an object", b"{\"name\":"),
        ("no JSON", b"name=policy&rules=none"),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\",\"rules\":\"ALLOW: read\"}"),
        ("an array", b"[]"),
        ("null", b"null"),
        ("a string", b"\"CreatePolicy\""),
        ("two documents", b"{\"name\":\"a\",\"rules\":\"ALLOW: read\"}{}"),
        (
            "a field twice",
            b"{\"name\":\"a\",\"name\":\"b\",\"rules\":\"ALLOW: read\"}",
        ),
        (
            "an unknown field",
            b"{\"name\":\"a\",\"rules\":\"ALLOW: read\",\"colour\":\"blue\"}",
        ),
        ("a field missing", b"{\"name\":\"a\"}"),
        ("a number for a text", b"{\"name\":1,\"rules\":\"ALLOW: read\"}"),
        ("null for a text", b"{\"name\":null,\"rules\":\"ALLOW: read\"}"),
        (
            "an object for a text",
            b"{\"name\":{\"$ne\":1},\"rules\":\"ALLOW: read\"}",
        ),
        (
            "half a surrogate pair",
            b"{\"name\":\"\\ud800\",\"rules\":\"ALLOW: read\"}",
        ),
        (
            "surrogates the wrong way",
            b"{\"name\":\"\\udc00\\ud800\",\"rules\":\"ALLOW: read\"}",
        ),
        (
            "a raw line break in a text",
            b"{\"name\":\"a\nb\",\"rules\":\"ALLOW: read\"}",
        ),
        ("a comment", b"{\"name\":\"a\",/**/\"rules\":\"ALLOW: read\"}"),
        ("nothing", b""),
        (
            "a byte order mark",
            b"\xef\xbb\xbf{\"name\":\"a\",\"rules\":\"ALLOW: read\"}",
        ),
    ];
    let rows = bodies
        .iter()
        .map(|(what, body)| (*what, stage.raw("CreatePolicy", body.to_vec()), INVALID));
    stage.expect(rows.collect()).await;
}

async fn absurd_numbers(database: Database) {
    let stage = Stage::on(&database).await;
    let operator = stage.server.operator();
    let grant = |amount: &str| {
        let body = format!(
            "{{\"account_id\":\"{}\",\"amount_micro\":{amount}}}",
            stage.mine.id
        );
        operator
            .request(Method::POST, "/v1/commands/GrantCredits")
            .header("Content-Type", "application/json")
            .body(body)
    };
    let mut rows = Vec::new();
    for amount in [
        "1.5",
        "1e400",
        "-9223372036854775809",
        "-1",
        "1e3",
        "\"5\"",
        "true",
        "NaN",
        "0x10",
    ] {
        rows.push((format!("{amount} credits"), grant(amount), INVALID));
    }
    let plan = |interval: &str| {
        let plan = format!("{{\"id\":\"p\",\"name\":\"P\",\"metering_interval_s\":{interval}}}");
        let body = format!("{{\"account_id\":\"{}\",\"plan\":{plan}}}", stage.mine.id);
        operator
            .request(Method::POST, "/v1/commands/AssignPlan")
            .header("Content-Type", "application/json")
            .body(body)
    };
    for interval in ["-1", "4294967296", "1.0", "1e9"] {
        rows.push((format!("an interval of {interval}"), plan(interval), INVALID));
    }
    stage.expect(rows).await;
    for refused in [
        grant("0"),
        grant("9223372036854775808"),
        grant("18446744073709551615"),
        plan("0"),
        plan("4294967295"),
    ] {
        let answer = stage.client().send(refused).await.expect("an answer");
        assert_eq!(answer.status, 422, "{}", answer.text);
        answer.is_problem_document();
    }
    let ledger = stage.client().document("ledgers", &stage.mine.id).await;
    assert_eq!(ledger["balance_micro"], 100_000_000, "nothing of it went through");
}

async fn balances_do_not_overflow(database: Database) {
    let stage = Stage::on(&database).await;
    let operator = stage.server.operator();
    for _ in 0..4 {
        let body = json!({ "account_id": stage.mine.id, "amount_micro": i64::MAX });
        let answer = operator.command("GrantCredits", body).await;
        Stage::is_clear("a grant of all credits there are", &answer);
    }
    let balance = stage.client().document("ledgers", &stage.mine.id).await["balance_micro"].as_i64();
    assert!(
        balance.is_some_and(|balance| balance >= 100_000_000),
        "{balance:?}"
    );
    stage.still_serves().await;
}

async fn large_and_deep_bodies(database: Database) {
    let stage = Stage::on(&database).await;
    let nested = |open: &str, close: &str, depth: usize| [open.repeat(depth), close.repeat(depth)].concat();
    let policy = |rules: &str| format!("{{\"name\":\"a\",\"rules\":{rules}}}");
    stage
        .expect(vec![
            (
                "20 MB of rules",
                stage.raw("CreatePolicy", policy(&format!("\"{}\"", "a".repeat(20 << 20)))),
                TOO_LARGE,
            ),
            (
                "20 MB of blanks",
                stage.raw("CreatePolicy", " ".repeat(20 << 20)),
                TOO_LARGE,
            ),
            (
                "deep arrays",
                stage.raw("CreatePolicy", nested("[", "]", 200_000)),
                INVALID,
            ),
            (
                "deep arrays in a field",
                stage.raw("CreatePolicy", policy(&nested("[", "]", 200_000))),
                INVALID,
            ),
            (
                "deep objects",
                stage.raw("CreatePolicy", nested("{\"a\":", "}", 100_000)),
                INVALID,
            ),
            (
                "deep and unclosed",
                stage.raw("CreatePolicy", "[".repeat(500_000)),
                INVALID,
            ),
        ])
        .await;
}

const TOO_LARGE: Expected = (413, "body_too_large");

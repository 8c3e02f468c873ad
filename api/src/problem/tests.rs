//! What each error of the command layer becomes.

use axum::http::header;
use reef_commands::CommandError;
use reef_domain::RefusalKind;

use super::*;

fn refused(kind: RefusalKind) -> CommandError {
    CommandError::refused("some_code", kind, "some reason")
}

#[test]
fn every_error_has_its_status() {
    let unknown = |unknown| CommandError::Unavailable {
        reason: "gone".into(),
        unknown,
    };
    let cases = [
        (refused(RefusalKind::NotFound), 404, "some_code"),
        (refused(RefusalKind::Invalid), 422, "some_code"),
        (refused(RefusalKind::Conflict), 409, "some_code"),
        (refused(RefusalKind::Forbidden), 403, "some_code"),
        (refused(RefusalKind::LimitReached), 409, "some_code"),
        (refused(RefusalKind::PaymentRequired), 402, "some_code"),
        (refused(RefusalKind::NotReady), 503, "some_code"),
        (
            CommandError::Unknown {
                kind: "agent",
                id: "a".into(),
            },
            404,
            "not_found",
        ),
        (
            CommandError::Foreign {
                kind: "agent",
                id: "a".into(),
            },
            404,
            "not_found",
        ),
        (
            CommandError::malformed("name", "is missing"),
            400,
            "invalid_command",
        ),
        (CommandError::NoSuchCommand("Fly".into()), 404, "unknown_command"),
        (
            CommandError::PreconditionFailed {
                expected: 1,
                actual: 2,
            },
            412,
            "precondition_failed",
        ),
        (CommandError::KeyReused, 422, "idempotency_key_reused"),
        (CommandError::KeyInFlight, 409, "idempotency_key_in_flight"),
        (CommandError::Contention("agent/a".into()), 503, "contention"),
        (unknown(false), 503, "unavailable"),
        (unknown(true), 503, "unavailable"),
        (CommandError::Corrupt("row 5".into()), 500, "corrupt"),
    ];
    for (error, status, code) in cases {
        let problem = Problem::from(error.clone());
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (status, code),
            "{error:?}"
        );
    }
}

#[test]
fn a_foreign_thing_looks_like_none() {
    let body = |error: CommandError| Problem::from(error).body("r");
    assert_eq!(
        body(CommandError::Foreign {
            kind: "api_key",
            id: "k".into()
        }),
        body(CommandError::Unknown {
            kind: "api_key",
            id: "k".into()
        })
    );
}

#[test]
fn an_unknown_outcome_is_said_and_the_reason_is_kept_inside() {
    let tell = |unknown| {
        let error = CommandError::Unavailable {
            reason: "host db-7 refused".into(),
            unknown,
        };
        String::from_utf8(Problem::from(error).body("r")).unwrap()
    };
    assert!(tell(true).contains("outcome is unknown"));
    assert!(tell(false).contains("Nothing was stored"));
    assert!(!tell(true).contains("db-7"));
}

#[test]
fn the_document_names_its_code_its_field_and_the_request() {
    let problem = Problem::parameter("limit", "limit is a number").retry_after(7);
    let response = problem.clone().render("req-1");
    assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    let body: serde_json::Value = serde_json::from_slice(&problem.body("req-1")).unwrap();
    let expected = serde_json::json!({
        "type": "/docs#invalid_parameter",
        "title": "A parameter cannot be accepted",
        "status": 400,
        "detail": "limit is a number",
        "code": "invalid_parameter",
        "request_id": "req-1",
        "field": "limit",
    });
    assert_eq!(body, expected);
}

#[test]
fn no_code_is_listed_twice() {
    let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CODES.len());
}

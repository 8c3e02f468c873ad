//! What each sort of failure becomes.

use axum::body::to_bytes;
use reef_commands::CommandError;

use super::*;

async fn rendered(problem: Problem) -> (u16, serde_json::Value) {
    let id = RequestId::of(&axum::http::HeaderMap::new(), &reef_commands::RandomEntropy);
    let response = render(&problem, &id);
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn every_refusal_has_its_code_and_status() {
    let cases = [
        (RefusalKind::NotFound, 404, "not_found"),
        (RefusalKind::Invalid, 400, "invalid_request"),
        (RefusalKind::Conflict, 409, "conflict"),
        (RefusalKind::Forbidden, 401, "unauthorized"),
        (RefusalKind::LimitReached, 409, "conflict"),
        (RefusalKind::PaymentRequired, 402, "insufficient_balance"),
        (RefusalKind::NotReady, 503, "instance_not_ready"),
    ];
    for (kind, status, code) in cases {
        let problem = Problem::from(CommandError::refused("code", kind, "why not"));
        let error = serde_json::json!({ "code": code, "message": "why not", "status": status });
        let expected = serde_json::json!({ "error": error });
        assert_eq!(rendered(problem).await, (status, expected), "{kind:?}");
    }
}

#[tokio::test]
async fn what_there_is_not_and_what_is_anothers_is_told_alike() {
    for (kind, word) in [
        ("agent", "Agent"),
        ("runtime", "Instance"),
        ("webhook", "Webhook"),
        ("api_key", "API key"),
    ] {
        let id = "x_1".to_owned();
        let unknown = rendered(CommandError::Unknown { kind, id: id.clone() }.into()).await;
        assert_eq!(unknown, rendered(CommandError::Foreign { kind, id }.into()).await);
        assert_eq!(unknown.0, 404);
        assert_eq!(unknown.1["error"]["message"], format!("{word} not found"));
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let (status, body) = rendered(CommandError::malformed("name", "is missing").into()).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (400, &"name: is missing".into())
    );
    let (_, body) = rendered(CommandError::malformed(".", "no object").into()).await;
    assert_eq!(body["error"]["message"], "no object");
}

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
async fn every_refusal_is_one_of_the_six() {
    let cases = [
        (RefusalKind::NotFound, 404, "Not Found"),
        (RefusalKind::Invalid, 400, "Bad Request"),
        (RefusalKind::Conflict, 400, "Bad Request"),
        (RefusalKind::Forbidden, 403, "Forbidden"),
        (RefusalKind::LimitReached, 400, "Bad Request"),
        (RefusalKind::PaymentRequired, 400, "Bad Request"),
        (RefusalKind::NotReady, 500, "Server Error"),
    ];
    for (kind, status, error) in cases {
        let problem = Problem::from(CommandError::refused("code", kind, "why not"));
        let expected = serde_json::json!({ "statusCode": status, "message": "why not", "error": error });
        assert_eq!(rendered(problem).await, (status, expected), "{kind:?}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_named_in_tropics_words() {
    let names = [
        ("agent", "Agent"),
        ("policy", "Policy"),
        ("template", "Template"),
        ("task", "Task"),
        ("api_key", "ApiKey"),
        ("machine", "Instance"),
    ];
    for (kind, word) in names {
        let id = "x_1".to_owned();
        let (status, body) = rendered(CommandError::Unknown { kind, id: id.clone() }.into()).await;
        assert_eq!(
            (status, &body["message"]),
            (404, &format!("{word} x_1 not found").into())
        );
        let (status, body) = rendered(CommandError::Foreign { kind, id }.into()).await;
        assert_eq!(
            (status, &body["message"]),
            (403, &format!("{word} x_1 belongs to another user").into())
        );
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let (status, body) = rendered(CommandError::malformed("name", "is missing").into()).await;
    assert_eq!((status, &body["message"]), (400, &"name: is missing".into()));
    let (_, body) = rendered(CommandError::malformed(".", "no object").into()).await;
    assert_eq!(body["message"], "no object");
}

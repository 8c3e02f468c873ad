//! What is taken and what is refused.

use axum::http::Request;

use super::*;

async fn params(query: &str) -> Result<Params, Problem> {
    let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
    Params::from_request_parts(&mut parts, &()).await
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
    let problem = result.unwrap_err();
    assert_eq!(problem.status(), 400);
    let body: serde_json::Value = serde_json::from_slice(&problem.body("r")).unwrap();
    body["field"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    assert_eq!(refusal(params("limit=1&limit=2").await), "limit");
}

#[tokio::test]
async fn what_nobody_knows_is_refused() {
    let mut given = params("limit=5&colour=red").await.unwrap();
    assert_eq!(given.number("limit", 1..=10, 3).unwrap(), 5);
    assert_eq!(refusal(given.finish(&["limit"])), "colour");
}

#[tokio::test]
async fn absurd_numbers_are_refused() {
    for text in ["0", "11", "-1", "1e3", "99999999999999999999", "", "%00"] {
        let mut given = params(&format!("limit={text}")).await.unwrap();
        assert_eq!(refusal(given.number("limit", 1..=10, 3)), "limit", "{text}");
    }
    for text in ["-1", "9223372036854775808", "later"] {
        let mut given = params(&format!("after={text}")).await.unwrap();
        assert_eq!(refusal(given.position("after")), "after", "{text}");
    }
}

#[tokio::test]
async fn nothing_given_is_the_default() {
    let mut given = params("").await.unwrap();
    assert_eq!(given.number("limit", 1..=10, 3).unwrap(), 3);
    assert_eq!(given.position("after").unwrap(), None);
    given.finish(&[]).unwrap();
}

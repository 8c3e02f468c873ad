//! Who asks too often is told so, and when to come back; nobody else is held up by it.

use crate::harness::{Account, Database, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_so() {
    let database = Database::sqlite();
    let server = Setup::on(&database)
        .with("REEF_RATE_LIMIT_PER_MINUTE", "40")
        .start()
        .await;
    let eager = Account::make(&server, "eager").await;
    let patient = Account::make(&server, "patient").await;
    let mut let_through = 0;
    let refused = loop {
        let answer = eager.client.get("/v1/views/policies").await;
        if answer.status != 200 {
            break answer;
        }
        let_through += 1;
        assert!(answer.header("ratelimit").is_some(), "{:?}", answer.headers);
        assert!(let_through < 200, "there is no limit");
    };
    assert!(let_through >= 40, "refused after {let_through} of 40");
    let wait_s = refused
        .header("retry-after")
        .and_then(|text| text.parse::<u32>().ok());
    assert!(
        wait_s.is_some_and(|wait_s| (1..=60).contains(&wait_s)),
        "{:?}",
        refused.headers
    );
    refused.problem(429, "rate_limited");
    patient.client.get("/v1/views/policies").await.ok();
    assert_eq!(
        server.client(None).get("/healthz").await.status,
        200,
        "health is not counted"
    );
}

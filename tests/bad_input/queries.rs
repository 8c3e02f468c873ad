//! Query strings: cursors, limits, filters and times that are none.

use super::stage::{Expected, Stage};
use crate::harness::{Database, on_both_databases};

on_both_databases!(bad_queries, odd_but_fine_queries);

const INVALID: Expected = (400, "invalid_parameter");

async fn bad_queries(database: Database) {
    let stage = Stage::on(&database).await;
    let policy = format!("/v1/views/policies/{}", stage.policy);
    let past = format!("/v1/streams/policy/{}/state", stage.policy);
    let mut paths: Vec<String> = Vec::new();
    for base in ["/v1/views/policies", "/v1/events"] {
        for query in [
            "limit=-1",
            "limit=ten",
            "limit=1e3",
            "limit=99999999999999999999",
            "after=-1",
            "after=banana",
            "after=18446744073709551616",
            "after=",
            "limit=1&limit=2",
        ] {
            paths.push(format!("{base}?{query}"));
        }
    }
    paths.extend(
        [
            "types=Nonsense",
            "after=9223372036854775808",
            "wait=-1",
            "wait=soon",
            "wait=1e9",
            "colour=blue",
        ]
        .map(|query| format!("/v1/events?{query}")),
    );
    paths.extend(
        ["after=-1", "after=banana", "colour=blue"].map(|query| format!("/v1/events/stream?{query}")),
    );
    paths.extend(
        ["colour=blue", "payload=x", "name%00=x", "status=%00"]
            .map(|query| format!("/v1/views/policies?{query}")),
    );
    for at in [
        "yesterday",
        "-1",
        "2026-13-45T00:00:00Z",
        "2026-01-01",
        "1.5",
        "",
        "9999999999999999999999",
    ] {
        paths.push(format!("{policy}?at={at}"));
        paths.push(format!("{past}?at={at}"));
    }
    paths.extend(["position=x", "position=-1", ""].map(|q| format!("/v1/log/proof/inclusion?{q}")));
    paths.extend(["from=99999999", "from=x", "from=-1"].map(|q| format!("/v1/log/proof/consistency?{q}")));
    let operator = stage.server.operator();
    let rows = paths.iter().map(|path| {
        let client = if path.contains("/log/") {
            &operator
        } else {
            stage.client()
        };
        (path, client.request(reqwest::Method::GET, path), INVALID)
    });
    stage.expect(rows.collect()).await;
}

async fn odd_but_fine_queries(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    let empty = [
        "/v1/views/policies?status=nonsense",
        "/v1/views/policies?after=1",
        "/v1/views/agents?policy_id=unknown",
    ];
    for path in empty {
        let page = client.get(path).await.ok();
        assert_eq!(
            page.body["data"].as_array().map(Vec::len),
            Some(0),
            "{path}: {}",
            page.text
        );
        assert!(page.body["position"].is_u64(), "{}", page.text);
    }
    for path in [
        "/v1/events?after=9223372036854775807",
        "/v1/events?aggregate_id=unknown",
    ] {
        assert_eq!(client.get(path).await.ok().text, "[]", "{path}");
    }
    // A page is bounded whatever is asked for.
    let page = client.get("/v1/views/policies?limit=4294967295").await;
    Stage::is_clear("a huge page", &page);
    stage.still_serves().await;
}

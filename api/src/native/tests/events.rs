//! The feed: shape of events, batches, long polls, streams that resume.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{OPERATOR, Rig, rig};

/// One event off a stream.
#[derive(Debug, PartialEq)]
struct Heard {
    id: u64,
    kind: String,
    data: Value,
}

/// An open stream, parsed.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(rig: &Rig, key: &str, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = rig::get(key, path);
        if let Some(id) = last_event_id {
            request.headers_mut().insert("last-event-id", id.parse().unwrap());
        }
        let (status, body) = rig.open(request).await;
        assert_eq!(status, 200);
        Self {
            body,
            text: String::new(),
        }
    }

    /// The next block of lines; `None`: the stream ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(block);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.body.next())
                .await
                .expect("within the deadline");
            self.text.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    /// The next event; comments are passed over.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim_start)
            };
            if let (Some(id), Some(kind), Some(data)) = (field("id:"), field("event:"), field("data:")) {
                let data = serde_json::from_str(data).unwrap();
                return Some(Heard {
                    id: id.parse().unwrap(),
                    kind: kind.to_owned(),
                    data,
                });
            }
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.next().await.expect("the stream goes on"));
        }
        heard
    }
}

async fn batch(rig: &Rig, key: &str, query: &str) -> Vec<Value> {
    rig.get(key, &format!("/v1/events?{query}"))
        .await
        .ok()
        .body
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn an_event_is_a_cloud_event() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let policy = rig.policy(&account.key, "one").await;
    let reply = rig.get(&account.key, "/v1/events?types=PolicyCreated").await.ok();
    assert_eq!(reply.header("content-type"), "application/cloudevents-batch+json");
    let event = &reply.body[0];
    let expected = json!({
        "specversion": "1.0",
        "id": event["id"],
        "source": format!("/v1/streams/policy/{policy}"),
        "type": "PolicyCreated",
        "subject": policy,
        "time": event["time"],
        "datacontenttype": "application/json",
        "position": event["position"],
        "sequence": 1,
        "aggregatetype": "policy",
        "aggregateid": policy,
        "accountid": account.id,
        "actor": format!("api_key:{}", account.key_id),
        "dialect": "native",
        "correlationid": event["correlationid"],
        "schemaversion": 1,
        "data": {
            "policy_id": policy,
            "account_id": account.id,
            "user_id": account.user,
            "name": "one",
            "rules": "ALLOW: read",
            "origin": "manual",
        },
    });
    assert_eq!(*event, expected);
    assert!(event["id"].as_str().unwrap().len() == 36);
    event["time"]
        .as_str()
        .unwrap()
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap();
    let stream = rig
        .get(&account.key, event["source"].as_str().unwrap())
        .await
        .ok();
    assert_eq!(stream.body["data"][0], *event, "its source is where it is read");
    rig.stop().await;
}

#[tokio::test]
async fn batches_follow_each_other_without_gap() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    for number in 0..5 {
        rig.policy(&key, &number.to_string()).await;
    }
    let all = batch(&rig, OPERATOR, "limit=1000").await;
    let positions: Vec<_> = all
        .iter()
        .map(|event| event["position"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, (1..=all.len() as u64).collect::<Vec<_>>());
    let mut read = Vec::new();
    let mut next = 0;
    loop {
        let reply = rig
            .get(OPERATOR, &format!("/v1/events?after={next}&limit=3"))
            .await
            .ok();
        let events = reply.body.as_array().unwrap().clone();
        next = reply.header("reef-next").parse().unwrap();
        assert_eq!(
            reply.header("link"),
            format!("</v1/events?after={next}&limit=3>; rel=\"next\"")
        );
        if events.is_empty() {
            break;
        }
        read.extend(events);
    }
    assert_eq!(read, all);
    rig.stop().await;
}

#[tokio::test]
async fn what_is_filtered_out_is_not_read_again() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let policy = rig.policy(&key, "one").await;
    rig.command(
        &key,
        "UpdatePolicy",
        json!({ "policy_id": policy, "name": "two" }),
    )
    .await
    .ok();
    let reply = rig.get(&key, "/v1/events?types=PolicyCreated").await.ok();
    assert_eq!(reply.body.as_array().unwrap().len(), 1);
    assert_eq!(reply.header("reef-next"), rig.state.0.head().to_string());
    assert_eq!(
        batch(&rig, &key, "types=PolicyCreated,PolicyUpdated").await.len(),
        2
    );
    assert_eq!(batch(&rig, &key, "aggregate_type=policy").await.len(), 2);
    assert_eq!(
        batch(&rig, &key, &format!("aggregate_id={policy}&types=PolicyUpdated"))
            .await
            .len(),
        1
    );
    rig.stop().await;
}

#[tokio::test]
async fn an_account_gets_its_own_events_only() {
    let rig = Rig::new().await;
    let (mine, theirs) = (rig.account("mine").await, rig.account("theirs").await);
    rig.policy(&theirs.key, "theirs").await;
    rig.policy(&mine.key, "mine").await;
    let own = batch(&rig, &mine.key, "limit=1000").await;
    assert!(own.len() > 2 && own.iter().all(|event| event["accountid"] == mine.id.as_str()));
    assert_eq!(
        batch(&rig, OPERATOR, &format!("limit=1000&account_id={}", mine.id)).await,
        own
    );
    let mut stream = Stream::open(&rig, &mine.key, "/v1/events/stream?after=0", None).await;
    let heard = stream.take(own.len()).await;
    assert_eq!(heard.into_iter().map(|event| event.data).collect::<Vec<_>>(), own);
    rig.stop().await;
}

#[tokio::test]
async fn a_long_poll_wakes_up_and_gives_up() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let head = rig.state.0.head();
    let path = format!("/v1/events?after={head}&wait=20");
    let (polled, _) = tokio::join!(rig.get(&key, &path), async {
        tokio::task::yield_now().await;
        rig.policy(&key, "wakes").await
    });
    assert_eq!(polled.ok().body[0]["type"], "PolicyCreated");
    let head = rig.state.0.head();
    let empty = rig
        .get(&key, &format!("/v1/events?after={head}&wait=1"))
        .await
        .ok();
    assert_eq!(
        (empty.text.as_str(), empty.header("reef-next")),
        ("[]", head.to_string().as_str())
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_stream_gives_every_event_in_order_and_resumes() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let mut first = Stream::open(&rig, OPERATOR, "/v1/events/stream?after=0", None).await;
    for number in 0..20 {
        rig.policy(&key, &number.to_string()).await;
    }
    let all = batch(&rig, OPERATOR, "limit=1000").await;
    let heard = first.take(10).await;
    drop(first);
    let last = heard.last().unwrap().id.to_string();
    // A browser repeats the address it was opened with; where it was counts.
    let mut second = Stream::open(&rig, OPERATOR, "/v1/events/stream?after=0", Some(&last)).await;
    let rest = second.take(all.len() - 10).await;
    let both: Vec<_> = heard.into_iter().chain(rest).collect();
    for (heard, event) in both.iter().zip(&all) {
        assert_eq!(heard.id, event["position"].as_u64().unwrap());
        assert_eq!(heard.kind, event["type"].as_str().unwrap());
        assert_eq!(heard.data, *event);
    }
    rig.stop().await;
}

#[tokio::test]
async fn without_a_place_a_stream_begins_now_and_says_where_that_is() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let head = rig.state.0.head();
    let mut stream = Stream::open(&rig, &key, "/v1/events/stream", None).await;
    let greeting = stream.block().await.unwrap();
    assert!(
        greeting.contains(&format!("id: {head}")) && greeting.contains("retry:"),
        "{greeting}"
    );
    rig.policy(&key, "now").await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.id, first.kind.as_str()), (head + 1, "PolicyCreated"));
    rig.stop().await;
}

#[tokio::test]
async fn a_place_that_cannot_be_is_refused() {
    let rig = Rig::new().await;
    for id in ["1000000", "-1", "yesterday", "1.5", "99999999999999999999999"] {
        let mut request = rig::get(OPERATOR, "/v1/events/stream");
        request.headers_mut().insert("last-event-id", id.parse().unwrap());
        let refused = rig.send(request).await.problem(400, "invalid_parameter");
        assert_eq!(refused.body["field"], "Last-Event-ID", "{id}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn an_idle_stream_says_that_it_is_alive() {
    let rig = Rig::with(|config| config.heartbeat = Duration::from_millis(20)).await;
    let mut stream = Stream::open(&rig, OPERATOR, "/v1/events/stream", None).await;
    stream.block().await.unwrap();
    assert_eq!(stream.block().await.unwrap(), ": heartbeat");
    rig.stop().await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let mut stream = Stream::open(&rig, &account.key, "/v1/events/stream", None).await;
    stream.block().await.unwrap();
    rig.command(OPERATOR, "RevokeApiKey", json!({ "key_id": account.key_id }))
        .await
        .ok();
    let mut heard = Vec::new();
    while let Some(event) = stream.next().await {
        heard.push(event.kind);
    }
    assert!(heard.len() <= 1, "{heard:?}");
    rig.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_drains() {
    let rig = Rig::new().await;
    let mut stream = Stream::open(&rig, OPERATOR, "/v1/events/stream", None).await;
    stream.block().await.unwrap();
    rig.shutdown.cancel();
    assert_eq!(stream.next().await, None);
    rig.stop().await;
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let rig = Rig::with(|config| config.max_streams = 1).await;
    let first = Stream::open(&rig, OPERATOR, "/v1/events/stream", None).await;
    rig.get(OPERATOR, "/v1/events/stream")
        .await
        .problem(503, "too_many_streams");
    drop(first);
    Stream::open(&rig, OPERATOR, "/v1/events/stream", None).await;
    rig.stop().await;
}

#[tokio::test]
async fn many_streams_hear_the_same() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let head = rig.state.0.head();
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(Stream::open(&rig, &key, &format!("/v1/events/stream?after={head}"), None).await);
    }
    for number in 0..30 {
        rig.policy(&key, &number.to_string()).await;
    }
    for stream in &mut streams {
        let ids: Vec<_> = stream.take(30).await.into_iter().map(|event| event.id).collect();
        assert_eq!(ids, (head + 1..=head + 30).collect::<Vec<_>>());
    }
    rig.stop().await;
}

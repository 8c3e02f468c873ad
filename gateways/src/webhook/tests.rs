//! Specs of the sender: what it sends and reads.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
    routing::post,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;

use super::*;

mod hostile;

/// What a receiver got.
struct Got {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

type Inbox = Arc<Mutex<Vec<Got>>>;

async fn take(State(inbox): State<Inbox>, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let path = uri.path().to_owned();
    inbox.lock().push(Got { uri, headers, body });
    match path.as_str() {
        "/moved" => (StatusCode::FOUND, [("location", "/ok")], String::new()).into_response(),
        "/busy" => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "later").into_response(),
        "/long" => "\u{fc}".repeat(100_000).into_response(),
        "/never" => std::future::pending().await,
        _ => "thanks".into_response(),
    }
}

/// A receiver on the loopback: `/ok` answers, `/moved` points to `/ok`, `/long` answers at length, `/never` never.
async fn receiver() -> (SocketAddr, Inbox) {
    let inbox = Inbox::default();
    let app = Router::new().fallback(post(take)).with_state(Arc::clone(&inbox));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, inbox)
}

fn loopback_allowed() -> WebhookRules {
    WebhookRules::new(&["127.0.0.0/8".to_owned(), "::1/128".to_owned()], true, vec![]).unwrap()
}

fn poster() -> WebhookPoster {
    WebhookPoster::new(loopback_allowed()).unwrap()
}

fn a_post(url: &str) -> WebhookPost {
    WebhookPost {
        url: url.into(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", "dlv_wh_1_7".to_owned()),
        ],
        body: "{\"text\":\"Gr\u{fc}\u{df}e\"}".to_owned(),
        time_limit: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn the_post_arrives_as_it_was_signed() {
    let (address, inbox) = receiver().await;
    let answer = poster()
        .post(a_post(&format!("http://{address}/ok?a=b")))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "thanks"));
    assert_eq!(answer.retry_after, None);
    let got = inbox.lock().pop().unwrap();
    assert_eq!(got.uri.path_and_query().unwrap().as_str(), "/ok?a=b");
    assert_eq!(got.body, a_post("").body.as_bytes());
    assert_eq!(got.headers["webhook-id"], "dlv_wh_1_7");
    assert_eq!(got.headers["content-type"], "application/json");
    assert!(
        got.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("reef-webhooks/")
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (address, inbox) = receiver().await;
    let answer = poster()
        .post(a_post(&format!("http://{address}/moved")))
        .await
        .unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(inbox.lock().len(), 1);
}

#[tokio::test]
async fn when_to_try_again_is_told() {
    let (address, _) = receiver().await;
    let answer = poster()
        .post(a_post(&format!("http://{address}/busy")))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("7")));
}

#[tokio::test]
async fn an_answer_is_read_up_to_a_bound() {
    let (address, _) = receiver().await;
    let answer = poster()
        .post(a_post(&format!("http://{address}/long")))
        .await
        .unwrap();
    assert_eq!(answer.body.len(), MAX_ANSWER_BYTES);
    assert!(answer.body.chars().all(|c| c == '\u{fc}'));
}

#[tokio::test]
async fn who_never_answers_is_given_up() {
    let (address, inbox) = receiver().await;
    let mut post = a_post(&format!("http://{address}/never"));
    post.time_limit = Duration::from_millis(300);
    assert_eq!(poster().post(post).await, Err(WebhookFailure::Timeout));
    assert_eq!(inbox.lock().len(), 1);
}

#[tokio::test]
async fn failures_say_what_failed_and_name_no_address() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = free.local_addr().unwrap();
    drop(free);
    let (open, _) = receiver().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broken = silent.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = silent.accept().await {
            drop(stream);
        }
    });
    for (url, code) in [
        (format!("http://{closed}/"), "connect"),
        (format!("https://{open}/"), "tls"),
        (format!("http://{broken}/"), "protocol"),
        ("http://no-such-name.invalid/".to_owned(), "dns"),
    ] {
        let failure = poster().post(a_post(&url)).await.unwrap_err();
        assert_eq!(failure.code(), code, "{url}: {failure}");
        assert!(!failure.to_string().contains("127.0.0.1"), "{failure}");
    }
}

/// Answers with each list once, then with the last for ever; counts.
struct Scripted(Vec<Vec<IpAddr>>, AtomicUsize);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let list = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(answers.iter().map(list).collect(), AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Lookup for Scripted {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.1.fetch_add(1, Ordering::Relaxed);
        Ok(self.0[turn.min(self.0.len() - 1)].clone())
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gets_no_connection() {
    let (address, inbox) = receiver().await;
    let names = Scripted::new(&[&["93.184.216.34"], &["127.0.0.1"]]);
    let poster = WebhookPoster::with_lookup(WebhookRules::default(), Arc::clone(&names) as _).unwrap();
    let url = format!("https://rebind.example:{}/ok", address.port());
    assert_eq!(poster.check(&url).await, Ok(()));
    let failure = poster.post(a_post(&url)).await.unwrap_err();
    assert_eq!(failure.code(), "refused");
    assert_eq!(
        names.1.load(Ordering::Relaxed),
        2,
        "the name was looked up once for the connection"
    );
    assert!(inbox.lock().is_empty());
}

#[tokio::test]
async fn one_private_address_among_public_ones_is_enough() {
    let names = Scripted::new(&[&["93.184.216.34", "10.0.0.1"]]);
    let poster = WebhookPoster::with_lookup(WebhookRules::default(), names).unwrap();
    let url = "https://mixed.example/";
    assert_eq!(poster.check(url).await.unwrap_err().code(), "refused");
    assert_eq!(poster.post(a_post(url)).await.unwrap_err().code(), "refused");
}

/// The connection goes to the address that was judged: nothing else knows this name.
#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let (address, inbox) = receiver().await;
    let names = Scripted::new(&[&["127.0.0.1"]]);
    let poster = WebhookPoster::with_lookup(loopback_allowed(), names).unwrap();
    let url = format!("http://receiver.example:{}/ok", address.port());
    assert_eq!(poster.post(a_post(&url)).await.unwrap().status, 200);
    let host = format!("receiver.example:{}", address.port());
    assert_eq!(inbox.lock()[0].headers["host"].to_str().unwrap(), host);
}

#[tokio::test]
async fn plain_http_goes_only_where_the_operator_allows() {
    let public = Scripted::new(&[&["93.184.216.34"]]);
    let url = "http://public.example/";
    let poster = WebhookPoster::with_lookup(loopback_allowed(), Arc::clone(&public) as _).unwrap();
    assert!(poster.allows_http());
    assert_eq!(poster.check(url).await.unwrap_err().code(), "refused");
    assert_eq!(poster.check("https://public.example/").await, Ok(()));
    let strict = WebhookRules::new(&["127.0.0.0/8".to_owned()], false, vec![]).unwrap();
    let poster = WebhookPoster::with_lookup(strict, public).unwrap();
    assert!(!poster.allows_http());
    assert_eq!(
        poster.check("http://127.0.0.1/").await.unwrap_err().code(),
        "refused"
    );
    assert_eq!(poster.check("https://127.0.0.1/").await, Ok(()));
}

#[tokio::test]
async fn ports_may_be_limited() {
    let rules = WebhookRules::new(&[], false, vec![443, 8443]).unwrap();
    let poster = WebhookPoster::with_lookup(rules, Scripted::new(&[&["93.184.216.34"]])).unwrap();
    for (url, good) in [
        ("https://a.example/", true),
        ("https://a.example:443/", true),
        ("https://a.example:8443/", true),
        ("https://a.example:22/", false),
        ("https://a.example:0/", false),
    ] {
        assert_eq!(poster.check(url).await.is_ok(), good, "{url}");
    }
}

#[test]
fn networks_are_checked_when_they_are_configured() {
    for good in ["10.1.0.0/16", "fd00::/8", " 127.0.0.1/32 "] {
        WebhookRules::new(&[good.to_owned()], false, vec![]).unwrap();
    }
    for bad in ["10.1.0.0", "10.1.0.0/33", "all", ""] {
        let refused = WebhookRules::new(&[bad.to_owned()], false, vec![]);
        assert_eq!(refused.unwrap_err(), NotANetwork(bad.to_owned()));
    }
}

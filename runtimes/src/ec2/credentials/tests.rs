//! Where keys come from, with lenders that answer as those of AWS do.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    http::HeaderMap,
    routing::{get, put},
};
use tokio::net::TcpListener;

use super::*;

const LENT: &str = r#"{"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"lent-secret",
    "Token":"lent-token","Expiration":"2026-02-19T16:00:00Z"}"#;

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-02-19T{time}Z").parse().unwrap()
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A metadata service as IMDSv2 is, and how often keys were lent.
async fn metadata() -> (String, Arc<AtomicUsize>) {
    let lent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lent);
    let ours = |headers: &HeaderMap| {
        headers
            .get("x-aws-ec2-metadata-token")
            .is_some_and(|token| token == "T")
    };
    let role = "/latest/meta-data/iam/security-credentials/";
    let router = Router::new()
        .route("/latest/api/token", put(async || "T"))
        .route(
            role,
            get(async move |headers: HeaderMap| if ours(&headers) { "reef-server" } else { "" }),
        )
        .route(
            &format!("{role}reef-server"),
            get(async move |headers: HeaderMap| {
                count.fetch_add(1, Ordering::SeqCst);
                if ours(&headers) { LENT } else { "" }
            }),
        );
    (serve(router).await, lent)
}

fn source(variables: &[(&str, &str)]) -> CredentialSource {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    CredentialSource::from_environment(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn http() -> Client {
    // The client wants one, even where nothing is encrypted.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().no_proxy().build().unwrap()
}

#[test]
fn the_usual_variables_are_understood() {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIA1"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", ""),
    ];
    let CredentialSource::Static {
        access_key_id,
        session_token,
        ..
    } = source(&keys)
    else {
        panic!("there are keys")
    };
    assert_eq!((access_key_id.as_str(), session_token), ("AKIA1", None));
    let ecs = source(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/1")]);
    assert!(matches!(ecs, CredentialSource::Container { uri, .. } if uri == "http://169.254.170.2/v2/1"));
    assert!(matches!(
        source(&[("AWS_ACCESS_KEY_ID", "AKIA1")]),
        CredentialSource::Instance
    ));
}

#[test]
fn keys_are_not_shown() {
    let source = source(&[
        ("AWS_ACCESS_KEY_ID", "AKIA1"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret"),
    ]);
    assert!(!format!("{source:?}").contains("very-secret"));
}

#[tokio::test]
async fn an_instance_s_role_lends_keys_until_shortly_before_they_run_out() {
    let (url, lent) = metadata().await;
    let cache = CredentialCache::asking(CredentialSource::Instance, url);
    let http = http();
    for (time, fetched) in [("10:00:00", 1), ("15:54:59", 1), ("15:55:00", 2)] {
        let keys = cache.get(&http, at(time)).await.unwrap();
        assert_eq!(
            (keys.access_key_id(), keys.session_token()),
            ("ASIA1", Some("lent-token"))
        );
        assert_eq!(lent.load(Ordering::SeqCst), fetched, "{time}");
    }
    cache.forget().await;
    cache.get(&http, at("10:00:00")).await.unwrap();
    assert_eq!(lent.load(Ordering::SeqCst), 3, "forgotten keys are fetched again");
}

#[tokio::test]
async fn a_container_s_endpoint_is_asked_with_its_token() {
    let answer = async |headers: HeaderMap| {
        if headers
            .get("authorization")
            .is_some_and(|token| token == "Bearer c")
        {
            LENT
        } else {
            "{}"
        }
    };
    let url = serve(Router::new().route("/keys", get(answer))).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Bearer c\n").unwrap();
    let container = |token: Option<&str>, token_file| {
        CredentialCache::new(CredentialSource::Container {
            uri: format!("{url}/keys"),
            token: token.map(|token| Zeroizing::new(token.to_owned())),
            token_file,
        })
    };
    let from_file = container(None, Some(file.path().display().to_string()));
    assert_eq!(
        from_file
            .get(&http(), at("10:00:00"))
            .await
            .unwrap()
            .access_key_id(),
        "ASIA1"
    );
    let refused = container(Some("Bearer x"), None)
        .get(&http(), at("10:00:00"))
        .await
        .unwrap_err();
    assert!(
        refused.is_transient() && refused.to_string().contains("no AWS credentials"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_lender_that_is_not_there_is_an_error_that_says_what_to_do() {
    let cache = CredentialCache::asking(CredentialSource::Instance, "http://127.0.0.1:1".to_owned());
    let error = cache.get(&http(), at("10:00:00")).await.unwrap_err();
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
}

//! Who shares a limit, and what is told about it.

use super::*;

fn credential(id: &str) -> Counted {
    Counted::Credential(id.into())
}

#[test]
fn no_limit_is_no_limiter() {
    assert!(Limiter::per_minute(0).is_none());
}

#[test]
fn each_credential_has_its_own_allowance() {
    let limiter = Limiter::per_minute(2).unwrap();
    assert_eq!(limiter.count(&credential("a")).wait_s, 0);
    assert_eq!(limiter.count(&credential("a")).wait_s, 0);
    let refused = limiter.count(&credential("a"));
    assert!((1..=31).contains(&refused.wait_s), "{refused:?}");
    assert_eq!(refused.remaining, 0);
    assert_eq!(limiter.count(&credential("b")).remaining, 1);
    assert_eq!(
        limiter
            .count(&Counted::Address(IpAddr::from([1, 2, 3, 4])))
            .remaining,
        1
    );
}

#[test]
fn the_headers_tell_limit_rest_and_reset() {
    let limiter = Limiter::per_minute(60).unwrap();
    let mut headers = HeaderMap::new();
    limiter.count(&credential("a")).tell(&mut headers);
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("ratelimit-limit"), "60");
    assert_eq!(text("ratelimit-remaining"), "59");
    assert_eq!(text("ratelimit-reset"), "1");
    assert_eq!(text("ratelimit"), "\"default\";r=59;t=1");
    assert_eq!(text("ratelimit-policy"), "\"default\";q=60;w=60");
}

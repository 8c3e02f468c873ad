//! Which tokens are believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;

struct Watch(Mutex<DateTime<Utc>>);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }
}

const DAY: Duration = Duration::from_hours(24);

fn tokens(key: u8) -> (OwnTokens, Arc<Watch>) {
    let watch = Arc::new(Watch(Mutex::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000))));
    let own = OwnTokens::new(&Zeroizing::new([key; 32]), DAY, Arc::clone(&watch) as _);
    (own, watch)
}

fn ada() -> TokenHolder {
    TokenHolder {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        dialect: Dialect::Thermidora,
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims(own: &str) -> Value {
    let part = own.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Signed with our key, whatever it says.
fn signed(tokens: &OwnTokens, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &tokens.signing).unwrap()
}

#[test]
fn a_token_stands_for_its_holder_until_it_expires() {
    let (own, watch) = tokens(7);
    let token = own.issue(&ada()).unwrap();
    assert!(
        token.starts_with("eyJ") && token.split('.').count() == 3,
        "{token}"
    );
    assert_eq!(own.verify(&token), Ok(ada()));
    *watch.0.lock() += TimeDelta::hours(24) - TimeDelta::seconds(1);
    assert_eq!(own.verify(&token), Ok(ada()));
    *watch.0.lock() += TimeDelta::seconds(1);
    assert_eq!(own.verify(&token), Err(invalid("expired")));
}

#[test]
fn another_key_signs_nothing_here() {
    let ((own, _), (other, _)) = (tokens(7), tokens(8));
    assert!(own.verify(&other.issue(&ada()).unwrap()).is_err());
    let same = OwnTokens::new(
        &Zeroizing::new([7; 32]),
        DAY,
        Arc::new(reef_commands::ports::SystemClock),
    );
    assert_eq!(
        own.digest("login code", "123456"),
        same.digest("login code", "123456")
    );
    assert_ne!(
        own.digest("login code", "123456"),
        other.digest("login code", "123456")
    );
    assert_ne!(own.digest("login code", "123456"), own.digest("other", "123456"));
}

#[test]
fn what_is_forged_or_meant_for_others_is_refused() {
    let (own, _) = tokens(7);
    let token = own.issue(&ada()).unwrap();
    let good = claims(&token);
    assert_eq!(own.verify(&signed(&own, &good)), Ok(ada()));
    let [head, body, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = part(&json!({ "alg": "none", "typ": "JWT" }));
    let hs384 = part(&json!({ "alg": "HS384", "typ": "JWT" }));
    let mut mallory = good.clone();
    mallory["account"] = json!("acc_2");
    for forged in [
        format!("{none}.{body}."),
        format!("{none}.{body}.{signature}"),
        format!("{hs384}.{body}.{signature}"),
        format!("{head}.{}.{signature}", part(&mallory)),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        String::new(),
        "..".to_owned(),
        "x".repeat(10_000),
    ] {
        assert!(own.verify(&forged).is_err(), "{forged}");
    }
    for (claim, value) in [
        ("iss", json!("https://issuer.example")),
        ("iss", Value::Null),
        ("aud", json!("somewhere")),
        ("aud", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("sub", json!("")),
        ("account", json!("a/b")),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        assert!(own.verify(&signed(&own, &claims)).is_err(), "{claims}");
    }
}

#[test]
fn the_derived_key_is_none_of_the_master_keys_bytes() {
    let (one, other) = (derived_key(&[7; 32]), derived_key(&[8; 32]));
    assert_eq!(one, derived_key(&[7; 32]));
    assert_ne!(one, other);
    assert_ne!(*one, [7; 32]);
}

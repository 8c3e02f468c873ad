//! Specs of session tokens.

mod issuer;
mod rotation;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reef_domain::Dialect;
use ring::hmac;
use serde_json::{Value, json};

use self::issuer::{HandClock, Issuer, Signer};
use super::*;

/// Why the token was refused.
fn invalid(result: Result<ExternalIdentity, TokenError>) -> String {
    match result {
        Err(TokenError::Invalid(reason)) => reason,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

fn and(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn tokens_of_every_kind_of_key_are_accepted() {
    let clock = HandClock::new();
    let signers = [Signer::rsa("r"), Signer::ec("e"), Signer::ed("d")];
    let issuer = Issuer::start(signers.iter().map(Signer::jwk).collect()).await;
    let verifier = issuer.verifier(&clock);
    for signer in &signers {
        let identity = verifier
            .verify(&signer.token(&issuer.claims(&clock)))
            .await
            .unwrap();
        let expected = ExternalIdentity {
            issuer: issuer.name.clone(),
            subject: "user_2abc".to_owned(),
            email: None,
            name: None,
            dialect: Dialect::Tropic,
        };
        assert_eq!(identity, expected);
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");
}

#[tokio::test]
async fn who_it_is_comes_with_the_token() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let told = and(
        and(issuer.claims(&clock), "name", "Ada"),
        "email",
        "ada@example.com",
    );
    for (verified, email) in [
        (Value::Null, Some("ada@example.com")),
        (json!(true), Some("ada@example.com")),
        (json!(false), None),
        (json!("false"), None),
    ] {
        let token = signer.token(&and(told.clone(), "email_verified", verified));
        let identity = verifier.verify(&token).await.unwrap();
        assert_eq!(
            (identity.name.as_deref(), identity.email.as_deref()),
            (Some("Ada"), email)
        );
    }
}

#[tokio::test]
async fn a_token_is_for_now() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let (now, claims) = (clock.now().timestamp(), issuer.claims(&clock));
    let good = [("exp", now - 29), ("nbf", now + 30), ("iat", now + 30)];
    for (name, value) in good {
        verifier
            .verify(&signer.token(&and(claims.clone(), name, value)))
            .await
            .unwrap();
    }
    let bad = [
        ("exp", json!(now - 30)),
        ("exp", json!(0)),
        ("exp", json!("tomorrow")),
        ("nbf", json!(now + 31)),
        ("iat", json!(now + 31)),
        ("nbf", json!("now")),
    ];
    for (name, value) in bad {
        invalid(
            verifier
                .verify(&signer.token(&and(claims.clone(), name, value)))
                .await,
        );
    }
    invalid(
        verifier
            .verify(&signer.token(&without(claims.clone(), "exp")))
            .await,
    );
    let token = signer.token(&claims);
    verifier.verify(&token).await.unwrap();
    clock.pass(91);
    assert_eq!(invalid(verifier.verify(&token).await), "expired");
}

#[tokio::test]
async fn a_token_is_of_a_known_issuer_about_somebody() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let claims = issuer.claims(&clock);
    let bad = [
        and(claims.clone(), "iss", "https://elsewhere.example"),
        and(claims.clone(), "iss", format!("{}/", issuer.name)),
        and(claims.clone(), "iss", json!([issuer.name])),
        without(claims.clone(), "iss"),
        without(claims.clone(), "sub"),
        and(claims.clone(), "sub", ""),
        and(claims.clone(), "sub", "a\nb"),
        and(claims.clone(), "sub", "x".repeat(256)),
        and(claims.clone(), "sub", 17),
        and(claims.clone(), "sts", "pending"),
    ];
    for claims in bad {
        invalid(verifier.verify(&signer.token(&claims)).await);
    }
    verifier
        .verify(&signer.token(&and(claims, "sts", "active")))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_is_for_us() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let ours = IssuerConfig {
        audience: Some("reef".to_owned()),
        authorized_parties: vec!["https://tropic.bot".to_owned()],
        ..issuer.config()
    };
    let strict = SessionIssuers::new(vec![ours], Arc::clone(&clock) as _).unwrap();
    let open = issuer.verifier(&clock);
    let claims = issuer.claims(&clock);
    let for_us = and(claims.clone(), "aud", "reef");
    strict.verify(&signer.token(&for_us)).await.unwrap();
    let among = and(claims.clone(), "aud", json!(["other", "reef"]));
    strict.verify(&signer.token(&among)).await.unwrap();
    let bad = [
        claims.clone(),
        and(claims.clone(), "aud", "other"),
        and(claims.clone(), "aud", json!([])),
        and(for_us.clone(), "azp", "https://evil.example"),
        without(for_us.clone(), "azp"),
    ];
    for claims in bad {
        invalid(strict.verify(&signer.token(&claims)).await);
    }
    assert_eq!(
        invalid(open.verify(&signer.token(&for_us)).await),
        "for another audience"
    );
    open.verify(&signer.token(&and(claims, "azp", "https://anybody.example")))
        .await
        .unwrap();
}

#[tokio::test]
async fn only_the_keys_own_algorithm_counts() {
    let clock = HandClock::new();
    let (rsa, ec) = (Signer::rsa("k"), Signer::ec("e"));
    let issuer = Issuer::start(vec![rsa.jwk(), ec.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let claims = issuer.claims(&clock);
    let encoded = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    for none in ["none", "None", "NONE"] {
        let header = json!({ "alg": none, "kid": "k" });
        for signature in ["", "x"] {
            let token = format!("{}.{}.{signature}", encoded(&header), encoded(&claims));
            invalid(verifier.verify(&token).await);
        }
    }
    // The classic: the public key, which everybody has, as a shared secret.
    let public = URL_SAFE_NO_PAD.decode(rsa.jwk()["n"].as_str().unwrap()).unwrap();
    let header = json!({ "alg": "HS256", "kid": "k" });
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), signed.as_bytes());
    invalid(
        verifier
            .verify(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
            .await,
    );
    for (header, why) in [
        (
            json!({ "alg": "ES256", "kid": "k" }),
            "another algorithm than the key's",
        ),
        (json!({ "alg": "RS512", "kid": "k" }), "one that is not accepted"),
        (json!({ "alg": "PS256", "kid": "k" }), "one that is not accepted"),
        (json!({ "alg": "RS256", "kid": "e" }), "another key's"),
        (
            json!({ "alg": "RS256", "kid": "k", "crit": ["exp"] }),
            "an extension",
        ),
        (
            json!({ "alg": "RS256", "kid": "k", "b64": false }),
            "an extension",
        ),
        (json!({ "kid": "k" }), "none at all"),
    ] {
        let refused = verifier.verify(&rsa.token_with(&header, &claims)).await;
        assert!(
            matches!(refused, Err(TokenError::Invalid(_))),
            "{why}: {refused:?}"
        );
    }
    verifier.verify(&rsa.token(&claims)).await.unwrap();
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn keys_in_a_tokens_own_header_are_not_looked_at() {
    let clock = HandClock::new();
    let (honest, forger) = (Signer::ed("k"), Signer::ed("k"));
    let issuer = Issuer::start(vec![honest.jwk()]).await;
    let other = Issuer::start(vec![forger.jwk()]).await;
    let claims = issuer.claims(&clock);
    let url = format!("{}/.well-known/jwks.json", other.name);
    for extra in [
        json!({ "jwk": forger.jwk() }),
        json!({ "jku": url }),
        json!({ "x5u": url }),
    ] {
        let mut header = json!({ "alg": "EdDSA", "kid": "k" });
        header
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        invalid(
            issuer
                .verifier(&clock)
                .verify(&forger.token_with(&header, &claims))
                .await,
        );
    }
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn texts_that_are_no_tokens_ask_nobody() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let long = signer.token(&and(issuer.claims(&clock), "x", "x".repeat(8 * 1024)));
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "tropic_live_sk_abc",
        "\u{0}",
        "é.é.é",
        &long,
    ] {
        invalid(verifier.verify(text).await);
    }
    assert_eq!(issuer.asked(), 0);
    let token = signer.token(&issuer.claims(&clock));
    for end in 0..token.len() {
        invalid(verifier.verify(&token[..end]).await);
    }
    let refused = TokenError::Invalid(invalid(verifier.verify(&token[1..]).await));
    assert!(
        !refused.to_string().contains(&token[1..20]),
        "an error holds nothing of the token"
    );
}

#[tokio::test]
async fn each_issuer_vouches_for_its_own() {
    let clock = HandClock::new();
    let (one, two) = (Signer::ed("k"), Signer::ed("k"));
    let (first, second) = (
        Issuer::start(vec![one.jwk()]).await,
        Issuer::start(vec![two.jwk()]).await,
    );
    let configs = vec![first.config(), second.config()];
    let verifier = SessionIssuers::new(configs, Arc::clone(&clock) as _).unwrap();
    verifier.verify(&one.token(&first.claims(&clock))).await.unwrap();
    verifier.verify(&two.token(&second.claims(&clock))).await.unwrap();
    invalid(verifier.verify(&one.token(&second.claims(&clock))).await);
    let twice = SessionIssuers::new(vec![first.config(), first.config()], clock);
    assert!(matches!(twice.err(), Some(IssuerError::Twice(_))));
}

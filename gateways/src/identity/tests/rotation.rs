//! Specs of keys that come, go, and cannot be had.

use futures::future::join_all;

use super::{
    issuer::{HandClock, Issuer, Publishes, Signer},
    *,
};

fn unavailable(result: Result<ExternalIdentity, TokenError>) -> String {
    match result {
        Err(TokenError::Unavailable(reason)) => reason,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn a_rotated_key_is_found() {
    let clock = HandClock::new();
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let issuer = Issuer::start(vec![old.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    verifier.verify(&old.token(&issuer.claims(&clock))).await.unwrap();
    issuer.publish(Publishes::Keys(vec![new.jwk()]));
    clock.pass(30);
    let claims = issuer.claims(&clock);
    verifier.verify(&new.token(&claims)).await.unwrap();
    assert_eq!(issuer.asked(), 2);
    invalid(verifier.verify(&old.token(&claims)).await);
}

#[tokio::test]
async fn made_up_key_ids_do_not_hammer_the_issuer() {
    let clock = HandClock::new();
    let (honest, forger) = (Signer::ed("k"), Signer::ed("x"));
    let issuer = Issuer::start(vec![honest.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    for second in 0..60 {
        let header = json!({ "alg": "EdDSA", "kid": format!("made-up-{second}") });
        invalid(
            verifier
                .verify(&forger.token_with(&header, &issuer.claims(&clock)))
                .await,
        );
        clock.pass(1);
    }
    assert_eq!(issuer.asked(), 2, "once to begin with, and once after 30 seconds");
    verifier
        .verify(&honest.token(&issuer.claims(&clock)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_each() {
    let clock = HandClock::new();
    let (one, two, new) = (Signer::ec("1"), Signer::ed("2"), Signer::ed("3"));
    let issuer = Issuer::start(vec![one.jwk(), two.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let header = json!({ "alg": "EdDSA" });
    verifier
        .verify(&two.token_with(&header, &issuer.claims(&clock)))
        .await
        .unwrap();
    let token = new.token_with(&header, &issuer.claims(&clock));
    invalid(verifier.verify(&token).await);
    issuer.publish(Publishes::Keys(vec![new.jwk()]));
    clock.pass(30);
    verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn tokens_at_the_same_moment_fetch_once() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let token = signer.token(&issuer.claims(&clock));
    let outcomes = join_all((0..50).map(|_| verifier.verify(&token))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_fetch_to_the_next() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    let token = signer.token(&issuer.claims(&clock));
    issuer.close();
    {
        let mut first = std::pin::pin!(verifier.verify(&token));
        while issuer.asked() == 0 {
            assert!(futures::poll!(&mut first).is_pending());
            tokio::task::yield_now().await;
        }
    }
    issuer.open();
    verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn without_keys_nobody_is_let_in_and_nobody_is_called_a_liar() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let outages = [
        Publishes::Status(500),
        Publishes::Status(404),
        Publishes::Text("<html>".to_owned()),
        Publishes::Text("{}".to_owned()),
        Publishes::Text("x".repeat(300 * 1024)),
        Publishes::Keys(vec![signer.jwk(); 65]),
        Publishes::Redirect(format!("{}/elsewhere", issuer.name)),
    ];
    for outage in outages {
        issuer.publish(outage);
        let verifier = issuer.verifier(&clock);
        let token = signer.token(&issuer.claims(&clock));
        unavailable(verifier.verify(&token).await);
        let asked = issuer.asked();
        unavailable(verifier.verify(&token).await);
        assert_eq!(issuer.asked(), asked, "not asked again at once");
        issuer.publish(Publishes::Keys(vec![signer.jwk()]));
        clock.pass(5);
        verifier
            .verify(&signer.token(&issuer.claims(&clock)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn known_keys_serve_through_an_outage_but_not_for_ever() {
    let clock = HandClock::new();
    let (known, unknown) = (Signer::ed("k"), Signer::ed("n"));
    let issuer = Issuer::start(vec![known.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    verifier
        .verify(&known.token(&issuer.claims(&clock)))
        .await
        .unwrap();
    issuer.publish(Publishes::Status(503));
    clock.pass(10 * 60);
    verifier
        .verify(&known.token(&issuer.claims(&clock)))
        .await
        .unwrap();
    assert_eq!(issuer.asked(), 2);
    // Nobody can tell whether that key is a new one.
    unavailable(verifier.verify(&unknown.token(&issuer.claims(&clock))).await);
    clock.pass(50 * 60);
    unavailable(verifier.verify(&known.token(&issuer.claims(&clock))).await);
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let verifier = issuer.verifier(&clock);
    verifier
        .verify(&signer.token(&issuer.claims(&clock)))
        .await
        .unwrap();
    issuer.publish(Publishes::Keys(vec![]));
    clock.pass(5 * 60);
    invalid(verifier.verify(&signer.token(&issuer.claims(&clock))).await);
}

#[tokio::test]
async fn keys_that_are_not_for_signing_are_left_out() {
    let clock = HandClock::new();
    let signer = Signer::ed("k");
    let changes = [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "alg": "RS256" }),
        json!({ "crv": "Ed448" }),
        json!({ "kty": "oct", "k": "c2VjcmV0" }),
        json!({ "kty": "new-fangled" }),
    ];
    for change in changes {
        let mut jwk = signer.jwk();
        jwk.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let good = Signer::ec("good");
        let issuer = Issuer::start(vec![jwk, json!("no key"), good.jwk()]).await;
        let verifier = issuer.verifier(&clock);
        invalid(verifier.verify(&signer.token(&issuer.claims(&clock))).await);
        verifier
            .verify(&good.token(&issuer.claims(&clock)))
            .await
            .unwrap();
    }
}

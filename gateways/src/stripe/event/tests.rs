//! Specs of signed events.

use serde_json::json;

use super::*;

const SECRET: &[u8] = b"whsec_test";
const NOW: i64 = 1_760_000_000;

fn sign(body: &[u8], at: i64, secret: &[u8]) -> String {
    let signed = [at.to_string().as_bytes(), b".", body].concat();
    hex::encode(hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), &signed))
}

fn header(body: &[u8], at: i64) -> String {
    format!("t={at},v1={}", sign(body, at, SECRET))
}

fn event(kind: &str, object: &Value) -> Vec<u8> {
    json!({ "id": "evt_1", "object": "event", "type": kind, "data": { "object": object } })
        .to_string()
        .into_bytes()
}

fn session(payment_status: &str) -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment",
        "client_reference_id": "chk_1", "payment_status": payment_status,
        "metadata": { "account_id": "acc_of_somebody_else", "checkout_id": "chk_of_somebody_else" },
    })
}

fn refused(body: &[u8], header: &str) -> String {
    match verify(body, header, SECRET, NOW) {
        Err(PaymentError::BadSignature(reason)) => reason,
        other => panic!("{header}: {other:?}"),
    }
}

/// The example of the scheme, computed with `openssl dgst -sha256 -hmac`.
#[test]
fn a_signature_made_elsewhere_is_accepted() {
    let header = "t=1760000000,v1=66e880d7175fffb43ce10c4e14db1cfb230c8804b5aafb116affbc9a836c7690";
    verify(br#"{"id":"evt_1"}"#, header, SECRET, NOW).unwrap();
}

#[test]
fn the_signature_is_of_this_body_and_this_time() {
    let body = event("checkout.session.completed", &session("paid"));
    verify(&body, &header(&body, NOW), SECRET, NOW).unwrap();
    let mut changed = body.clone();
    changed[10] ^= 1;
    refused(&changed, &header(&body, NOW));
    let digits = sign(&body, NOW, SECRET);
    refused(&body, &format!("t={},v1={digits}", NOW + 1));
    refused(&body, &format!("t={NOW},v1={}", sign(&body, NOW, b"whsec_other")));
    refused(&body, &format!("t={NOW},v0={digits}"));
    refused(&body, &format!("t={NOW},v1={}", &digits[..62]));
}

#[test]
fn headers_of_another_form_are_refused() {
    let body = event("checkout.session.completed", &session("paid"));
    let digits = sign(&body, NOW, SECRET);
    for header in [
        "",
        ",",
        "t=,v1=",
        "v1",
        &format!("v1={digits}"),
        &format!("t={NOW}"),
        &format!("t=soon,v1={digits}"),
        &format!("t={NOW},t={NOW},v1={digits}"),
        &format!("t={NOW},v1=zz"),
        &format!("t={},v1={digits}", i128::MAX),
    ] {
        refused(&body, header);
    }
}

#[test]
fn one_of_several_signatures_suffices() {
    let body = event("checkout.session.completed", &session("paid"));
    let (digits, other) = (sign(&body, NOW, SECRET), sign(&body, NOW, b"whsec_old"));
    for header in [
        format!("t={NOW},v1={other},v1={digits}"),
        format!("t={NOW}, v1={digits}, v1={other}, v0=x"),
        format!("v1={digits},t={NOW}"),
    ] {
        verify(&body, &header, SECRET, NOW).unwrap();
    }
    let many = format!("t={NOW}{},v1={digits}", format!(",v1={other}").repeat(20));
    refused(&body, &many);
}

#[test]
fn old_signatures_are_not_believed() {
    let body = event("checkout.session.completed", &session("paid"));
    for age in [0, 300, -300] {
        verify(&body, &header(&body, NOW - age), SECRET, NOW).unwrap();
    }
    for age in [301, -301, NOW] {
        assert!(refused(&body, &header(&body, NOW - age)).contains("five minutes"));
    }
}

#[test]
fn a_session_is_paid_when_the_money_is_there() {
    let paid = PaymentEvent::Paid {
        event_id: "evt_1".to_owned(),
        checkout_id: "chk_1".into(),
        provider_ref: "cs_1".to_owned(),
    };
    let read = |kind: &str, status: &str| super::read(&event(kind, &session(status))).unwrap();
    assert_eq!(read("checkout.session.completed", "paid"), paid);
    assert_eq!(read("checkout.session.async_payment_succeeded", "paid"), paid);
    for (kind, status) in [
        ("checkout.session.completed", "unpaid"),
        ("checkout.session.completed", "no_payment_required"),
        ("checkout.session.async_payment_failed", "unpaid"),
        ("checkout.session.expired", "unpaid"),
        ("payment_intent.succeeded", "paid"),
    ] {
        let other = PaymentEvent::Other {
            event_id: "evt_1".to_owned(),
            kind: kind.to_owned(),
        };
        assert_eq!(read(kind, status), other, "{kind} {status}");
    }
}

#[test]
fn sales_of_other_shops_are_none_of_ours() {
    let mut nameless = session("paid");
    nameless["client_reference_id"] = Value::Null;
    let mut foreign = session("paid");
    foreign["client_reference_id"] = json!("order 17/b");
    for object in [nameless, foreign, json!({}), json!([]), json!({ "id": 17 })] {
        let read = super::read(&event("checkout.session.completed", &object)).unwrap();
        assert!(matches!(read, PaymentEvent::Other { .. }));
    }
}

#[test]
fn what_is_no_event_is_malformed() {
    for body in ["", "{}", "[]", "null", r#"{"id": "evt_1", "type": "x"}"#, "\u{0}"] {
        assert!(
            matches!(super::read(body.as_bytes()), Err(PaymentError::Malformed(_))),
            "{body}"
        );
    }
}

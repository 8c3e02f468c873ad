//! Signing in with a code that comes by mail.

use std::time::{Duration, Instant};

use reef_domain::login::{Login, LoginCommand};
use serde_json::{Value, json};

use super::{client::Thermidora, covers, on_both_databases};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    a_code_that_came_by_mail_signs_in_once,
    an_unknown_e_mail_is_answered_alike,
    a_new_code_replaces_the_one_before,
    five_wrong_codes_void_the_right_one,
    a_code_lapses,
    five_codes_an_hour
);

fn ada() -> Value {
    json!({ "email": "Ada@example.com" })
}

fn verify(code: &str) -> Value {
    json!({ "email": "ada@example.com", "code": code })
}

/// A code that is not that one.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// Waits until so many letters were sent; the code in the last.
async fn code(rig: &Rig, letters: usize) -> String {
    let started = Instant::now();
    loop {
        let sent = rig.letters.0.lock().clone();
        if sent.len() >= letters {
            assert_eq!(sent.len(), letters);
            let letter = sent.last().unwrap();
            assert_eq!(letter.to, "ada@example.com");
            let text = letter.text.strip_prefix("Your login code is ").unwrap();
            return text[..6].to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "no letter comes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn a_code_that_came_by_mail_signs_in_once(rig: &Rig) {
    covers(&["thermidora.login.1", "thermidora.login.4"]);
    let account = Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    let answer = nobody.call("login", &[], Some(ada())).await;
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({ "message": "OTP sent to email" }))
    );
    let code = code(rig, 1).await;
    assert!(!answer.text.contains(&code));

    covers(&["thermidora.verify-otp.1", "thermidora.verify-otp.2"]);
    let signed_in = nobody.ok("verify-otp", &[], Some(verify(&code))).await;
    assert_eq!(signed_in["accountId"], account.account);
    let me = nobody.with_key(signed_in["token"].as_str().unwrap());
    assert_eq!(me.ok("get-me", &[], None).await["email"], "ada@example.com");
    nobody.fails("verify-otp", &[], Some(verify(&code)), 401).await;
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!log.text.contains(&format!("\"{code}\"")) && log.text.contains("LoginCodeVerified"));

    for body in [json!({}), json!({ "email": "nobody" }), json!({ "email": null })] {
        nobody.fails("login", &[], Some(body), 400).await;
    }
    for code in ["", "12345", "1234567", "12345x", "\u{661}\u{662}\u{663}"] {
        nobody.fails("verify-otp", &[], Some(verify(code)), 400).await;
    }
    nobody
        .fails("verify-otp", &[], Some(json!({ "code": "123456" })), 400)
        .await;
}

async fn an_unknown_e_mail_is_answered_alike(rig: &Rig) {
    covers(&["thermidora.login.2", "thermidora.verify-otp.4"]);
    Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    let before = rig.bus.services().log.watch().borrow().to_owned();
    let started = Instant::now();
    let unknown = nobody
        .call("login", &[], Some(json!({ "email": "bob@example.com" })))
        .await;
    let took = started.elapsed();
    assert_eq!(
        *rig.bus.services().log.watch().borrow(),
        before,
        "it leaves no trace"
    );
    let known = nobody.call("login", &[], Some(ada())).await;
    assert_eq!((unknown.status, &unknown.text), (known.status, &known.text));
    assert!(took >= Duration::from_millis(250), "it takes as long: {took:?}");
    let code = code(rig, 1).await;
    let guess = json!({ "email": "bob@example.com", "code": wrong(&code) });
    let unknown = nobody.call("verify-otp", &[], Some(guess)).await;
    let known = nobody.call("verify-otp", &[], Some(verify(wrong(&code)))).await;
    assert_eq!((unknown.status, &unknown.text), (known.status, &known.text));
    assert_eq!(known.status, 401);
}

async fn a_new_code_replaces_the_one_before(rig: &Rig) {
    covers(&["thermidora.login.3"]);
    Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    nobody.ok("login", &[], Some(ada())).await;
    let first = code(rig, 1).await;
    nobody.ok("login", &[], Some(ada())).await;
    let second = code(rig, 2).await;
    if first != second {
        nobody.fails("verify-otp", &[], Some(verify(&first)), 401).await;
    }
    nobody.ok("verify-otp", &[], Some(verify(&second))).await;
}

async fn five_wrong_codes_void_the_right_one(rig: &Rig) {
    covers(&["thermidora.verify-otp.3"]);
    let account = Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    nobody.ok("login", &[], Some(ada())).await;
    let right = code(rig, 1).await;
    for _ in 0..4 {
        nobody
            .fails("verify-otp", &[], Some(verify(wrong(&right))), 401)
            .await;
    }
    nobody
        .fails("verify-otp", &[], Some(verify(wrong(&right))), 401)
        .await;
    nobody.fails("verify-otp", &[], Some(verify(&right)), 401).await;
    let events = account.events("login", &account.account).await;
    assert_eq!(events.last().unwrap(), "LoginCodeVoided");
    // Another one works.
    nobody.ok("login", &[], Some(ada())).await;
    let next = code(rig, 2).await;
    nobody.ok("verify-otp", &[], Some(verify(&next))).await;
}

/// Its time is over for the aggregate as soon as anybody says that it is later.
async fn a_code_lapses(rig: &Rig) {
    let account = Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    nobody.ok("login", &[], Some(ada())).await;
    let right = code(rig, 1).await;
    let late = LoginCommand::Verify {
        code_digest: String::new(),
        now: rig.bus.services().clock.now() + Login::LIFE,
    };
    let request = reef_commands::Request::new(reef_commands::Caller::system("test"), "test");
    rig.bus
        .decide::<Login>(&account.account, late, &request)
        .await
        .unwrap();
    nobody.fails("verify-otp", &[], Some(verify(&right)), 401).await;
}

async fn five_codes_an_hour(rig: &Rig) {
    Thermidora::poor_account(rig, "ada").await;
    let nobody = Thermidora::nobody(rig);
    let unknown = || Some(json!({ "email": "bob@example.com" }));
    for _ in 0..5 {
        let (known, other) = tokio::join!(
            nobody.call("login", &[], Some(ada())),
            nobody.call("login", &[], unknown())
        );
        assert_eq!((known.status, other.status), (200, 200));
    }
    let known = nobody
        .call("login", &[], Some(json!({ "email": "ADA@EXAMPLE.com " })))
        .await;
    let other = nobody.call("login", &[], unknown()).await;
    assert_eq!((known.status, other.status), (429, 429));
    assert_eq!(known.text, other.text);
    let wait: u64 = known.header("retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&wait), "{wait}");
}

//! Login codes by mail: the real binary and a mail server by other people, with TLS and a password.

#[path = "../harness/harness.rs"]
mod harness;
mod smtpd;

use harness::{Answer, Client, Database, LONG, Server, Setup, on_both_databases, wait_until};
use reqwest::Method;
use serde_json::{Value, json};
use smtpd::Smtpd;

on_both_databases![
    a_code_comes_by_mail,
    a_code_outlives_a_crash,
    what_the_mail_server_refuses_is_shown
];

/// A server that sends its mail there.
fn setup(database: &Database, smtpd: &Smtpd, password: &str) -> Setup {
    Setup::on(database)
        .with("REEF_SMTP_URL", smtpd.url(password))
        .with("REEF_SMTP_FROM", "Reef <reef@example.com>")
        .with("REEF_SMTP_CA_FILE", smtpd.ca_file())
}

async fn account(server: &Server, email: &str) {
    let account = json!({ "name": "Ada", "owner_email": email, "dialect": "thermidora" });
    server.operator().command("RegisterAccount", account).await.ok();
}

async fn ask(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, &format!("/thermidora/v1{path}"));
    client.send(request.json(body)).await.expect("an answer")
}

fn code(letter: &Value) -> String {
    let text = letter["text"].as_str().expect("a text");
    let code = text
        .strip_prefix("Your login code is ")
        .expect("the code comes first");
    code[..6].to_owned()
}

async fn a_code_comes_by_mail(database: Database) {
    // "thermidora.login.1", "thermidora.verify-otp.1"
    let Some(smtpd) = Smtpd::start(database.folder()) else {
        return;
    };
    let server = setup(&database, &smtpd, "secret").start().await;
    account(&server, "ada@example.com").await;
    let nobody = server.client(None);
    ask(&nobody, "/auth/login", &json!({ "email": "ADA@example.com" }))
        .await
        .ok();
    let letter = smtpd.letter(0).await;
    assert_eq!(letter["to"], json!(["ada@example.com"]));
    assert_eq!(letter["from"], "reef@example.com");
    assert_eq!(
        (&letter["tls"], &letter["authenticated"]),
        (&json!(true), &json!(true))
    );
    let code = code(&letter);
    let verify = json!({ "email": "ada@example.com", "code": code });
    let signed_in = ask(&nobody, "/auth/verify", &verify).await.ok().body;
    let ada = server.client(signed_in["token"].as_str());
    assert_eq!(
        ada.get("/thermidora/v1/auth/me").await.ok().body["email"],
        "ada@example.com"
    );
    let said = server.said();
    assert!(
        !said.contains(&code),
        "the code is in no line of the log:\n{said}"
    );
}

async fn a_code_outlives_a_crash(database: Database) {
    let Some(smtpd) = Smtpd::start(database.folder()) else {
        return;
    };
    // The password is wrong, so nothing gets out; then the server dies, and comes back with the right one.
    let mut server = setup(&database, &smtpd, "wrong").start().await;
    account(&server, "ada@example.com").await;
    ask(
        &server.client(None),
        "/auth/login",
        &json!({ "email": "ada@example.com" }),
    )
    .await
    .ok();
    server.kill();
    drop(server);
    let server = setup(&database, &smtpd, "secret").start().await;
    // Where it was given up before the crash, it is shown as parked, and the operator has it tried again.
    let letter = wait_until("the letter comes", LONG, async || {
        let parked = server.operator().get("/v1/parked").await.ok().body;
        for intent in parked["data"].as_array().into_iter().flatten() {
            let retry = json!({ "manager": intent["manager"], "key": intent["key"] });
            let request = server.operator().request(Method::POST, "/v1/parked/retry");
            server.operator().send(request.json(&retry)).await.ok();
        }
        smtpd.letters().first().cloned()
    })
    .await;
    let verify = json!({ "email": "ada@example.com", "code": code(&letter) });
    ask(&server.client(None), "/auth/verify", &verify).await.ok();
}

async fn what_the_mail_server_refuses_is_shown(database: Database) {
    let Some(smtpd) = Smtpd::start(database.folder()) else {
        return;
    };
    let server = setup(&database, &smtpd, "secret").start().await;
    for email in ["ada@never.example", "bob@example.com"] {
        account(&server, email).await;
        ask(&server.client(None), "/auth/login", &json!({ "email": email }))
            .await
            .ok();
    }
    // One that nobody takes holds up no other.
    assert_eq!(smtpd.letter(0).await["to"], json!(["bob@example.com"]));
    let parked = wait_until("it is parked", LONG, async || {
        let parked = server.operator().get("/v1/parked").await.ok().body;
        parked["data"].as_array().and_then(|all| all.first().cloned())
    })
    .await;
    assert_eq!(parked["manager"], "mail");
    let error = parked["error"].as_str().expect("why");
    assert!(error.contains("550") && !error.contains("ada@"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mail_server_nobody_is_told_that_a_code_was_sent() {
    let server = Server::start(&Database::sqlite()).await;
    account(&server, "ada@example.com").await;
    for email in ["ada@example.com", "bob@example.com"] {
        let refused = ask(&server.client(None), "/auth/login", &json!({ "email": email })).await;
        assert_eq!(refused.status, 500, "{}", refused.text);
        assert_eq!(refused.body["error"]["code"], "internal_error");
        let message = refused.body["error"]["message"].as_str().expect("a text");
        assert!(message.contains("mail"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_are_in_the_log_where_that_is_switched_on() {
    let database = Database::sqlite();
    let server = Setup::on(&database)
        .with("REEF_LOG_LOGIN_CODES", "true")
        .start()
        .await;
    account(&server, "ada@example.com").await;
    let login = json!({ "email": "ada@example.com" });
    ask(&server.client(None), "/auth/login", &login).await.ok();
    let code = wait_until("the code is in the log", LONG, async || {
        let said = server.said();
        let (_, after) = said.split_once("Your login code is ")?;
        Some(after[..6].to_owned())
    })
    .await;
    let verify = json!({ "email": "ada@example.com", "code": code });
    ask(&server.client(None), "/auth/verify", &verify).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_configuration_is_refused() {
    let database = Database::sqlite();
    for (name, value, said) in [
        ("REEF_SMTP_URL", "smtp://localhost", "smtp_from"),
        ("REEF_SMTP_URL", "https://localhost", "smtp_from"),
        ("REEF_TOKEN_KEY", "short", "token_key"),
        ("REEF_TOKEN_DAYS", "0", "token_days"),
    ] {
        let (status, output) = Setup::on(&database).with(name, value).refuses().await;
        assert!(!status.success() && output.contains(said), "{name}: {output}");
    }
}

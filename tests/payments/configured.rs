//! The real server with services outside in its configuration.

use serde_json::json;

use crate::{
    WEBHOOK_SECRET,
    harness::{Account, Database, Setup},
    server,
};

/// A server whose Stripe is ours.
fn with_stripe(database: &Database, stripe: &server::Server) -> Setup {
    Setup::on(database)
        .with("REEF_STRIPE_SECRET_KEY", server::KEY)
        .with("REEF_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .with("REEF_STRIPE_BASE_URL", &stripe.url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credits_are_bought_through_the_configured_stripe() {
    let stripe = server::Server::start().await;
    let server = with_stripe(&Database::sqlite(), &stripe).start().await;
    let account = Account::make(&server, "aquarium").await;
    let purchase = json!({
        "quantity": 1000,
        "success_url": "https://tropic.bot/credits?success=true",
        "cancel_url": "https://tropic.bot/credits",
    });
    let mut pages = Vec::new();
    for _ in 0..2 {
        let once = account.client.once("key", "StartCreditCheckout", &purchase).await;
        pages.push(once.expect("the server answers").ok().body["result"].clone());
    }
    assert_eq!(pages[0]["url"], "https://checkout.stripe.com/c/pay/cs_test_1");
    assert_eq!(pages[0], pages[1]);
    assert_eq!(stripe.sessions(), 1, "a repeated request opens no second page");
    let id = pages[0]["checkout_id"].as_str().expect("an id");
    assert_eq!(
        account.client.document("checkouts", id).await["status"],
        "started"
    );

    let complete = json!({ "checkout_id": id, "provider_ref": "cs_test_1" });
    let refused = account.client.command("CompleteCheckout", complete.clone()).await;
    assert_eq!(refused.status, 403, "nobody says of himself that he has paid");
    for _ in 0..2 {
        server
            .operator()
            .command("CompleteCheckout", complete.clone())
            .await
            .ok();
    }
    assert_eq!(account.client.document("checkouts", id).await["status"], "paid");
    let ledger = account.client.document("ledgers", &account.id).await;
    assert_eq!(ledger["balance_micro"], 1_100_000_000);
    for secret in [server::KEY, WEBHOOK_SECRET] {
        assert!(!server.said().contains(secret), "a secret is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_stripe_buying_says_so() {
    let server = Setup::on(&Database::sqlite()).start().await;
    let account = Account::make(&server, "aquarium").await;
    let purchase = json!({
        "quantity": 1000, "success_url": "https://tropic.bot/a", "cancel_url": "https://tropic.bot/b",
    });
    let refused = account.client.command("StartCreditCheckout", purchase).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("payments_not_configured"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_work_is_refused_at_start() {
    let bad: [(&[(&str, &str)], &str); 6] = [
        (
            &[("REEF_STRIPE_SECRET_KEY", "sk_test_hidden")],
            "stripe_webhook_secret is missing",
        ),
        (
            &[("REEF_STRIPE_WEBHOOK_SECRET", "whsec_hidden")],
            "stripe_secret_key is missing",
        ),
        (
            &[
                ("REEF_STRIPE_SECRET_KEY", "sk_test_hidden"),
                ("REEF_STRIPE_WEBHOOK_SECRET", "whsec_hidden"),
                ("REEF_STRIPE_BASE_URL", "http://stripe.example"),
            ],
            "must be https",
        ),
        (
            &[(
                "REEF_SESSION_ISSUERS",
                r#"[{"issuer": "http://clerk.example.com"}]"#,
            )],
            "must be https",
        ),
        (
            &[(
                "REEF_SESSION_ISSUERS",
                r#"[{"issuer": "https://a.example", "keys": "x"}]"#,
            )],
            "unknown field",
        ),
        (
            &[("REEF_SESSION_ISSUERS", "https://clerk.example.com")],
            "not a JSON list of issuers",
        ),
    ];
    for (variables, why) in bad {
        let database = Database::sqlite();
        let setup = variables
            .iter()
            .fold(Setup::on(&database), |setup, (name, value)| {
                setup.with(name, *value)
            });
        let (ended, said) = setup.refuses().await;
        assert!(!ended.success() && said.contains(why), "{variables:?}:\n{said}");
        assert!(!said.contains("hidden"), "a secret is in the log:\n{said}");
    }
    let issuers =
        r#"[{"issuer": "https://clerk.example.com", "authorized_parties": ["https://tropic.bot"]}]"#;
    Setup::on(&Database::sqlite())
        .with("REEF_SESSION_ISSUERS", issuers)
        .start()
        .await;
}

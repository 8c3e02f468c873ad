//! The real server with services outside in its configuration.

use reqwest::Method;
use serde_json::json;

use crate::{
    WEBHOOK_SECRET,
    harness::{Account, Database, LONG, Setup, wait_until},
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

/// Prices hold for accounts that are opened from then on; who has an account keeps its plan.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_price_of_an_hour_is_configured() {
    let database = Database::sqlite();
    let instances = "/thermidora/v1/instances";
    let named = json!({ "name": "my-agents" });

    let mut server = Setup::on(&database).start().await;
    let before = Account::poor(&server.operator(), "thermidora", "before").await;
    let request = before.client.request(Method::POST, instances).json(&named);
    let refused = before.client.send(request).await.expect("an answer");
    assert_eq!(refused.status, 402, "{}", refused.text);
    server.terminate().await;

    let free = Setup::on(&database).with("REEF_PRICE_MICRO_PER_HOUR", "{thermidora=0, tropic=7000000}");
    let server = free.start().await;
    let (after, tropic) = (
        Account::poor(&server.operator(), "thermidora", "after").await,
        Account::poor(&server.operator(), "tropic", "fish").await,
    );
    for (account, price) in [(&before, 50_000), (&after, 0), (&tropic, 7_000_000)] {
        let document = server.operator().document("accounts", &account.id).await;
        assert_eq!(document["plan"]["price_micro_per_hour"], price, "{document}");
    }
    let request = after.client.request(Method::POST, instances).json(&named);
    let made = after.client.send(request).await.expect("an answer").ok().body;
    let instance = format!("{instances}/{}", made["instanceId"].as_str().expect("an id"));
    wait_until("the instance runs without a balance", LONG, async || {
        let shown = after.client.get(&instance).await.ok().body;
        (shown["status"] == "running").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_work_is_refused_at_start() {
    let bad: [(&[(&str, &str)], &str); 8] = [
        (
            &[("REEF_PRICE_MICRO_PER_HOUR", "{thermidora=1000000000001}")],
            "at most 1000000000000 micro-credits",
        ),
        (&[("REEF_PRICE_MICRO_PER_HOUR", "{reef=1}")], "unknown variant"),
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

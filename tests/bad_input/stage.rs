//! A server with two accounts, and the check that every row of a table goes through.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::{Account, Answer, Client, Database, Server};

/// Where the tables are tried.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) mine: Account,
    pub(crate) theirs: Account,
    /// A policy of `mine`, at sequence 2.
    pub(crate) policy: String,
}

/// What must come back: the status, and the stable code.
pub(crate) type Expected = (u16, &'static str);

impl Stage {
    /// Sets it up.
    pub(crate) async fn on(database: &Database) -> Self {
        let server = Server::start(database).await;
        let mine = Account::make(&server, "mine").await;
        let theirs = Account::make(&server, "theirs").await;
        let policy = mine.policy("one", "ALLOW: read").await;
        mine.client
            .command("UpdatePolicy", json!({ "policy_id": policy, "name": "two" }))
            .await
            .ok();
        Self {
            server,
            mine,
            theirs,
            policy,
        }
    }

    /// The client that most rows use.
    pub(crate) fn client(&self) -> &Client {
        &self.mine.client
    }

    /// A command whose body is this text.
    pub(crate) fn raw(&self, name: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self
            .client()
            .request(Method::POST, &format!("/v1/commands/{name}"));
        request.header("Content-Type", "application/json").body(body)
    }

    /// Sends each row and compares; every row that is wrong is told, not only the first.
    pub(crate) async fn expect<W: AsRef<str>>(&self, rows: Vec<(W, RequestBuilder, Expected)>) {
        let mut wrong = Vec::new();
        for (what, request, (status, code)) in rows {
            let what = what.as_ref();
            match self.client().send(request).await {
                Ok(answer) if answer.status != status || answer.body["code"] != code => {
                    let text: String = answer.text.chars().take(300).collect();
                    wrong.push(format!(
                        "{what}: {} instead of {status} {code}: {text}",
                        answer.status
                    ));
                }
                Ok(answer) => answer.is_problem_document(),
                Err(error) => wrong.push(format!("{what}: no answer: {error:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.still_serves().await;
    }

    /// Whether the server is as well as it was.
    pub(crate) async fn still_serves(&self) {
        assert_eq!(self.client().get("/readyz").await.status, 200);
        self.mine.policy("still served", "ALLOW: read").await;
        let said = self.server.said();
        assert!(!said.contains("panicked") && !said.contains("ERROR"), "{said}");
    }

    /// Accepts success, or a problem that is the client's; nothing else.
    #[track_caller]
    pub(crate) fn is_clear(what: &str, answer: &Answer) {
        match answer.status {
            200 => {}
            400..=499 => answer.is_problem_document(),
            status => panic!("{what}: {status} {}", answer.text),
        }
    }
}

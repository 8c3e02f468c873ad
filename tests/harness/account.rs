//! An account with a key and credits, and the agents it deploys.

use serde_json::{Value, json};

use super::{
    Client, EventStream, Server,
    wait::{LONG, wait_until},
};

/// An account as its owner sees it.
pub(crate) struct Account {
    pub(crate) id: String,
    /// Its owner.
    pub(crate) user: String,
    pub(crate) key_id: String,
    pub(crate) client: Client,
}

impl Account {
    /// Makes a native one with a key that may do everything and with 100 credits.
    pub(crate) async fn make(server: &Server, name: &str) -> Self {
        Self::of(&server.operator(), "native", name).await
    }

    /// The same in a dialect, over the operator's client.
    pub(crate) async fn of(operator: &Client, dialect: &str, name: &str) -> Self {
        let account = Self::poor(operator, dialect, name).await;
        let credits = json!({ "account_id": account.id, "amount_micro": 100_000_000 });
        operator.command("GrantCredits", credits).await.ok();
        account
    }

    /// The same without credits.
    pub(crate) async fn poor(operator: &Client, dialect: &str, name: &str) -> Self {
        let account =
            json!({ "name": name, "owner_email": format!("{name}@example.com"), "dialect": dialect });
        let made = operator.command("RegisterAccount", account).await.ok();
        let id = made.id();
        let issued = operator
            .command("IssueApiKey", json!({ "account_id": id, "name": "tests" }))
            .await
            .ok();
        let key = issued.body["result"]["key"]
            .as_str()
            .expect("a new key is shown once");
        Self {
            client: operator.with_key(key),
            user: made.body["result"]["user_id"]
                .as_str()
                .expect("an owner")
                .to_owned(),
            key_id: issued.id(),
            id,
        }
    }

    /// A policy with these rules.
    pub(crate) async fn policy(&self, name: &str, rules: &str) -> String {
        self.client
            .command("CreatePolicy", json!({ "name": name, "rules": rules }))
            .await
            .ok()
            .id()
    }

    /// Deploys an agent from the first template, and waits until it is seen to run.
    pub(crate) async fn running_agent(&self, name: &str, policy: Option<&str>) -> String {
        let mut body = json!({ "name": name, "template_id": template_id(&self.client).await });
        if let Some(policy) = policy {
            body["policy_id"] = json!(policy);
        }
        let agent = self.client.command("DeployAgent", body).await.ok().id();
        self.becomes("agents", &agent, "running").await;
        agent
    }

    /// Waits until the document has this status, and returns it.
    pub(crate) async fn becomes(&self, view: &str, id: &str, status: &str) -> Value {
        wait_until(&format!("{view} {id} becomes {status}"), LONG, async || {
            let document = self.client.document(view, id).await;
            (document["status"] == status).then_some(document)
        })
        .await
    }

    /// Submits a task.
    pub(crate) async fn submit(&self, agent: &str, description: &str) -> String {
        let body = json!({ "agent_id": agent, "description": description });
        self.client.command("SubmitTask", body).await.ok().id()
    }

    /// Says something to the agent; the reply comes in pieces.
    pub(crate) async fn chat(&self, agent: &str, message: &str) -> Chat {
        self.say(json!({ "agent_id": agent, "content": message })).await
    }

    /// Goes on with a conversation.
    pub(crate) async fn go_on(&self, chat: &Chat, message: &str) -> Chat {
        self.say(json!({ "conversation_id": chat.conversation, "content": message }))
            .await
    }

    async fn say(&self, body: Value) -> Chat {
        let request = self.client.prepare("SendMessage", &body);
        let answer = request
            .header("Accept", "text/event-stream")
            .send()
            .await
            .expect("the chat is answered");
        let mut stream = EventStream::read(answer).await;
        let heard = stream.until_the_end().await;
        let kinds: Vec<&str> = heard.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            (kinds.first(), kinds.last()),
            (Some(&"sent"), Some(&"message")),
            "{heard:?}"
        );
        let pieces = heard.iter().filter(|event| event.kind == "delta");
        let pieces = pieces.map(|event| event.data["text"].as_str().expect("a piece of text").to_owned());
        let conversation = &heard[0].data["aggregate"]["id"];
        Chat {
            conversation: conversation
                .as_str()
                .expect("a conversation has an id")
                .to_owned(),
            pieces: pieces.collect(),
            recorded: heard.last().expect("not empty").data.clone(),
        }
    }
}

/// A reply as it was streamed.
#[derive(Debug)]
pub(crate) struct Chat {
    conversation: String,
    pub(crate) pieces: Vec<String>,
    /// The last event: the reply as it was recorded.
    pub(crate) recorded: Value,
}

impl Chat {
    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// A template that is in every catalogue.
pub(crate) async fn template_id(client: &Client) -> String {
    let templates = client.list("templates", "").await;
    let first = templates.first().expect("there are templates from the start");
    first["id"].as_str().expect("a template has an id").to_owned()
}

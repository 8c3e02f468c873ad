//! Agents of a real `OpenClaw` gateway on a person's machine: they chat, work under a policy, have their commands
//! approved, and go on after the node or the gateway was killed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, TOKEN},
    harness::{Account, Database, ModelServer, Said, Server, wait_until},
    machine::Machine,
};

const RULES: &str = "ALLOW: summarise\nREQUIRE CONFIRM: send email\nDENY: shutdown";
/// An agent of the gateway needs seconds for a turn, many where the machine is busy.
const TURN: Duration = Duration::from_mins(3);

/// The model behind the gateway: runs what stands in backticks, once, and tells what it printed; and it has
/// ideas of its own about tidying up.
fn mind(body: &Value) -> Said {
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        parts => parts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part["text"].as_str())
            .collect(),
    };
    let messages = body["messages"].as_array().expect("messages");
    // The gateway adds messages of its own after the user's.
    let said: Vec<&Value> = messages
        .iter()
        .filter(|message| !text(message).trim_start().starts_with("<<<BEGIN_OPENCLAW"))
        .collect();
    let last = said.last().expect("somebody said something");
    if last["role"] == "tool" {
        return Said::Text(vec!["It printed: ".to_owned(), text(last)]);
    }
    let asked = text(last);
    if asked.contains("tidy up") {
        let arguments = json!({ "command": "shutdown --help" });
        return Said::Call {
            tool: "exec",
            arguments,
        };
    }
    match asked.split('`').nth(1) {
        Some(command) => Said::Call {
            tool: "exec",
            arguments: json!({ "command": command }),
        },
        None => Said::Text(["From ", "the ", "claw"].map(str::to_owned).to_vec()),
    }
}

struct Stage {
    model: ModelServer,
    gateway: Gateway,
    _server: Server,
    account: Account,
    machine: Machine,
    agent: String,
}

impl Stage {
    /// A server, a gateway with that model, and a machine that connects the two; `None` without a gateway.
    async fn set(database: &Database) -> Option<Self> {
        let model = ModelServer::thinking(mind).await;
        let gateway = Gateway::start(database.folder(), model.base()).await?;
        let server = Server::start(database).await;
        let account = Account::make(&server, "lab").await;
        let mut machine = Machine::register(&server, &account, "laptop").await;
        std::fs::create_dir_all(machine.folder()).expect("the machine's folder can be made");
        std::fs::write(machine.folder().join("gateway-token"), TOKEN).expect("the token can be written");
        machine.start(&words(&gateway, &["--code", &machine.code.clone()]));
        let policy = account.policy("careful", RULES).await;
        let agent = machine.agent(&account, "Clownfish", Some(&policy)).await;
        Some(Self {
            model,
            gateway,
            _server: server,
            account,
            machine,
            agent,
        })
    }

    async fn becomes(&self, task: &str, status: &str) -> Value {
        wait_until(&format!("task {task} becomes {status}"), TURN, async || {
            let document = self.account.client.document("tasks", task).await;
            (document["status"] == status).then_some(document)
        })
        .await
    }

    async fn decide(&self, decision: &str, task: &str) {
        let body = json!({ "task_id": task });
        self.account.client.command(decision, body).await.ok();
    }

    /// Waits until a command of the task waits for a person.
    async fn asks(&self, task: &str, command: &str) {
        let waiting = self.becomes(task, "awaiting_approval").await;
        let text = waiting.to_string();
        assert!(text.contains(command) && text.contains("OpenClaw"), "{text}");
    }

    async fn health(&self, wanted: &str) {
        wait_until(&format!("the runtime is {wanted}"), TURN, async || {
            let listed = self.machine.listed(&self.account).await?;
            (listed["runtime"]["health"] == wanted).then_some(())
        })
        .await;
    }
}

fn words<'a>(gateway: &Gateway, more: &[&'a str]) -> Vec<&'a str> {
    let base: &'static str = Box::leak(gateway.base().into_boxed_str());
    let mut words = vec!["--openclaw", base, "--openclaw-token-file", "gateway-token"];
    words.extend(more);
    words
}

/// One test, for a gateway is a lot to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_a_real_gateway_work_for_us() {
    let database = Database::sqlite();
    let Some(mut stage) = Stage::set(&database).await else {
        return;
    };
    they_chat_work_and_have_their_commands_approved(&stage).await;
    they_go_on_after_the_node_and_the_gateway_were_killed(&mut stage).await;
}

async fn they_chat_work_and_have_their_commands_approved(stage: &Stage) {
    let reply = stage.account.chat(&stage.agent, "Who are you?").await;
    assert_eq!(reply.text(), "From the claw");
    assert!(reply.pieces.len() > 1, "the reply is streamed: {reply:?}");
    assert_eq!(reply.recorded["content"], "From the claw");
    let asked = stage.model.asked();
    let told = asked.last().expect("the model was asked").body.to_string();
    assert!(
        told.contains("You are Clownfish"),
        "the gateway's agent is told who it is"
    );
    assert!(!told.contains("you have no browser"), "it has tools of its own");

    let confirmed = stage.account.submit(&stage.agent, "send email to the team").await;
    stage.becomes(&confirmed, "awaiting_approval").await;
    stage.decide("ApproveTask", &confirmed).await;
    let done = stage.becomes(&confirmed, "completed").await;
    assert_eq!(done["result"], "From the claw");

    let works = stage
        .account
        .submit(&stage.agent, "summarise what `uname -s` prints")
        .await;
    stage.asks(&works, "uname -s").await;
    stage.decide("ApproveTask", &works).await;
    let done = stage.becomes(&works, "completed").await;
    assert_eq!(done["result"].as_str().map(str::trim), Some("It printed: Linux"));

    // What the policy forbids is refused without asking anybody.
    let forbidden = stage
        .account
        .submit(&stage.agent, "summarise the day, then tidy up")
        .await;
    let done = stage.becomes(&forbidden, "completed").await;
    let result = done["result"].as_str().unwrap_or_default().to_lowercase();
    assert!(result.contains("denied"), "{result}");

    // What a person rejects is refused as well.
    let rejected = stage
        .account
        .submit(&stage.agent, "summarise what `id -un` prints")
        .await;
    stage.asks(&rejected, "id -un").await;
    let before = stage.model.asked().len();
    stage.decide("RejectTask", &rejected).await;
    stage.becomes(&rejected, "rejected").await;
    wait_until("the agent hears that its command was refused", TURN, async || {
        let asked = stage.model.asked();
        let after = asked.get(before..)?.iter();
        after
            .map(|asked| asked.body.to_string())
            .any(|text| text.contains("id -un") && text.to_lowercase().contains("denied"))
            .then_some(())
    })
    .await;

    // A command in a chat belongs to no task.
    let reply = stage
        .account
        .chat(&stage.agent, "What does `uname -r` print?")
        .await;
    assert!(reply.text().to_lowercase().contains("denied"), "{reply:?}");
}

async fn they_go_on_after_the_node_and_the_gateway_were_killed(stage: &mut Stage) {
    let works = stage
        .account
        .submit(&stage.agent, "summarise what `uname -s` prints")
        .await;
    stage.asks(&works, "uname -s").await;
    stage.machine.kill();
    stage.machine.start(&words(&stage.gateway, &[]));
    stage.decide("ApproveTask", &works).await;
    // Which command it was that a person approved is not known any more: it is asked for again.
    stage.asks(&works, "uname -s").await;

    stage.gateway.kill();
    stage.health("degraded").await;
    stage.gateway.restart().await;
    stage.health("healthy").await;
    stage.decide("ApproveTask", &works).await;
    // The agent began anew, and came to the command that was approved.
    let done = stage.becomes(&works, "completed").await;
    assert_eq!(done["result"].as_str().map(str::trim), Some("It printed: Linux"));
    let reply = stage.account.chat(&stage.agent, "Good morning").await;
    assert_eq!(reply.text(), "From the claw");
}

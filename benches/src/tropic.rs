//! A dialect beside the native API: the same command, and a list of a thousand agents.
//!
//! Both count requests against limits that do not refuse.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::{
    http_load,
    plan::Plan,
    report::{Goal, Workload},
    world::{Client, OPERATOR, Server, World},
};

const CONNECTIONS: usize = 64;
/// Connections that read long lists.
const READERS: usize = 8;
const AGENTS: usize = 1000;

const NATIVE_SUBMIT: &str = "native SubmitTask";
const SUBMIT: &str = "Tropic submit-task";
const NATIVE_LIST: &str = "native view, pages of 500";
const LIST: &str = "Tropic list-agents of 1000";

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Workload>> {
    let folder = plan.folder("tropic")?;
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    let mut command = Command::new(&plan.reef);
    command.env("REEF_DIALECT_RATE_LIMIT_FACTOR", "10000000");
    let server = Server::start(&mut command, &url, &folder.0).await?;
    let mut world = World::waiting(server.address).await?;
    fill(&server, &mut world).await?;
    let second_page = second_page(&mut world).await?;

    let mut submit = Workload::new(format!(
        "Tropic over the same command, {CONNECTIONS} connections, SQLite"
    ));
    let mut list = Workload::new(format!(
        "Tropic list of {AGENTS} agents, {READERS} connections, SQLite"
    ));
    for round in 0..plan.rounds() {
        for (contender, native) in [(NATIVE_SUBMIT, true), (SUBMIT, false)] {
            let (token, agent) = (world.client.token.clone(), world.agent.clone());
            let next = move |connection: usize, turn: usize| {
                let key = format!("idempotency-key: {native}-{round}-{connection}-{turn}\r\n");
                let what = format!("Summarise report {turn} of {connection}");
                let (path, body) = if native {
                    let body = json!({ "agent_id": agent, "description": what });
                    ("/v1/commands/SubmitTask".to_owned(), body)
                } else {
                    (
                        format!("/tropic/api/agents/{agent}/tasks"),
                        json!({ "description": what }),
                    )
                };
                http_load::request("POST", &path, &token, &key, &body.to_string())
            };
            let sample = http_load::drive(server.address, CONNECTIONS, plan.turn(), next);
            submit.add(contender, sample.await?);
        }
        world.quiet().await?;
        let pages = ["/v1/views/agents?limit=500".to_owned(), second_page.clone()];
        let whole = ["/tropic/api/agents".to_owned(), "/tropic/api/agents".to_owned()];
        for (contender, paths) in [(NATIVE_LIST, pages), (LIST, whole)] {
            let token = world.client.token.clone();
            let next =
                move |_: usize, turn: usize| http_load::request("GET", &paths[turn % 2], &token, "", "");
            let sample = http_load::drive(server.address, READERS, plan.turn(), next);
            list.add(contender, sample.await?);
        }
    }
    submit.compare(SUBMIT, NATIVE_SUBMIT, Goal::AtLeast(0.8));
    // A native page has half of the agents.
    list.compare(LIST, NATIVE_LIST, Goal::AtLeast(0.4));
    server.stop().await?;
    Ok(vec![submit, list])
}

/// Gives the account a thousand agents, under ten policies.
async fn fill(server: &Server, world: &mut World) -> Result<()> {
    let agent = world
        .client
        .get(&format!("/v1/views/agents/{}", world.agent))
        .await?;
    let mut operator = Client::new(server.address, OPERATOR).await?;
    let plan = json!({ "id": "bench", "name": "Bench", "max_active_agents": 2 * AGENTS });
    let assign = json!({ "account_id": agent["account_id"], "plan": plan });
    operator.command("AssignPlan", &assign).await?;
    let mut policies = Vec::new();
    for number in 0..10 {
        let policy = json!({ "name": format!("Policy {number}"), "rules": "ALLOW: summarise reports" });
        let made = world.client.command("CreatePolicy", &policy).await?;
        policies.push(made["aggregate"]["id"].clone());
    }
    for number in 1..AGENTS {
        let deploy = json!({
            "name": format!("Agent {number}"),
            "template_id": agent["template_id"],
            "policy_id": policies[number % policies.len()],
        });
        world.client.command("DeployAgent", &deploy).await?;
    }
    let listed = world.client.get("/tropic/api/agents").await?;
    let count = listed.as_array().context("a bare list")?.len();
    ensure!(count == AGENTS, "{count} agents");
    Ok(())
}

async fn second_page(world: &mut World) -> Result<String> {
    let first = world.client.get("/v1/views/agents?limit=500").await?;
    let next = first["next"].as_u64().context("there is a second page")?;
    Ok(format!("/v1/views/agents?limit=500&after={next}"))
}

//! Commands and reads over HTTP beside no-op handlers of the same server, behind the same layers.

use anyhow::Result;
use tokio::process::Command;

use crate::{
    http_load,
    plan::Plan,
    report::{Goal, Workload},
    world::{Server, World},
};

const CONNECTIONS: usize = 64;

const NOOP: &str = "/bench/noop";
const WAITING: &str = "SubmitTask, tasks wait";
const WORKING: &str = "SubmitTask, agent works on them";

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Workload>> {
    let folder = plan.folder("http")?;
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    let server = Server::start(&mut Command::new(&plan.reef), &url, &folder.0).await?;
    let mut working = World::make(server.address).await?;
    let waiting = World::waiting(server.address).await?;

    let mut post = Workload::new(format!("HTTP SubmitTask, {CONNECTIONS} connections, SQLite"));
    let mut get = Workload::new(format!("HTTP GET of one document, {CONNECTIONS} connections"));
    for round in 0..plan.rounds() {
        let submit = "/v1/commands/SubmitTask";
        for (contender, world, path) in [
            ("no-op POST", &waiting, NOOP),
            (WAITING, &waiting, submit),
            (WORKING, &working, submit),
        ] {
            let requests = Requests::of(world, path, round);
            let sample = http_load::drive(
                server.address,
                CONNECTIONS,
                plan.turn(),
                move |connection, turn| requests.post(connection, turn),
            );
            post.add(contender, sample.await?);
        }
        working.quiet().await?;
        let document = format!("/v1/views/policies/{}", waiting.policy);
        for (contender, path) in [("no-op GET", NOOP), ("GET one document", document.as_str())] {
            let request = http_load::request("GET", path, &waiting.client.token, "", "");
            let next = move |_: usize, _: usize| request.clone();
            get.add(
                contender,
                http_load::drive(server.address, CONNECTIONS, plan.turn(), next).await?,
            );
        }
    }
    post.compare(WAITING, "no-op POST", Goal::AtLeast(0.35));
    // Not a goal: each task costs the same server three more appends, and the work itself.
    post.compare(WORKING, "no-op POST", Goal::Told);
    get.compare("GET one document", "no-op GET", Goal::AtLeast(0.6));
    server.stop().await?;
    Ok(vec![post, get])
}

/// Tasks for one agent, each under an idempotency key of its own; the no-op gets the same.
#[derive(Clone)]
struct Requests {
    token: String,
    agent: String,
    path: String,
    round: usize,
}

impl Requests {
    fn of(world: &World, path: &str, round: usize) -> Self {
        Self {
            token: world.client.token.clone(),
            agent: world.agent.clone(),
            path: path.to_owned(),
            round,
        }
    }

    fn post(&self, connection: usize, turn: usize) -> Vec<u8> {
        let key = format!("idempotency-key: {}-{connection}-{turn}\r\n", self.round);
        let body = format!(
            r#"{{"agent_id":"{}","description":"Summarise report {turn} of {connection}"}}"#,
            self.agent
        );
        http_load::request("POST", &self.path, &self.token, &key, &body)
    }
}

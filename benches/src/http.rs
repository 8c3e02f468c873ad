//! Commands and reads over HTTP beside no-op handlers of the same server, behind the same layers.

use anyhow::Result;

use crate::{
    http_load,
    plan::{self, Plan},
    report::Workload,
    world::{Server, World},
};

const CONNECTIONS: usize = 64;

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Workload>> {
    let folder = plan.folder("http")?;
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    let server = Server::start(&mut plan::ourselves("server")?, &url, &folder.0).await?;
    let world = World::make(server.address).await?;
    let (token, agent) = (world.client.token.clone(), world.agent.clone());

    let mut post = Workload::new(format!("HTTP SubmitTask, {CONNECTIONS} connections, SQLite"));
    let mut get = Workload::new(format!("HTTP GET of one document, {CONNECTIONS} connections"));
    for round in 0..plan.rounds() {
        for (contender, path) in [
            ("no-op POST", "/bench/noop"),
            ("SubmitTask", "/v1/commands/SubmitTask"),
        ] {
            let (token, agent) = (token.clone(), agent.clone());
            let next = move |connection: usize, turn: usize| {
                let key = format!("idempotency-key: {contender}-{round}-{connection}-{turn}\r\n");
                let body = format!(
                    r#"{{"agent_id":"{agent}","description":"Summarise report {turn} of {connection}"}}"#
                );
                http_load::request("POST", path, &token, &key, &body)
            };
            post.add(
                contender,
                http_load::drive(server.address, CONNECTIONS, plan.turn(), next).await?,
            );
        }
        let document = format!("/v1/views/policies/{}", world.policy);
        for (contender, path) in [
            ("no-op GET", "/bench/noop"),
            ("GET one document", document.as_str()),
        ] {
            let request = http_load::request("GET", path, &token, "", "");
            let next = move |_: usize, _: usize| request.clone();
            get.add(
                contender,
                http_load::drive(server.address, CONNECTIONS, plan.turn(), next).await?,
            );
        }
    }
    post.compare("SubmitTask", "no-op POST", 0.35);
    get.compare("GET one document", "no-op GET", 0.6);
    server.stop().await?;
    Ok(vec![post, get])
}

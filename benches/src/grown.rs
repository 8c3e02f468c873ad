//! After a million events: does it still cost the same, does it still start at once?

use anyhow::Result;
use tokio::process::Command;

use crate::{
    append, http_load,
    node::Node,
    plan::Plan,
    preload,
    report::{Figure, Goal, Workload},
    world::{Server, World},
};

const EVENTS: usize = 1_000_000;
const WRITERS: usize = 32;
const CONNECTIONS: usize = 64;
/// Within ten percent of the empty log.
const AS_GOOD: f64 = 0.9;

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Workload>> {
    let folder = plan.folder("grown")?;
    let url = |name: &str| format!("sqlite://{}", folder.0.join(name).join("reef.db").display());
    std::fs::create_dir_all(folder.0.join("grown"))?;
    preload::start(&url("grown"), EVENTS).await?;

    let mut appends = Workload::new(format!("append after {EVENTS} events, SQLite, {WRITERS} writers"));
    let mut gets = Workload::new(format!(
        "HTTP GET after {EVENTS} events, {CONNECTIONS} connections"
    ));
    let mut ready = Vec::new();
    for round in 0..plan.rounds() {
        // A log that has been measured on is no longer empty.
        let empty = format!("empty-{round}");
        std::fs::create_dir_all(folder.0.join(&empty))?;
        for (contender, name) in [("empty log", empty.as_str()), ("grown log", "grown")] {
            let data = folder.0.join(name);
            let noted = data.join(format!("acknowledged-{round}"));
            let node =
                Node::start(&url(name), &format!("round{round}"), WRITERS, plan.turn(), &noted).await?;
            appends.add(contender, node.go().await?);
            append::check(&url(name), &[&noted]).await?;
        }
        for (contender, name) in [("empty log", empty.as_str()), ("grown log", "grown")] {
            let data = folder.0.join(name);
            let server = Server::start(&mut Command::new(&plan.reef), &url(name), &data).await?;
            let world = World::make(server.address).await?;
            let document = format!("/v1/views/policies/{}", world.policy);
            let request = http_load::request("GET", &document, &world.client.token, "", "");
            let next = move |_: usize, _: usize| request.clone();
            gets.add(
                contender,
                http_load::drive(server.address, CONNECTIONS, plan.turn(), next).await?,
            );
            let (mib, ms) = (server.resident_mib(), server.ready_after.as_secs_f64() * 1000.0);
            gets.notes.push(format!(
                "{contender}: ready after {ms:.0} ms, {mib} MiB in memory after the load"
            ));
            if name == "grown" {
                ready.push(ms);
            }
            server.stop().await?;
        }
    }
    appends.compare("grown log", "empty log", Goal::AtLeast(AS_GOOD));
    appends
        .gates
        .push("positions without gaps, every acknowledged event in its place, on every log".to_owned());
    gets.compare("grown log", "empty log", Goal::AtLeast(AS_GOOD));
    gets.figures
        .push(Figure::of("ready after, ms", ready, Goal::AtMost(1000.0)));
    Ok(vec![appends, gets])
}

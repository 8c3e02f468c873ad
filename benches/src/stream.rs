//! Fan-out: one thousand SSE subscribers, fifty events a second.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::{process::Command, task::JoinSet, time::MissedTickBehavior};

use crate::{
    plan::Plan,
    report::{Figure, Goal, Workload, milliseconds},
    rules,
    sample::Latencies,
    sse::Follower,
    world::{OPERATOR, Server, World},
};

const SUBSCRIBERS: usize = 1_000;
const EVENTS_PER_SECOND: u32 = 50;

pub(crate) async fn run(plan: &Plan) -> Result<Workload> {
    let folder = plan.folder("sse")?;
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    let server = Server::start(&mut Command::new(&plan.reef), &url, &folder.0).await?;
    let mut world = World::make(server.address).await?;
    let mut workload = Workload::new(format!(
        "SSE, {SUBSCRIBERS} subscribers, {EVENTS_PER_SECOND} events/s"
    ));
    let mut p99 = Vec::new();
    for round in 0..plan.rounds() {
        let sample = measure(plan, &server, &mut world, round)
            .await?
            .over(2 * plan.turn());
        p99.push(milliseconds(sample.p99_us));
        workload.add("delivered to subscribers", sample);
    }
    workload
        .figures
        .push(Figure::of("commit to client, p99, ms", p99, Goal::AtMost(100.0)));
    workload
        .gates
        .push("every subscriber got every event once, in order of position".to_owned());
    workload.notes.push(format!(
        "server's memory with all subscribers: {} MiB",
        server.resident_mib()
    ));
    server.stop().await?;
    Ok(workload)
}

async fn measure(plan: &Plan, server: &Server, world: &mut World, round: usize) -> Result<Latencies> {
    let events = EVENTS_PER_SECOND * u32::try_from(2 * plan.turn().as_secs())?;
    let start = world.quiet().await?;
    // Nothing else writes, so the last event's position is known before it happens.
    let end = start + u64::from(events);
    let mut followers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let follower = Follower::subscribe(server.address, OPERATOR, start).await?;
        followers.spawn(follower.follow(end));
    }
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..events {
        ticks.tick().await;
        let version = round * 1_000_000 + usize::try_from(number)? + 1;
        let update = json!({ "policy_id": world.policy, "rules": rules::text(0, version) });
        let answer = world.client.command("UpdatePolicy", &update).await?;
        ensure!(
            answer["position"] == start + u64::from(number) + 1,
            "something else wrote: {answer}"
        );
    }
    let mut all = Latencies::new();
    while let Some(done) = followers.join_next().await {
        all.add(&done??.latencies);
    }
    Ok(all)
}

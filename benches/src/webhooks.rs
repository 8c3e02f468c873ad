//! Deliveries of webhooks from the log to a sink on this machine, beside a bare loop of the same HTTP client that
//! posts the same bodies to the same sink with the same number of requests under way.

mod bare;
mod sink;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::process::Command;

pub(crate) use self::bare::{Options, run as post};
use self::sink::Sink;
use crate::{
    plan::{self, Plan},
    preload, programs,
    report::{Goal, Workload},
    sample::Sample,
    store,
    world::{Client, OPERATOR, Server},
};

/// Events in the log: a quarter makes policies, the rest changes them and is delivered.
const EVENTS: usize = 60_000;
/// Deliveries of one turn, over all endpoints.
const DELIVERIES: u64 = 40_000;
/// Deliveries to one endpoint under way, as servers have it by default.
const UNDER_WAY: usize = 8;
/// A turn that takes longer is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// What the delivered events are called.
const EVENT: &str = "PolicyUpdated";

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Workload>> {
    Ok(vec![measure(plan, 1).await?, measure(plan, 20).await?])
}

async fn measure(plan: &Plan, endpoints: usize) -> Result<Workload> {
    let folder = plan.folder(&format!("webhooks-{endpoints}"))?;
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    preload::start(&url, EVENTS).await?;
    let head = store::open(&url).await?.services().log.head().await?.position;
    let mut reef = Command::new(&plan.reef);
    reef.env("REEF_WEBHOOK_ALLOWED_CIDRS", "[\"127.0.0.0/8\"]")
        .env("REEF_WEBHOOK_ALLOW_HTTP", "true");
    let server = Server::start(&mut reef, &url, &folder.0).await?;
    let mut operator = Client::new(server.address, OPERATOR).await?;
    let mut workload = Workload::new(format!("webhooks, {endpoints} endpoint(s)"));
    let sink = Sink::start(endpoints).await?;
    // The first turn meets a server that still reads the log it was started with, and makes the connections.
    delivered(&mut operator, &sink, endpoints, head).await?;
    bare_loop(&sink, endpoints).await?;
    for _ in 0..plan.rounds() {
        let sample = delivered(&mut operator, &sink, endpoints, head).await?;
        workload.add("Reef", sample);
        let sample = bare_loop(&sink, endpoints).await?;
        workload.add("bare loop", sample);
    }
    workload.compare("Reef", "bare loop", Goal::AtLeast(0.6));
    workload
        .gates
        .push("every endpoint got every event it was due, each once".to_owned());
    workload
        .notes
        .push(format!("server's memory: {} MiB", server.resident_mib()));
    server.stop().await?;
    Ok(workload)
}

/// Makes the webhooks, each from so far back in the log that all get as many as are to be delivered.
async fn delivered(operator: &mut Client, sink: &Sink, endpoints: usize, head: u64) -> Result<Sample> {
    let each = DELIVERIES / u64::try_from(endpoints)?;
    sink.reset();
    let started = Instant::now();
    let mut webhooks = Vec::new();
    for endpoint in 0..endpoints {
        let create = json!({
            "account_id": "acc_benchpreload",
            "url": sink.url(endpoint),
            "events": [EVENT],
            "from": head - each + 1,
        });
        let made = operator.command("CreateWebhook", &create).await?;
        webhooks.push(made["aggregate"]["id"].as_str().context("an id")?.to_owned());
    }
    while sink.total() < DELIVERIES {
        ensure!(started.elapsed() < PATIENCE, "{} deliveries only", sink.total());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    for webhook in webhooks {
        operator
            .command("DeleteWebhook", &json!({ "webhook_id": webhook }))
            .await?;
    }
    for endpoint in 0..endpoints {
        let got = sink.count(endpoint);
        ensure!(got == each, "endpoint {endpoint} got {got} of {each}");
    }
    Ok(Sample {
        operations: DELIVERIES,
        seconds,
        #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
        rate: DELIVERIES as f64 / seconds,
        p50_us: 0,
        p99_us: 0,
        max_us: 0,
        latencies_us: Vec::new(),
    })
}

/// The same requests out of a process of its own.
async fn bare_loop(sink: &Sink, endpoints: usize) -> Result<Sample> {
    let mut post = plan::ourselves("post")?;
    post.args(["--address", &sink.address.to_string()])
        .args(["--endpoints", &endpoints.to_string()])
        .args(["--under-way", &(UNDER_WAY * endpoints).to_string()])
        .args(["--count", &DELIVERIES.to_string()])
        .args(["--body", &sink.body().context("nothing was delivered")?]);
    programs::sample(&mut post).await
}

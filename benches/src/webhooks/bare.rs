//! The bare loop: nothing but the HTTP client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, ensure};
use clap::Args;
use tokio::task::JoinSet;

use crate::sample::Latencies;

#[derive(Args)]
pub(crate) struct Options {
    /// Where the sink is
    #[arg(long)]
    address: SocketAddr,
    /// Paths that take turns
    #[arg(long)]
    endpoints: u64,
    /// Requests under way
    #[arg(long)]
    under_way: usize,
    /// How many requests
    #[arg(long)]
    count: u64,
    /// What is posted
    #[arg(long)]
    body: String,
}

/// Posts, and prints a sample.
pub(crate) async fn run(options: &Options) -> Result<()> {
    // Only the first of a process gets in, which is all that is needed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..options.under_way {
        let (client, next, body) = (client.clone(), Arc::clone(&next), options.body.clone());
        let (address, endpoints, count) = (options.address, options.endpoints, options.count);
        loops.spawn(async move {
            let mut latencies = Latencies::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(latencies);
                }
                let began = Instant::now();
                let answer = client
                    .post(format!("http://{address}/{}", number % endpoints))
                    .header("content-type", "application/cloudevents+json; charset=utf-8")
                    .header("webhook-id", "dlv_wh_00000000000000000000_1234567")
                    .header("webhook-timestamp", "1800000000")
                    .header(
                        "webhook-signature",
                        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
                    )
                    .body(body.clone())
                    .send()
                    .await?;
                ensure!(answer.status().is_success(), "{}", answer.status());
                answer.bytes().await?;
                latencies.record(began.elapsed());
            }
        });
    }
    let mut all = Latencies::new();
    while let Some(done) = loops.join_next().await {
        all.add(&done??);
    }
    println!("{}", serde_json::to_string(&all.over(started.elapsed()))?);
    Ok(())
}

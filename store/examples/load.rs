#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code
)]
#[path = "../tests/contract/sample.rs"]
mod sample;
use reef_commands::ports::*;
use reef_domain::{reservation::ReservationEvent, *};
use reef_store::Store;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn new_event(n: u64) -> NewEvent {
    let event = AnyEvent::from(ReservationEvent::Claimed {
        holder: format!("holder-{n}-{}", "x".repeat(40)),
    });
    let metadata = Metadata {
        event_id: uuid::Uuid::now_v7().to_string(),
        actor: Actor::new(ActorKind::ApiKey, "key_abcdefgh"),
        dialect: "native".into(),
        correlation_id: "req_0123456789".into(),
        causation_id: None,
    };
    let metadata_json = serde_json::to_string(&metadata).unwrap();
    NewEvent {
        payload: event.to_payload().into(),
        event,
        metadata,
        metadata_json,
    }
}
#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (url, writers, secs, idem): (String, u64, f64, bool) = (
        args[1].clone(),
        args[2].parse().unwrap(),
        args[3].parse().unwrap(),
        args.get(4).is_some(),
    );
    let dir = std::env::temp_dir();
    let views: Vec<Box<dyn reef_projections::AnyView>> =
        vec![Box::new(reef_projections::ViewOf::<sample::Places>::new())];
    let store = Store::open(&url, &dir, views, [7; 32].into(), Arc::new(SystemClock))
        .await
        .unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let stop = Instant::now() + Duration::from_secs_f64(secs);
    let (c0, t0) = (cpu(), Instant::now());
    let run = uuid::Uuid::now_v7().simple().to_string();
    let tasks: Vec<_> = (0..writers)
        .map(|w| {
            let (store, count, run) = (store.clone(), count.clone(), run.clone());
            tokio::spawn(async move {
                let mut lat = Vec::new();
                let mut n = 0u64;
                while Instant::now() < stop {
                    // a fresh stream every 8 events
                    let id: Arc<str> = format!("p/{run}/{w}/{}", n / 8).into();
                    let key = StreamKey {
                        aggregate_type: "reservation",
                        aggregate_id: id,
                    };
                    let idempotency = idem.then(|| IdempotencyRecord {
                        scope: "acc_1/key_1".into(),
                        key: format!("{run}-{w}-{n}"),
                        fingerprint: [1; 32],
                        answer: vec![b'x'; 200],
                        subject: String::new(),
                    });
                    let a = Append {
                        streams: vec![StreamAppend {
                            key,
                            account_id: Some(AccountId::from("acc_1")),
                            expected_sequence: n % 8,
                            events: vec![new_event(n)],
                        }],
                        idempotency,
                    };
                    let t = Instant::now();
                    store.append(a).await.unwrap();
                    lat.push(t.elapsed().as_micros() as u64);
                    n += 1;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                lat
            })
        })
        .collect();
    let mut lat = Vec::new();
    for t in tasks {
        lat.extend(t.await.unwrap());
    }
    lat.sort();
    let (n, dt, dc) = (
        count.load(Ordering::Relaxed) as f64,
        t0.elapsed().as_secs_f64(),
        cpu() - c0,
    );
    println!(
        "{writers} writers: {:.0} events/s, p50 {} us, p99 {} us, process cpu {:.1} us/event",
        n / dt,
        lat[lat.len() / 2],
        lat[lat.len() * 99 / 100],
        dc * 1e6 / n
    );
    if args.len() > 5 {
        let t = Instant::now();
        let mut after = 0;
        let mut seen = 0;
        let q = |after| EventQuery {
            after,
            limit: 4000,
            ..Default::default()
        };
        let reader = Store::open_read_only(&url, &dir, vec![], [7; 32].into(), Arc::new(SystemClock))
            .await
            .unwrap();
        loop {
            let e = reader.read(&q(after)).await.unwrap();
            if e.is_empty() {
                break;
            }
            seen += e.len();
            after = e.last().unwrap().position;
        }
        let scan = t.elapsed().as_secs_f64();
        let t = Instant::now();
        store.rebuild(&[]).await.unwrap();
        let rb = t.elapsed().as_secs_f64();
        println!(
            "scan {:.0}/s, rebuild {:.0}/s",
            seen as f64 / scan,
            seen as f64 / rb
        );
    }
}

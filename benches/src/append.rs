//! Appends through the command bus: view, leaf hash and idempotency record in the same commit, beside
//! contenders that do less (pgbench) or the same in the usual way (stock `cqrs-es` stores with a view).

use std::path::Path;

use anyhow::Result;
use tokio::process::Command;

use crate::{
    check::Checked,
    node::Node,
    plan::{self, Plan},
    policies::AGGREGATES,
    programs::{self, Pgbench},
    report::{Figure, Goal, Workload},
};

const STOCK: &str = "postgres-es with a view";
const PGBENCH: &str = "pgbench -c 32";

/// One node on PostgreSQL against stock `postgres-es` and pgbench.
pub(crate) async fn postgres(
    plan: &Plan,
    writers: usize,
    over_stock: f64,
    over_pgbench: f64,
) -> Result<Workload> {
    let cluster = plan.cluster();
    let folder = plan.folder(&format!("postgres-{writers}"))?;
    let noted = folder.0.join("acknowledged");
    let url = cluster.fresh("reef").await?;
    let stock_url = cluster.fresh("stock").await?;
    let stock = || stock(plan, "baseline-postgres-es", &stock_url, writers);
    programs::output(stock().arg("--prepare")).await?;
    let pgbench = Pgbench::prepare(&cluster, &folder.0).await?;

    let mut workload = Workload::new(format!("PostgreSQL append, {writers} writers"));
    for _ in 0..plan.rounds() {
        cluster.settle().await?;
        workload.add(PGBENCH, pgbench.run(plan.turn()).await?);
        cluster.settle().await?;
        workload.add(STOCK, programs::sample(&mut stock()).await?);
        let node = Node::start(&url, "a", writers, plan.turn(), &noted).await?;
        cluster.settle().await?;
        workload.add("reef", node.go().await?);
    }
    workload.compare("reef", STOCK, Goal::AtLeast(over_stock));
    workload.compare("reef", PGBENCH, Goal::AtLeast(over_pgbench));
    workload.gates.push(check(&url, &[&noted]).await?.gate());
    Ok(workload)
}

/// A stock store's program; it prepares with `--prepare`, else it measures.
fn stock(plan: &Plan, program: &str, url: &str, writers: usize) -> Command {
    let mut stock = plan.baseline(program);
    stock.args([
        "--url",
        url,
        "--aggregates",
        &AGGREGATES.to_string(),
        "--writers",
        &writers.to_string(),
    ]);
    stock.args(["--seconds", &plan.turn().as_secs().to_string()]);
    stock
}

/// One node on SQLite against stock `sqlite-es`, both with `synchronous=FULL`.
pub(crate) async fn sqlite(plan: &Plan) -> Result<Workload> {
    const SQLITE_ES: &str = "sqlite-es with a view";
    const WRITERS: usize = 32;
    let folder = plan.folder("sqlite")?;
    let noted = folder.0.join("acknowledged");
    let url = format!("sqlite://{}", folder.0.join("reef.db").display());
    let stock_url = format!("sqlite://{}", folder.0.join("stock.db").display());
    let stock = || stock(plan, "baseline-sqlite-es", &stock_url, WRITERS);
    programs::output(stock().arg("--prepare")).await?;
    let mut workload = Workload::new(format!("SQLite append, synchronous=FULL, {WRITERS} writers"));
    for _ in 0..plan.rounds() {
        workload.add(SQLITE_ES, programs::sample(&mut stock()).await?);
        let node = Node::start(&url, "a", WRITERS, plan.turn(), &noted).await?;
        workload.add("reef", node.go().await?);
    }
    workload.compare("reef", SQLITE_ES, Goal::AtLeast(7.0));
    workload.gates.push(check(&url, &[&noted]).await?.gate());
    Ok(workload)
}

/// Two nodes, processes of their own, on one PostgreSQL.
pub(crate) async fn two_nodes(plan: &Plan) -> Result<Workload> {
    const WRITERS: usize = 64;
    let cluster = plan.cluster();
    let folder = plan.folder("two-nodes")?;
    let (noted_a, noted_b) = (folder.0.join("acknowledged-a"), folder.0.join("acknowledged-b"));
    let url = cluster.fresh("reef").await?;
    let pgbench = Pgbench::prepare(&cluster, &folder.0).await?;
    let mut workload = Workload::new(format!("two nodes on one PostgreSQL, {WRITERS} writers each"));
    let mut ratios = Vec::new();
    for _ in 0..plan.rounds() {
        cluster.settle().await?;
        let baseline = pgbench.run(plan.turn()).await?;
        let a = Node::start(&url, "a", WRITERS, plan.turn(), &noted_a).await?;
        let b = Node::start(&url, "b", WRITERS, plan.turn(), &noted_b).await?;
        cluster.settle().await?;
        let (a, b) = tokio::try_join!(a.go(), b.go())?;
        ratios.push((a.rate + b.rate) / baseline.rate);
        workload.add(PGBENCH, baseline);
        workload.add("reef, node a", a);
        workload.add("reef, node b", b);
    }
    workload.figures.push(Figure::of(
        format!("x {PGBENCH}, both nodes"),
        ratios,
        Goal::AtLeast(0.6),
    ));
    workload
        .gates
        .push(check(&url, &[&noted_a, &noted_b]).await?.gate());
    Ok(workload)
}

/// Has another process read the whole log.
pub(crate) async fn check(url: &str, noted: &[&Path]) -> Result<Checked> {
    let mut check = plan::ourselves("check")?;
    check.args(["--database-url", url]);
    for file in noted {
        check.arg("--acknowledged").arg(file);
    }
    let text = programs::output(&mut check).await?;
    Ok(serde_json::from_str(text.trim())?)
}

//! What holds of every log, whatever went wrong on the way to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use reef_projections::Query;
use serde_json::Value;

use crate::{
    may_follow::{AGENT, BESIDE, RUNTIME, TASK},
    world::World,
};

/// An event as an auditor reads it: names and JSON, nothing of the program that wrote it.
struct Fact {
    kind: &'static str,
    of: &'static str,
    id: String,
    data: Value,
}

/// Panics at the first thing that does not hold.
pub(crate) async fn check(world: &World) {
    let events = world.store.events();
    let facts: Vec<Fact> = events
        .iter()
        .map(|envelope| Fact {
            kind: envelope.event.event_type(),
            of: envelope.aggregate_type,
            id: envelope.aggregate_id.to_string(),
            data: serde_json::from_str(envelope.data()).expect("a payload is JSON"),
        })
        .collect();
    steps_follow_the_state_machines(&facts);
    balances_are_never_negative(&facts);
    intervals_are_charged_once(&facts);
    places_are_held_once(&facts);
    commands_are_carried_out_once(world);
    tasks_are_carried_out_once(world, &facts);
    views_equal_a_rebuild(world).await;
    nothing_is_left_half_done(world, &facts).await;
}

fn steps_follow_the_state_machines(facts: &[Fact]) {
    for (of, steps) in [("task", TASK), ("runtime", RUNTIME), ("agent", AGENT)] {
        let mut last: HashMap<&str, &str> = HashMap::new();
        for fact in facts
            .iter()
            .filter(|fact| fact.of == of && !BESIDE.contains(&fact.kind))
        {
            let before = last.insert(&fact.id, fact.kind).unwrap_or("");
            let after = steps
                .iter()
                .find(|(from, _)| *from == before)
                .map_or("", |(_, after)| *after);
            let fits = after.split(' ').any(|may| may == fact.kind);
            assert!(fits, "{} of {of} {} after {before:?}", fact.kind, fact.id);
        }
    }
}

fn balances_are_never_negative(facts: &[Fact]) {
    let mut balances: HashMap<&str, i128> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.of == "ledger") {
        let amount = || i128::from(fact.data["amount_micro"].as_i64().expect("an amount"));
        let balance = balances.entry(&fact.id).or_insert(0);
        match fact.kind {
            "CreditsGranted" => *balance += amount(),
            "CreditsDeducted" => *balance -= amount(),
            "BalanceExhausted" => assert_eq!(*balance, 0, "exhausted with something left"),
            _ => {}
        }
        assert!(*balance >= 0, "the balance of {} is {balance}", fact.id);
    }
}

fn intervals_are_charged_once(facts: &[Fact]) {
    let mut seen = BTreeSet::new();
    for fact in facts.iter().filter(|fact| fact.kind == "CreditsDeducted") {
        let interval = ["runtime_id", "run", "interval"].map(|field| fact.data[field].to_string());
        assert!(seen.insert(interval.clone()), "charged twice: {interval:?}");
    }
}

fn places_are_held_once(facts: &[Fact]) {
    let mut holders: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.of == "reservation") {
        let held = holders.entry(&fact.id).or_default();
        let holder = fact.data["holder"].to_string();
        match fact.kind {
            "ReservationClaimed" => assert!(held.insert(holder), "claimed twice: {}", fact.id),
            _ => assert!(held.remove(&holder), "released by nobody: {}", fact.id),
        }
        let places = if fact.id.starts_with("active-agents/") {
            2
        } else {
            1
        };
        assert!(held.len() <= places, "{} holders of {}", held.len(), fact.id);
    }
}

/// One answer per idempotency key, and every event it names in its place.
fn commands_are_carried_out_once(world: &World) {
    let events = world.store.events();
    let mut first: HashMap<&str, &reef_commands::Answer> = HashMap::new();
    for (key, answer) in &world.answers {
        let known = first.entry(key).or_insert(answer);
        assert_eq!(
            known.events, answer.events,
            "{key}: another answer the second time"
        );
        for named in &answer.events {
            let index = usize::try_from(named.position).expect("a small log") - 1;
            let stored = &events[index];
            assert_eq!(
                (stored.event.event_type(), stored.sequence),
                (named.kind.as_str(), named.sequence)
            );
        }
    }
    let mut correlated: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| event.metadata.causation_id.is_none())
    {
        if event.metadata.correlation_id.starts_with("key-") && event.metadata.actor.kind.name() != "system" {
            let commits = correlated.entry(&event.metadata.correlation_id).or_default();
            commits.insert(format!(
                "{}/{} {}",
                event.aggregate_type, event.aggregate_id, event.sequence
            ));
        }
    }
    for (key, answer) in first {
        let stored = correlated.get(key).map_or(0, BTreeSet::len);
        assert_eq!(
            stored,
            answer.events.len(),
            "{key} was carried out more than once: {:?}",
            correlated[key]
        );
    }
}

fn tasks_are_carried_out_once(world: &World, facts: &[Fact]) {
    let mut ended: HashMap<&str, u32> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.kind == "TaskCompleted") {
        *ended.entry(&fact.id).or_default() += 1;
    }
    assert!(
        ended.values().all(|count| *count == 1),
        "a task was completed twice"
    );
    // Carrying out may be repeated after a crash, but nothing is completed that never was carried out.
    let carried_out = world.driver.carried_out.lock();
    assert!(
        ended.keys().all(|task| carried_out.contains_key(*task)),
        "completed without having been done"
    );
}

async fn views_equal_a_rebuild(world: &World) {
    let views = &world.services().views;
    let names: Vec<&str> = reef_projections::views::all()
        .iter()
        .map(|view| view.name())
        .collect();
    assert!(names.len() > 5);
    let mut before = Vec::new();
    for name in &names {
        before.push(views.digest(name).await.expect("a view has a digest"));
    }
    views.rebuild(&[]).await.expect("views can be rebuilt");
    for (name, before) in names.iter().zip(before) {
        let after = views.digest(name).await.expect("a view has a digest");
        assert_eq!(before, after, "view {name} is not what the log says");
    }
}

/// Once it is calm, nothing waits for something that will never come.
async fn nothing_is_left_half_done(world: &World, facts: &[Fact]) {
    let statuses = async |view: &str| -> BTreeMap<String, Value> {
        let query = Query {
            limit: 10_000,
            ..Query::default()
        };
        let page = world
            .services()
            .views
            .list(view, &query)
            .await
            .expect("a view can be listed");
        let docs = page.data.into_iter();
        docs.map(|doc| {
            (
                doc.id.to_string(),
                serde_json::from_str(&doc.payload).expect("JSON"),
            )
        })
        .collect()
    };
    let (agents, runtimes) = (statuses("agents").await, statuses("runtimes").await);
    for (id, agent) in &agents {
        let status = agent["status"].as_str().expect("a status");
        assert!(
            ["running", "stopped", "failed"].contains(&status),
            "agent {id} is still {status}"
        );
        let runtime = agent["runtime_id"]
            .as_str()
            .map(|runtime| runtimes[runtime]["status"].clone());
        if status == "running" {
            assert_eq!(
                runtime,
                Some(Value::from("running")),
                "agent {id} runs on nothing"
            );
        }
    }
    for (id, runtime) in &runtimes {
        let status = runtime["status"].as_str().expect("a status");
        assert!(
            ["running", "stopped", "failed", "destroyed"].contains(&status),
            "runtime {id} is still {status}"
        );
    }
    for (id, task) in statuses("tasks").await {
        let of_a_running_agent = agents
            .get(task["agent_id"].as_str().expect("an agent"))
            .is_some_and(|agent| agent["status"] == "running");
        let open = ["pending", "running"].contains(&task["status"].as_str().expect("a status"));
        assert!(
            !(open && of_a_running_agent),
            "task {id} is left {}: {task}",
            task["status"]
        );
    }
    let begun: BTreeSet<&str> = ids(facts, "AgentDeletionStarted");
    assert_eq!(begun, ids(facts, "AgentDeleted"), "a deletion was not finished");
    let known: BTreeSet<String> = runtimes
        .iter()
        .filter(|(_, runtime)| runtime["status"] != "destroyed")
        .map(|(id, _)| id.clone())
        .collect();
    for machine in world.driver.exist() {
        assert!(
            known.contains(machine.as_str()),
            "the machine of runtime {machine} is left behind"
        );
    }
}

fn ids<'a>(facts: &'a [Fact], kind: &str) -> BTreeSet<&'a str> {
    facts
        .iter()
        .filter(|fact| fact.kind == kind)
        .map(|fact| fact.id.as_str())
        .collect()
}

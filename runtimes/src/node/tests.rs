//! Specs of what a node keeps on its machine.

use std::collections::BTreeMap;

use reef_commands::ports::{LogLevel, NodeEvents as _, Sealed, Usage, Workspace as _};
use reef_domain::{AgentId, TaskId};

use super::{files::LocalFiles, outbox::Outbox, ports::Reporter};
use crate::local::protocol::{Report, Verdict};

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("reef-node-{name}-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn one(path: &str, text: &str) -> BTreeMap<String, Sealed> {
    [(path.to_owned(), Sealed(text.to_owned()))].into()
}

fn completed(task: &str) -> Report {
    Report::TaskCompleted {
        task_id: task.into(),
        result: "seven".to_owned(),
        usage: Usage::default(),
    }
}

fn line(text: &str) -> Report {
    Report::Logged {
        agent_id: None,
        level: LogLevel::Info,
        message: text.to_owned(),
    }
}

/// Everything that would be sent on a new connection.
fn to_send(outbox: &Outbox) -> Vec<(u64, Report)> {
    let mut cursor = 0;
    std::iter::from_fn(|| {
        let next = outbox.next(cursor)?;
        cursor = next.0;
        Some(next)
    })
    .collect()
}

#[tokio::test]
async fn files_are_plain_files_of_their_agent() {
    let folder = Folder::new("files");
    let files = LocalFiles::new(&folder.0);
    let (ada, bob) = (AgentId::from("agt_ada"), AgentId::from("agt_bob"));
    files.write(&ada, one("notes/MEMORY.md", "blue")).await.unwrap();
    files.write(&ada, one("notes/MEMORY.md", "green")).await.unwrap();
    files.write(&bob, one("SOUL.md", "calm")).await.unwrap();
    let found = files.files(&ada).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].path.as_str(), found[0].sealed.0.as_str()),
        ("notes/MEMORY.md", "green")
    );
    let on_disk = folder.0.join("agents/agt_ada/notes/MEMORY.md");
    assert_eq!(std::fs::read_to_string(on_disk).unwrap(), "green");
    let mut agents = files.agents().await.unwrap();
    agents.sort();
    assert_eq!(agents, [ada.clone(), bob.clone()]);
    files.purge(&ada).await.unwrap();
    files.purge(&ada).await.unwrap();
    assert_eq!(files.agents().await.unwrap(), [bob]);
}

#[tokio::test]
async fn no_path_and_no_id_leaves_the_folder() {
    let folder = Folder::new("paths");
    let files = LocalFiles::new(&folder.0.join("inner"));
    let agent = AgentId::from("agt_1");
    for path in [
        "../x",
        "/etc/x",
        "a/../../x",
        "",
        "a//b",
        ".",
        "a\\b",
        "c:x",
        "a\0b",
    ] {
        assert!(files.write(&agent, one(path, "x")).await.is_err(), "{path:?}");
        assert!(files.file(&agent, path).await.is_err(), "{path:?}");
    }
    for id in ["..", ".", "a:b%2f\\c"] {
        let agent = AgentId::from(id);
        files.write(&agent, one("x", "y")).await.unwrap();
        assert_eq!(files.files(&agent).await.unwrap().len(), 1);
        assert!(files.agents().await.unwrap().contains(&agent), "{id}");
        files.purge(&agent).await.unwrap();
    }
    let outside: Vec<_> = std::fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(outside.len(), 1);
}

#[tokio::test]
async fn reports_are_sent_again_until_they_are_acknowledged() {
    let folder = Folder::new("outbox");
    let outbox = Outbox::open(&folder.0, "first").await.unwrap();
    let reporting = {
        let outbox = outbox.clone();
        tokio::spawn(async move { outbox.report(completed("task_1")).await })
    };
    let mut changes = outbox.changes();
    while outbox.waiting() == 0 {
        changes.changed().await.unwrap();
    }
    outbox.log(line("one"));
    let sent = to_send(&outbox);
    assert_eq!(sent, [(1, completed("task_1")), (2, line("one"))]);
    // The connection was lost: the next one begins anew.
    assert_eq!(to_send(&outbox), sent);
    outbox.acknowledged(2, Verdict::Taken).await;
    outbox.acknowledged(1, Verdict::Taken).await;
    outbox.acknowledged(1, Verdict::Taken).await;
    assert_eq!(reporting.await.unwrap(), Some(Verdict::Taken));
    assert_eq!(to_send(&outbox), []);
    let again = Outbox::open(&folder.0, "second").await.unwrap();
    assert_eq!(again.waiting(), 0);
}

#[tokio::test]
async fn what_became_of_a_task_survives_the_process_and_the_task_is_not_done_again() {
    let folder = Folder::new("kept");
    let first = Outbox::open(&folder.0, "first").await.unwrap();
    let killed = {
        let outbox = first.clone();
        tokio::spawn(async move { outbox.report(completed("task_1")).await })
    };
    let mut changes = first.changes();
    while first.waiting() == 0 {
        changes.changed().await.unwrap();
    }
    killed.abort();
    // Half written when the power went.
    std::fs::write(folder.0.join("outbox/first-9.json"), "{").unwrap();

    let second = Outbox::open(&folder.0, "second").await.unwrap();
    assert_eq!(to_send(&second), [(1, completed("task_1"))]);
    let reporter = Reporter(second.clone());
    let task = TaskId::from("task_1");
    // The claim waits for the report, and is then none.
    let (claimed, ()) = tokio::join!(reporter.claim_task(&task), second.acknowledged(1, Verdict::Taken));
    assert_eq!(claimed, Ok(false));
    assert_eq!(second.waiting(), 0);
}

#[tokio::test]
async fn lines_are_dropped_rather_than_kept_without_bound() {
    let folder = Folder::new("lines");
    let outbox = Outbox::open(&folder.0, "it").await.unwrap();
    for number in 0..1500 {
        outbox.log(line(&number.to_string()));
    }
    assert_eq!(outbox.waiting(), 1000);
    assert_eq!(outbox.next(0).unwrap().1, line("500"));
    // Only so many at a time until they are acknowledged.
    let window = to_send(&outbox);
    assert_eq!(window.len(), 64);
    outbox.acknowledged(window[0].0, Verdict::Taken).await;
    assert!(outbox.next(window[63].0).is_some());
}

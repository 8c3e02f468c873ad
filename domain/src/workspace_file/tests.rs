//! Specs of workspace files.

use super::{WorkspaceFilesCommand as Do, WorkspaceFilesEvent as Did, WorkspaceFilesRefusal as No, *};
use crate::spec::given;

fn write(path: &str, bytes: u64) -> Do {
    Do::Write {
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        path: path.to_owned(),
        bytes,
        content_sealed: "c2VhbGVk".to_owned(),
    }
}

fn written(path: &str, revision: u64, bytes: u64) -> Did {
    Did::Written {
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        path: path.to_owned(),
        revision,
        bytes,
        content_sealed: "c2VhbGVk".to_owned(),
    }
}

fn remove(path: &str) -> Do {
    Do::Remove {
        path: path.to_owned(),
    }
}

#[test]
fn every_change_has_a_number() {
    let done = given::<WorkspaceFiles>([])
        .when(write("SOUL.md", 5))
        .then([written("SOUL.md", 1, 5)])
        .when(write("docs/a.md", 7))
        .then([written("docs/a.md", 2, 7)])
        .when(write("SOUL.md", 6))
        .then([written("SOUL.md", 3, 6)])
        .when(remove("docs/a.md"))
        .then([Did::Removed {
            path: "docs/a.md".to_owned(),
            revision: 4,
        }])
        .when(remove("docs/a.md"))
        .nothing();
    assert_eq!(done.state().revision, 4);
    assert_eq!(
        done.state().files["SOUL.md"],
        WrittenFile {
            revision: 3,
            bytes: 6
        }
    );
    assert_eq!(done.state().files.len(), 1);
}

#[test]
fn a_path_stays_within_the_workspace() {
    for bad in [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        ".",
        "a\\b",
        "C:x",
        "a\0",
        "a\nb",
        " a",
        "a ",
        "a./b",
        ".reef/runtime.json",
        ".REEF/x",
        ".reef",
        "x.reef-tmp",
        &"x".repeat(201),
    ] {
        given::<WorkspaceFiles>([])
            .when(write(bad, 1))
            .refused(No::PathInvalid);
    }
    for good in [
        "SOUL.md",
        "a/b/c.txt",
        ".hidden",
        "Zürich.md",
        "with space.md",
        &"x".repeat(200),
    ] {
        given::<WorkspaceFiles>([])
            .when(write(good, 1))
            .then([written(good, 1, 1)]);
    }
}

#[test]
fn no_file_is_also_a_folder() {
    given::<WorkspaceFiles>([written("a/b", 1, 1)])
        .when(write("a", 1))
        .refused(No::PathTaken);
    given::<WorkspaceFiles>([written("a", 1, 1)])
        .when(write("a/b", 1))
        .refused(No::PathTaken);
    given::<WorkspaceFiles>([written("a", 1, 1)])
        .when(write("ab", 1))
        .then([written("ab", 2, 1)]);
}

#[test]
fn sizes_and_number_are_bounded() {
    let (largest, most) = (WorkspaceFiles::MAX_FILE_BYTES, WorkspaceFiles::MAX_FILES);
    given::<WorkspaceFiles>([])
        .when(write("a", largest))
        .then([written("a", 1, largest)])
        .when(write("a", largest + 1))
        .refused(No::FileTooLarge { limit: largest });
    let many = (1..=u64::from(most)).map(|n| written(&format!("f{n}"), n, 1));
    given::<WorkspaceFiles>(many.collect::<Vec<_>>())
        .when(write("one-more", 1))
        .refused(No::TooManyFiles { limit: most })
        .when(write("f1", 2))
        .then([written("f1", u64::from(most) + 1, 2)]);
    let full = (1..=16).map(|n| written(&format!("f{n}"), n, largest));
    given::<WorkspaceFiles>(full.collect::<Vec<_>>())
        .when(write("one-more", 1))
        .refused(No::WorkspaceFull {
            limit: WorkspaceFiles::MAX_TOTAL_BYTES,
        });
}

#[test]
fn nothing_is_written_after_the_agent_is_gone() {
    given::<WorkspaceFiles>([]).when(Do::Purge).nothing();
    let done = given::<WorkspaceFiles>([written("SOUL.md", 1, 5)])
        .when(Do::Purge)
        .then([Did::Purged {}])
        .when(Do::Purge)
        .nothing()
        .when(write("SOUL.md", 1))
        .refused(No::AgentGone)
        .when(remove("SOUL.md"))
        .refused(No::AgentGone);
    assert!(done.state().is_gone());
    assert!(done.state().files.is_empty());
}

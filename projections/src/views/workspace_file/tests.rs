//! Specs of workspace files as they are read.

use super::*;
use crate::views::kit::{Kit, at};

fn written(path: &str, revision: u64, sealed: &str) -> WorkspaceFilesEvent {
    WorkspaceFilesEvent::Written {
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        path: path.to_owned(),
        revision,
        bytes: 3,
        content_sealed: sealed.to_owned(),
    }
}

#[test]
fn a_file_is_what_was_written_last() {
    let kit = Kit::<WorkspaceFiles>::new()
        .then("agt_1", written("SOUL.md", 1, "first"))
        .then("agt_1", written("TOOLS.md", 2, "tools"))
        .then("agt_2", written("SOUL.md", 1, "other"))
        .then("agt_1", written("SOUL.md", 3, "second"))
        .then(
            "agt_1",
            WorkspaceFilesEvent::Removed {
                path: "TOOLS.md".to_owned(),
                revision: 4,
            },
        );
    assert_eq!(kit.ids(), ["agt_1/SOUL.md", "agt_2/SOUL.md"]);
    let doc = kit.doc("agt_1/SOUL.md").unwrap();
    assert_eq!((doc.content_sealed.as_str(), doc.revision), ("second", 3));
    assert_eq!((doc.created_at, doc.updated_at), (at(1), at(4)));
    assert_eq!(doc.parent_id(), Some("agt_1"));
}

#[test]
fn the_files_of_a_deleted_agent_are_gone_with_it() {
    let kit = Kit::<WorkspaceFiles>::new()
        .then("agt_1", written("SOUL.md", 1, "one"))
        .then("agt_2", written("SOUL.md", 1, "two"))
        .then("agt_1", WorkspaceFilesEvent::Purged {});
    assert_eq!(kit.ids(), ["agt_2/SOUL.md"]);
}

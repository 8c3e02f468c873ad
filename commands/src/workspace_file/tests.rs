//! Specs of the standard files.

use reef_domain::workspace_file::{WorkspaceFiles, is_path};

use super::*;

#[test]
fn the_standard_files_are_five_and_fit_into_any_workspace() {
    let files = standard_files();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        ["AGENTS.md", "IDENTITY.md", "MEMORY.md", "SOUL.md", "TOOLS.md"]
    );
    for (path, content) in &files {
        assert!(is_path(path));
        assert!(
            content.starts_with("# ") && (content.len() as u64) < WorkspaceFiles::MAX_FILE_BYTES,
            "{path}"
        );
    }
}

#[test]
fn a_content_is_bound_to_its_file_and_revision() {
    let (account, agent) = (AccountId::from("acc_1"), AgentId::from("agt_1"));
    let first = purpose(&account, &agent, "SOUL.md", 1);
    for other in [
        purpose(&account, &agent, "SOUL.md", 2),
        purpose(&account, &agent, "TOOLS.md", 1),
        purpose(&account, &"agt_2".into(), "SOUL.md", 1),
        purpose(&"acc_2".into(), &agent, "SOUL.md", 1),
    ] {
        assert_ne!(first, other);
    }
}

//! The files an agent starts with where its owner wishes the usual ones.

use std::collections::BTreeMap;

const FILES: [(&str, &str); 5] = [
    ("AGENTS.md", include_str!("standard/AGENTS.md")),
    ("IDENTITY.md", include_str!("standard/IDENTITY.md")),
    ("MEMORY.md", include_str!("standard/MEMORY.md")),
    ("SOUL.md", include_str!("standard/SOUL.md")),
    ("TOOLS.md", include_str!("standard/TOOLS.md")),
];

/// The standard workspace files by path.
pub fn standard_files() -> BTreeMap<String, String> {
    FILES
        .into_iter()
        .map(|(path, content)| (path.to_owned(), content.to_owned()))
        .collect()
}

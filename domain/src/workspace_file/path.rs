//! Where a file can be in a workspace.

/// Whether a workspace can have a file there: relative, of 1 to 200 bytes, without `..` and whatever else leads
/// out on some system, and not among the runtime's own below `.reef/`.
pub fn is_path(path: &str) -> bool {
    let mut parts = path.split('/');
    let own = parts
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case(".reef"));
    (1..=200).contains(&path.len()) && !own && path.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
    !part.is_empty()
        && part.trim() == part
        && !part.ends_with('.')
        && !part.to_ascii_lowercase().ends_with(".reef-tmp")
        && !part.contains(odd)
}

/// Whether the path leads into that folder.
pub(crate) fn is_within(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

//! Somebody edits the database's file by hand.

use std::{fs, path::Path};

/// Replaces a text by another of the same length, where it stands shortly behind `anchor`. Returns how often.
/// No SQL is needed for this, and nothing the database guards itself with is in the way.
pub(crate) fn replace_in_file(file: &Path, anchor: &str, old: &str, new: &str) -> usize {
    const SHORTLY: usize = 600;
    assert_eq!(old.len(), new.len(), "a file is edited in place");
    let mut bytes = fs::read(file).expect("the database's file can be read");
    let anchors: Vec<usize> = find(&bytes, anchor).collect();
    let mut replaced = 0;
    for at in anchors {
        let end = bytes.len().min(at + SHORTLY);
        let found = find(&bytes[at..end], old).next();
        if let Some(found) = found {
            bytes[at + found..][..new.len()].copy_from_slice(new.as_bytes());
            replaced += 1;
        }
    }
    fs::write(file, bytes).expect("the database's file can be written");
    replaced
}

fn find<'a>(bytes: &'a [u8], text: &'a str) -> impl Iterator<Item = usize> + 'a {
    bytes
        .windows(text.len())
        .enumerate()
        .filter(|(_, window)| *window == text.as_bytes())
        .map(|(at, _)| at)
}

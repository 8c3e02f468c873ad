//! Lists as JSON text, put together of texts that are there already.

use std::fmt::Write as _;

/// `{"data":[...],"next":...,"position":...}`; `next` is `null` on the last page.
pub(crate) fn page<T: AsRef<str>>(
    items: impl IntoIterator<Item = T>,
    next: Option<u64>,
    position: u64,
) -> String {
    let mut text = String::with_capacity(4096);
    text.push_str("{\"data\":[");
    join(&mut text, items);
    text.push_str("],\"next\":");
    // Writing to a string cannot fail.
    match next {
        Some(next) => write!(text, "{next}").unwrap_or_default(),
        None => text.push_str("null"),
    }
    write!(text, ",\"position\":{position}}}").unwrap_or_default();
    text
}

/// JSON texts with commas between them.
pub(crate) fn join<T: AsRef<str>>(text: &mut String, items: impl IntoIterator<Item = T>) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(item.as_ref());
    }
}

//! What a text must be before an event may hold it.

/// The trimmed name, if it has 1 to `max` characters and none of them is a control character.
pub(crate) fn name(text: &str, max: usize) -> Option<String> {
    let trimmed = text.trim();
    let fits =
        !trimmed.is_empty() && trimmed.chars().count() <= max && !trimmed.chars().any(char::is_control);
    fits.then(|| trimmed.to_owned())
}

/// Whether the text has at most `max` bytes and no NUL, which `PostgreSQL` cannot hand out of a JSON text.
pub(crate) fn storable(text: &str, max: usize) -> bool {
    text.len() <= max && !text.contains('\0')
}

/// The trimmed address, if it looks like one e-mail address: text around one `@`, no blanks, at most 254 bytes.
pub(crate) fn email(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let (local, host) = trimmed.rsplit_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains('@') && !part.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    (plain(local) && plain(host) && trimmed.len() <= 254).then(|| trimmed.to_owned())
}

/// The text without NUL characters, cut to at most `max` bytes between two characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let mut kept = text.replace('\0', "");
    kept.truncate(kept.floor_char_boundary(max));
    kept
}

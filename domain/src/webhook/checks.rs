//! What a webhook may be given.

use super::{MAX_DESCRIPTION, MAX_URL_BYTES, WebhookRefusal};

/// What any URL of a webhook must look like; whether one may be delivered to is for the sender to say.
pub(super) fn checked_url(url: String) -> Result<String, WebhookRefusal> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let authority = rest
        .and_then(|rest| rest.split(['/', '?', '#', '\\']).next())
        .unwrap_or("");
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    if plain && url.len() <= MAX_URL_BYTES && !authority.is_empty() && !authority.contains('@') {
        Ok(url)
    } else {
        Err(WebhookRefusal::UrlInvalid)
    }
}

/// The trimmed description; an empty one is none. Line breaks are fine, other control characters are not.
pub(super) fn described(given: &str) -> Result<Option<String>, WebhookRefusal> {
    let trimmed = given.trim();
    let plain = trimmed.chars().all(|c| !c.is_control() || c == '\n' || c == '\t');
    if !plain || trimmed.chars().count() > MAX_DESCRIPTION {
        return Err(WebhookRefusal::DescriptionInvalid);
    }
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

/// A first position, if there is such.
pub(super) fn checked_from(from: Option<u64>) -> Result<Option<u64>, WebhookRefusal> {
    if from == Some(0) {
        return Err(WebhookRefusal::PositionsInvalid);
    }
    Ok(from)
}

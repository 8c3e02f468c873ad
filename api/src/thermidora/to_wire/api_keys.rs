//! API keys.

use chrono::{DateTime, Utc};
use reef_projections::views::api_key::ApiKeyDoc;

use crate::thermidora::wire;

/// Characters of a key that are shown in lists: `tc_live_` and four of its own.
const SHOWN: usize = 12;

pub(in crate::thermidora) fn api_key(doc: ApiKeyDoc, last_used: Option<DateTime<Utc>>) -> wire::ApiKey {
    wire::ApiKey {
        key_id: doc.id.to_string(),
        // The operator may issue a key without a name.
        name: doc.name.unwrap_or_default(),
        prefix: doc.prefix.chars().take(SHOWN).collect(),
        last_used_at: last_used.map(Into::into),
        created_at: doc.created_at.into(),
    }
}

//! Pieces of the log for lanes that go their own way: those that are at the same place share one read.

use std::sync::Arc;

use quick_cache::sync::Cache;
use reef_domain::{AccountId, Envelope};

use crate::ports::{EventLog, EventQuery, LogError};

/// Events read at once.
const PAGE: u32 = 256;
/// Pages kept at hand. A full one never changes: the log only grows.
const AT_HAND: usize = 16;

type Events = Arc<[Arc<Envelope>]>;

/// Reads the log for lanes.
pub(super) struct Pages {
    log: Arc<dyn EventLog>,
    full: Cache<(AccountId, u64), Events>,
}

impl Pages {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            full: Cache::new(AT_HAND),
        }
    }

    /// Events of the account after that position, and up to where they are all of them: `until` at most, while
    /// the events may go on beyond it.
    pub(super) async fn read(
        &self,
        account: &AccountId,
        after: u64,
        until: u64,
    ) -> Result<(Events, u64), LogError> {
        let key = (account.clone(), after);
        let place = match self.full.get_value_or_guard_async(&key).await {
            Ok(events) => return Ok(bounded(events, until)),
            Err(place) => place,
        };
        let query = EventQuery {
            after,
            until: Some(until),
            limit: PAGE,
            account_id: Some(account.clone()),
            ..EventQuery::default()
        };
        let events: Events = self.log.read(&query).await?.into();
        if events.len() < PAGE as usize {
            return Ok((events, until));
        }
        // Whether somebody else has put it there meanwhile does not matter: it is the same.
        drop(place.insert(Arc::clone(&events)));
        Ok(bounded(events, until))
    }
}

fn bounded(full: Events, until: u64) -> (Events, u64) {
    let last = full.last().map_or(until, |last| last.position);
    (full, last.min(until))
}

#[cfg(test)]
mod tests;

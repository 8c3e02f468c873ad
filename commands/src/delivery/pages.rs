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

    /// Wanted events of the account after that position, and up to where they are all of them: `until` at most.
    pub(super) async fn read(
        &self,
        account: &AccountId,
        after: u64,
        until: u64,
        wanted: impl Fn(&Envelope) -> bool,
    ) -> Result<(Vec<Arc<Envelope>>, u64), LogError> {
        let events = self.page(account, after, until).await?;
        let full = events.len() >= PAGE as usize;
        let last = events.last().filter(|_| full);
        let seen = last.map_or(until, |last| last.position.min(until));
        let events = events
            .iter()
            .filter(|event| event.position <= seen && wanted(event));
        Ok((events.cloned().collect(), seen))
    }

    /// The next page; a full one may go on beyond `until`.
    async fn page(&self, account: &AccountId, after: u64, until: u64) -> Result<Events, LogError> {
        let key = (account.clone(), after);
        let place = match self.full.get_value_or_guard_async(&key).await {
            Ok(events) => return Ok(events),
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
        if events.len() >= PAGE as usize {
            // Whether somebody else has put it there meanwhile does not matter: it is the same.
            drop(place.insert(Arc::clone(&events)));
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests;

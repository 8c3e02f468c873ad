//! States of aggregates as of their last commit seen here.

use std::{any::Any, sync::Arc};

use quick_cache::sync::Cache;
use reef_domain::Decider;

use crate::ports::StreamKey;

/// A state of any aggregate.
pub(crate) type AnyState = Arc<dyn Any + Send + Sync>;

/// `(type, id) -> (state, sequence)`, bounded. May lag behind other nodes, never behind itself: the
/// log's sequence check settles who was right.
pub(crate) struct StateCache(Cache<StreamKey, (AnyState, u64)>);

impl StateCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    pub(crate) fn get<D: Decider>(&self, key: &StreamKey) -> Option<(Arc<D>, u64)> {
        let (state, sequence) = self.0.get(key)?;
        state.downcast::<D>().ok().map(|state| (state, sequence))
    }

    /// Keeps the newer of two states: commits of one stream may be published out of order.
    pub(crate) fn publish(&self, key: StreamKey, state: AnyState, sequence: u64) {
        if self.0.peek(&key).is_some_and(|(_, known)| known >= sequence) {
            return;
        }
        self.0.insert(key, (state, sequence));
    }

    pub(crate) fn forget(&self, key: &StreamKey) {
        self.0.remove(key);
    }
}

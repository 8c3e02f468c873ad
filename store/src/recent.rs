//! The newest events, in memory: followers and feeds read them without SQL or decoding.
//!
//! **Invariant:** the ring holds consecutive positions and nothing uncommitted.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::RwLock;
use reef_commands::ports::EventQuery;
use reef_domain::Envelope;

/// At most so many events.
const MAX_EVENTS: usize = 65_536;
/// At most so many bytes, estimated.
const MAX_BYTES: usize = 64 << 20;
/// What an envelope takes besides its payload and the fields decoded from it.
const OVERHEAD: usize = 640;

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Envelope>>,
    bytes: usize,
    /// Position of the last event that was or would be in the ring.
    end: u64,
}

/// The ring of recent events.
pub(crate) struct Recent(RwLock<Ring>);

fn size_of(envelope: &Envelope) -> usize {
    envelope.payload.len() * 2 + OVERHEAD
}

impl Recent {
    /// A ring that starts after this position.
    pub(crate) fn starting_after(position: u64) -> Self {
        Self(RwLock::new(Ring {
            end: position,
            ..Ring::default()
        }))
    }

    /// Position of the last event in the ring.
    pub(crate) fn end(&self) -> u64 {
        self.0.read().end
    }

    /// Adds committed events, ascending. Those already in it are skipped; whether it could take the
    /// others: after a gap it takes nothing.
    pub(crate) fn push(&self, events: &[Arc<Envelope>]) -> bool {
        let mut ring = self.0.write();
        for event in events {
            if event.position <= ring.end {
                continue;
            }
            if event.position != ring.end + 1 {
                return false;
            }
            ring.end = event.position;
            ring.bytes += size_of(event);
            ring.events.push_back(Arc::clone(event));
        }
        while ring.events.len() > MAX_EVENTS || ring.bytes > MAX_BYTES {
            let Some(oldest) = ring.events.pop_front() else {
                break;
            };
            ring.bytes -= size_of(&oldest);
        }
        true
    }

    /// Empties the ring; it goes on after that position. For a database that went back in time.
    pub(crate) fn restart_after(&self, position: u64) {
        *self.0.write() = Ring {
            end: position,
            ..Ring::default()
        };
    }

    /// The events that the query asks for, if the ring holds everything from its start up to `head`.
    pub(crate) fn read(&self, query: &EventQuery, head: u64) -> Option<Vec<Arc<Envelope>>> {
        let ring = self.0.read();
        let oldest = ring.end + 1 - ring.events.len() as u64;
        if query.after + 1 < oldest || ring.end < head.min(query.until.unwrap_or(u64::MAX)) {
            return None;
        }
        let skip = usize::try_from(query.after + 1 - oldest).ok()?;
        let found = ring
            .events
            .iter()
            .skip(skip)
            .take_while(|event| query.until.is_none_or(|until| event.position <= until))
            .filter(|event| matches(query, event))
            .take(query.limit as usize)
            .cloned()
            .collect();
        Some(found)
    }
}

fn matches(query: &EventQuery, event: &Envelope) -> bool {
    query
        .account_id
        .as_ref()
        .is_none_or(|account| event.account_id.as_ref() == Some(account))
        && (query.types.is_empty() || query.types.iter().any(|name| name == event.event.event_type()))
        && query
            .aggregate_type
            .as_ref()
            .is_none_or(|name| name == event.aggregate_type)
        && query
            .aggregate_id
            .as_ref()
            .is_none_or(|id| **id == *event.aggregate_id)
}

#[cfg(test)]
mod tests;

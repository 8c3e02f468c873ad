//! Log lines of runtimes, in memory: a ring per runtime, and a bound over all of them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use reef_commands::ports::{Clock, LogLevel, LogLine, LogLines};
use reef_domain::{AgentId, RuntimeId};

/// As many lines are kept of one runtime.
pub const LINES_PER_RUNTIME: usize = 2_000;
/// As many lines are kept in all; beyond it the runtime that was silent longest loses its lines.
pub const LINES_IN_ALL: usize = 100_000;
/// A line is cut at this many bytes.
pub const LINE_BYTES: usize = 8 * 1024;

#[derive(Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    /// Of the line before the next one. Kept when lines are dropped, so that numbers never go back.
    seq: u64,
    /// When the ring was last written, in lines of all runtimes.
    touched: u64,
}

#[derive(Default)]
struct Rings {
    by_runtime: HashMap<RuntimeId, Ring>,
    kept: usize,
    written: u64,
}

/// The lines of every runtime this server works for. They are gone after a restart.
pub struct MemoryLogLines {
    clock: Arc<dyn Clock>,
    per_runtime: usize,
    in_all: usize,
    rings: Mutex<Rings>,
}

impl MemoryLogLines {
    /// No lines yet; at most [`LINES_PER_RUNTIME`] and [`LINES_IN_ALL`].
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::bounded(clock, LINES_PER_RUNTIME, LINES_IN_ALL)
    }

    /// No lines yet, with these bounds.
    pub fn bounded(clock: Arc<dyn Clock>, per_runtime: usize, in_all: usize) -> Self {
        Self {
            clock,
            per_runtime,
            in_all,
            rings: Mutex::default(),
        }
    }
}

impl LogLines for MemoryLogLines {
    fn push(&self, runtime: &RuntimeId, agent: Option<&AgentId>, level: LogLevel, message: String) {
        let (at, message) = (self.clock.now(), cut(message));
        let mut rings = self.rings.lock();
        rings.written += 1;
        rings.kept += 1;
        let touched = rings.written;
        let ring = rings.by_runtime.entry(runtime.clone()).or_default();
        ring.touched = touched;
        ring.seq += 1;
        ring.lines.push_back(LogLine {
            seq: ring.seq,
            at,
            level,
            agent_id: agent.cloned(),
            message,
        });
        if ring.lines.len() > self.per_runtime {
            ring.lines.pop_front();
            rings.kept -= 1;
        }
        while rings.kept > self.in_all {
            rings.drop_the_stalest();
        }
    }

    fn tail(&self, runtime: &RuntimeId, after: u64, limit: usize) -> Vec<LogLine> {
        let rings = self.rings.lock();
        let Some(ring) = rings.by_runtime.get(runtime) else {
            return Vec::new();
        };
        let known = ring.lines.partition_point(|line| line.seq <= after);
        let first = known.max(ring.lines.len().saturating_sub(limit));
        ring.lines.range(first..).cloned().collect()
    }
}

impl Rings {
    fn drop_the_stalest(&mut self) {
        let with_lines = self.by_runtime.values_mut().filter(|ring| !ring.lines.is_empty());
        let Some(stalest) = with_lines.min_by_key(|ring| ring.touched) else {
            self.kept = 0;
            return;
        };
        self.kept -= stalest.lines.len();
        stalest.lines = VecDeque::new();
    }
}

fn cut(mut message: String) -> String {
    if message.len() > LINE_BYTES {
        message.truncate(message.floor_char_boundary(LINE_BYTES));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests;

//! Which positions are finished, and which keys are busy.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// The furthest position before which everything is finished.
#[derive(Debug, Default)]
pub(super) struct Progress {
    seen: u64,
    open: BTreeMap<u64, usize>,
}

impl Progress {
    pub(super) fn starting_at(checkpoint: u64) -> Self {
        Self {
            seen: checkpoint,
            open: BTreeMap::new(),
        }
    }

    pub(super) fn read(&mut self, position: u64, intents: usize) {
        self.seen = position;
        if intents > 0 {
            self.open.insert(position, intents);
        }
    }

    pub(super) fn finished(&mut self, position: u64) {
        if let Some(left) = self.open.get_mut(&position) {
            *left -= 1;
            if *left == 0 {
                self.open.remove(&position);
            }
        }
    }

    pub(super) fn cursor(&self) -> u64 {
        self.seen
    }

    pub(super) fn checkpoint(&self) -> u64 {
        self.open
            .first_key_value()
            .map_or(self.seen, |(position, _)| position - 1)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.open.len()
    }
}

/// Jobs waiting behind a busy key.
#[derive(Debug)]
pub(super) struct KeyQueues<J>(HashMap<String, VecDeque<J>>);

impl<J> Default for KeyQueues<J> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<J> KeyQueues<J> {
    /// The job back if its key is free (and busy from now on), else it waits.
    pub(super) fn admit(&mut self, key: &str, job: J) -> Option<J> {
        if let Some(waiting) = self.0.get_mut(key) {
            waiting.push_back(job);
            return None;
        }
        self.0.insert(key.to_owned(), VecDeque::new());
        Some(job)
    }

    /// The next job of the key; without one the key is free again.
    pub(super) fn next(&mut self, key: &str) -> Option<J> {
        let next = self.0.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.0.remove(key);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_stays_before_the_oldest_unfinished_event() {
        let mut progress = Progress::starting_at(10);
        progress.read(11, 2);
        progress.read(12, 1);
        progress.read(13, 0);
        assert_eq!(progress.checkpoint(), 10);
        progress.finished(12);
        progress.finished(11);
        assert_eq!(
            progress.checkpoint(),
            10,
            "one of the two intents of 11 is still open"
        );
        progress.finished(11);
        assert_eq!(progress.checkpoint(), 13);
        assert_eq!(progress.in_flight(), 0);
    }

    #[test]
    fn jobs_of_one_key_follow_each_other_and_others_pass() {
        let mut queues = KeyQueues::default();
        assert_eq!(queues.admit("a", 1), Some(1));
        assert_eq!(queues.admit("a", 2), None);
        assert_eq!(queues.admit("b", 3), Some(3));
        assert_eq!(queues.next("a"), Some(2));
        assert_eq!(queues.next("a"), None);
        assert_eq!(queues.admit("a", 4), Some(4), "free again");
    }
}

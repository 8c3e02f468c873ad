//! How it goes with what answers: whether the last reply came.

use parking_lot::Mutex;

use crate::model::ModelError;

/// Why the last reply did not come, if it did not.
#[derive(Default)]
pub(super) struct Mood(Mutex<Option<String>>);

impl Mood {
    /// A reply came.
    pub(super) fn well(&self) {
        *self.0.lock() = None;
    }

    /// None came.
    pub(super) fn failed(&self, error: &ModelError) {
        *self.0.lock() = Some(format!("the last reply failed: {error}"));
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

//! The newest frames, bounded in number and bytes.
//!
//! **Invariant:** the frames are those of consecutive positions, the first being that after `before`.

use std::{collections::VecDeque, sync::Arc};

use super::frame::Frame;

/// At most so many frames.
const MAX_FRAMES: usize = 16_384;
/// At most so many bytes of frames.
const MAX_BYTES: usize = 8 << 20;

/// The ring.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Position before the first frame.
    before: u64,
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

impl Ring {
    /// Drops everything; the next frame is that after the position.
    pub(super) fn restart_after(&mut self, position: u64) {
        *self = Self {
            before: position,
            ..Self::default()
        };
    }

    /// Position of the last frame.
    pub(super) fn end(&self) -> u64 {
        self.before + self.frames.len() as u64
    }

    /// Adds the next frames.
    pub(super) fn extend(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.push(frame);
        }
    }

    /// Adds the next frame, and drops the oldest where there are too many.
    fn push(&mut self, frame: Frame) {
        if frame.position != self.end() + 1 {
            self.restart_after(frame.position.saturating_sub(1));
        }
        self.bytes += frame.text.len();
        self.frames.push_back(Arc::new(frame));
        while self.frames.len() > MAX_FRAMES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
            self.before += 1;
        }
    }

    /// Frames after the position, until they have so many bytes; `None` if the ring begins later.
    pub(super) fn after(&self, position: u64, bytes: usize) -> Option<Vec<Arc<Frame>>> {
        let skip = position.checked_sub(self.before)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut taken = 0;
        let enough = |frame: &&Arc<Frame>| {
            let more = taken < bytes;
            taken += frame.text.len();
            more
        };
        Some(
            self.frames
                .iter()
                .skip(skip)
                .take_while(enough)
                .cloned()
                .collect(),
        )
    }
}

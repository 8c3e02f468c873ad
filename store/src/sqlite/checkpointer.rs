//! Moves what was committed from the write-ahead log into the database file, on a thread of its own.
//!
//! Left to itself SQLite does this inside a commit, and everybody waits. Here a second connection copies
//! while commits go on, and the writer copies only what little came meanwhile: then the write-ahead log is
//! empty and the next commit starts over at its beginning, in place of what is there already.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use rusqlite::Connection;

use crate::{error::StoreError, sql::DbError};

/// Pages in the write-ahead log from which copying is worth its syncs.
const WORTH_IT: i32 = 4_000;
/// Pages from which the writer copies everything itself: the disk does not keep up.
const TOO_MANY: i32 = 64_000;

thread_local! {
    /// Pages that the write-ahead log had after this thread's last commit.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// The writer's side.
pub(super) struct Checkpointer {
    wake: Option<mpsc::Sender<()>>,
    /// Most has been copied; the writer is to copy the rest.
    copied: Arc<AtomicBool>,
    asked: bool,
    thread: Option<JoinHandle<()>>,
}

fn copy(conn: &Connection) -> Result<(), DbError> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(())
}

impl Checkpointer {
    /// For whoever writes through `conn`; one thread is to do that from now on.
    pub(super) fn start(path: &Path, conn: &Connection) -> Result<Self, StoreError> {
        conn.wal_hook(Some(|_, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        let own = super::open_writer(path)?;
        let copied = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::channel();
        let told = Arc::clone(&copied);
        let thread = std::thread::Builder::new()
            .name("reef-checkpoints".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    if let Err(error) = copy(&own) {
                        tracing::warn!(%error, "the write-ahead log could not be copied");
                    }
                    told.store(true, Ordering::Release);
                }
            })?;
        Ok(Self {
            wake: Some(wake),
            copied,
            asked: false,
            thread: Some(thread),
        })
    }

    /// After a commit through `conn`.
    pub(super) fn committed(&mut self, conn: &Connection) {
        let pages = PAGES.get();
        let rest_is_ours = self.asked && self.copied.swap(false, Ordering::Acquire);
        if rest_is_ours || pages > TOO_MANY {
            self.asked = self.asked && !rest_is_ours;
            if let Err(error) = copy(conn) {
                tracing::warn!(%error, "the write-ahead log could not be copied");
            }
            // Until the next commit tells anew.
            PAGES.set(0);
        } else if pages > WORTH_IT && !self.asked {
            self.asked = self.wake.as_ref().is_some_and(|wake| wake.send(()).is_ok());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that copies the write-ahead log panicked");
        }
    }
}

#[cfg(test)]
mod tests;

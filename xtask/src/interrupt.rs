//! Ctrl-C and SIGTERM: whatever was started is stopped before the program ends.

use std::{
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result};

type Undo = Box<dyn FnOnce() + Send>;

static UNDO: Mutex<Vec<(u64, Undo)>> = Mutex::new(Vec::new());
static CHILD: AtomicU32 = AtomicU32::new(0);

/// Takes over the signals.
pub(crate) fn install() -> Result<()> {
    let stop = || {
        eprintln!("\nxtask: interrupted, cleaning up");
        let child = CHILD.load(Ordering::SeqCst);
        if child != 0 {
            // A terminal's Ctrl-C has reached it already; a SIGTERM to us has not.
            crate::shell::output(Command::new("kill").arg(child.to_string())).ok();
        }
        undo_all();
        std::process::exit(130);
    };
    ctrlc::set_handler(stop).context("the interrupt handler cannot be set")
}

/// Undoes something when dropped, or when the program is interrupted: once in either case.
pub(crate) struct Guard(u64);

/// Registers what is to be undone.
pub(crate) fn guard(undo: impl FnOnce() + Send + 'static) -> Guard {
    static NEXT: Mutex<u64> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    *next += 1;
    UNDO.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((*next, Box::new(undo)));
    Guard(*next)
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Held while undoing, so that an interrupt at the same moment waits for it to be done.
        let mut registered = UNDO.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = registered.iter().position(|(id, _)| *id == self.0) {
            registered.remove(index).1();
        }
    }
}

fn undo_all() {
    let mut registered = UNDO.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some((_, undo)) = registered.pop() {
        undo();
    }
}

/// Marks the child that is being waited for, until dropped.
pub(crate) struct Child;

pub(crate) fn child(id: u32) -> Child {
    CHILD.store(id, Ordering::SeqCst);
    Child
}

impl Drop for Child {
    fn drop(&mut self) {
        CHILD.store(0, Ordering::SeqCst);
    }
}

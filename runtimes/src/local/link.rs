//! One connection of a machine: requests go out, their answers come back to whoever waits.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use reef_commands::{
    machine::ConnectedMachine,
    ports::{DriverError, MAX_FRAME, Outgoing, Usage},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::protocol::{Call, FromServer, Outcome, Runtime};

/// Pieces of a reply that nobody has taken yet; whoever reads slower than this loses the reply.
const UNREAD: usize = 1024;

/// A piece of a reply, or its end.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    End { usage: Usage, model: String },
    Failed(DriverError),
}

enum Waiter {
    Answer(oneshot::Sender<Outcome>),
    Reply(mpsc::Sender<Piece>),
}

#[derive(Default)]
struct Waiting {
    last: u64,
    by_id: HashMap<u64, Waiter>,
    /// Nobody answers any more.
    over: bool,
}

/// The connection.
pub(super) struct Link {
    pub(super) machine: ConnectedMachine,
    outgoing: mpsc::Sender<Outgoing>,
    waiting: Mutex<Waiting>,
    reason: OnceLock<(u16, &'static str)>,
    pub(super) ended: CancellationToken,
}

pub(super) fn lost() -> DriverError {
    DriverError::Transient("the connection to the machine was lost".to_owned())
}

impl Link {
    pub(super) fn new(machine: ConnectedMachine, outgoing: mpsc::Sender<Outgoing>) -> Arc<Self> {
        Arc::new(Self {
            machine,
            outgoing,
            waiting: Mutex::default(),
            reason: OnceLock::new(),
            ended: CancellationToken::new(),
        })
    }

    /// Ends the connection; the first reason given is the one told.
    pub(super) fn end(&self, code: u16, reason: &'static str) {
        self.reason.get_or_init(|| (code, reason));
        self.ended.cancel();
    }

    /// Tells why it ends, and everybody who waits that nothing will come.
    pub(super) fn wind_up(&self) {
        self.ended.cancel();
        if let Some(&(code, reason)) = self.reason.get()
            && self.outgoing.try_send(Outgoing::Close { code, reason }).is_err()
        {
            tracing::debug!(machine = %self.machine.machine_id, "the machine cannot be told why it is cut off");
        }
        let mut waiting = self.waiting.lock();
        waiting.over = true;
        waiting.by_id.clear();
    }

    /// Sends a frame, unless the machine does not read.
    pub(super) fn send(&self, frame: &FromServer) -> Result<(), DriverError> {
        let text = serde_json::to_string(frame).map_err(|error| DriverError::Permanent(error.to_string()))?;
        if text.len() > MAX_FRAME {
            return Err(DriverError::Permanent(format!(
                "{} bytes are more than a machine takes at once ({MAX_FRAME})",
                text.len()
            )));
        }
        self.outgoing
            .try_send(Outgoing::Frame(text))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    DriverError::Transient("the machine does not read what it is sent".to_owned())
                }
                mpsc::error::TrySendError::Closed(_) => lost(),
            })
    }

    /// Has the machine do something and waits for its answer.
    pub(super) async fn call(self: &Arc<Self>, runtime: Runtime, call: Call) -> Result<Outcome, DriverError> {
        let (sender, answer) = oneshot::channel();
        let _asked = self.ask(runtime, call, Waiter::Answer(sender))?;
        answer.await.map_err(|_| lost())
    }

    /// Has the machine reply. The pieces end with `End` or `Failed`; if they end otherwise the reply is lost.
    pub(super) fn reply(
        self: &Arc<Self>,
        runtime: Runtime,
        call: Call,
    ) -> Result<(Asked, mpsc::Receiver<Piece>), DriverError> {
        let (sender, pieces) = mpsc::channel(UNREAD);
        Ok((self.ask(runtime, call, Waiter::Reply(sender))?, pieces))
    }

    fn ask(self: &Arc<Self>, runtime: Runtime, call: Call, waiter: Waiter) -> Result<Asked, DriverError> {
        let id = {
            let mut waiting = self.waiting.lock();
            if waiting.over {
                return Err(lost());
            }
            waiting.last += 1;
            let id = waiting.last;
            waiting.by_id.insert(id, waiter);
            id
        };
        let asked = Asked {
            link: Arc::clone(self),
            id,
        };
        if let Err(error) = self.send(&FromServer::Request { id, runtime, call }) {
            // It never left, so there is nothing to cancel.
            self.waiting.lock().by_id.remove(&id);
            return Err(error);
        }
        Ok(asked)
    }

    /// More of a reply. What nobody waits for is no error: it was cancelled meanwhile.
    pub(super) fn piece(&self, id: u64, text: String) {
        let mut waiting = self.waiting.lock();
        let Some(Waiter::Reply(pieces)) = waiting.by_id.get(&id) else {
            return;
        };
        if pieces.try_send(Piece::Text(text)).is_err() {
            waiting.by_id.remove(&id);
        }
    }

    /// The end of a request.
    pub(super) fn answer(&self, id: u64, outcome: Outcome) {
        let waiter = self.waiting.lock().by_id.remove(&id);
        match waiter {
            None => {}
            Some(Waiter::Answer(waiter)) => drop(waiter.send(outcome)),
            Some(Waiter::Reply(pieces)) => drop(pieces.try_send(match outcome {
                Outcome::Replied { usage, model } => Piece::End { usage, model },
                Outcome::Failed { transient, reason } => Piece::Failed(failed(transient, reason)),
                Outcome::Done | Outcome::Observed { .. } => Piece::Failed(nonsense()),
            })),
        }
    }
}

/// As drivers say it.
pub(super) fn failed(transient: bool, reason: String) -> DriverError {
    if transient {
        DriverError::Transient(reason)
    } else {
        DriverError::Permanent(reason)
    }
}

/// The machine answered something else than was asked.
pub(super) fn nonsense() -> DriverError {
    DriverError::Permanent("the machine's answer does not fit the question".to_owned())
}

/// A request under way; dropped before its answer came, it is cancelled.
pub(super) struct Asked {
    link: Arc<Link>,
    id: u64,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let unanswered = self.link.waiting.lock().by_id.remove(&self.id).is_some();
        if unanswered && self.link.send(&FromServer::Cancel { id: self.id }).is_err() {
            tracing::debug!(
                request = self.id,
                "the machine cannot be told that nobody waits any more"
            );
        }
    }
}

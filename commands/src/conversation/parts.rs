//! Pieces of a reply, as they are passed on to whoever waits for it.

use futures::{StreamExt as _, stream::BoxStream};
use reef_domain::MessageId;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::ports::Usage;

/// A piece of a reply. The last one is `Completed` or `Failed`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReplyPart {
    /// More text.
    Delta {
        /// The text.
        text: String,
    },
    /// The reply is whole and recorded.
    Completed {
        /// Its id.
        message_id: MessageId,
        /// The whole text.
        content: String,
        /// What answered: `openai:<model>`, `anthropic:<model>` or `local-responder`.
        model: String,
        /// Model tokens it used.
        usage: Usage,
        /// Position that reads reflecting it have reached.
        position: u64,
    },
    /// No reply will come; that is recorded too.
    Failed {
        /// Stable code.
        code: String,
        /// For people.
        reason: String,
    },
}

impl ReplyPart {
    fn is_last(&self) -> bool {
        match self {
            Self::Delta { .. } => false,
            Self::Completed { .. } | Self::Failed { .. } => true,
        }
    }
}

/// A reply as it is said.
pub type ReplyParts = BoxStream<'static, ReplyPart>;

pub(super) fn failed(code: &str, reason: &str) -> ReplyPart {
    ReplyPart::Failed {
        code: code.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The parts as they come. Whoever lags behind misses none of the text: it comes in one piece at the end. Where
/// the sender is gone, the recorded reply is the end.
pub(super) fn whole(
    mut receiver: broadcast::Receiver<ReplyPart>,
    recorded: impl Future<Output = ReplyPart> + Send + 'static,
) -> ReplyParts {
    Box::pin(async_stream::stream! {
        let mut told = Told::default();
        loop {
            match receiver.recv().await {
                Ok(part) => {
                    let is_last = part.is_last();
                    for part in told.next(part) {
                        yield part;
                    }
                    if is_last {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => told.lags = true,
                Err(broadcast::error::RecvError::Closed) => {
                    for part in told.next(recorded.await) {
                        yield part;
                    }
                    return;
                }
            }
        }
    })
}

/// The recorded reply: its text in one piece, and the end.
pub(super) fn at_once(recorded: impl Future<Output = ReplyPart> + Send + 'static) -> ReplyParts {
    let parts = async move { futures::stream::iter(Told::default().next(recorded.await)) };
    futures::stream::once(parts).flatten().boxed()
}

/// How much was passed on.
#[derive(Default)]
struct Told {
    bytes: usize,
    /// Whether pieces were missed: those after them would be out of place.
    lags: bool,
}

impl Told {
    fn next(&mut self, part: ReplyPart) -> Vec<ReplyPart> {
        match &part {
            ReplyPart::Delta { .. } if self.lags => vec![],
            ReplyPart::Delta { text } => {
                self.bytes += text.len();
                vec![part]
            }
            ReplyPart::Completed { content, .. } => {
                let rest = content.get(self.bytes..).unwrap_or_default().to_owned();
                let missed = (!rest.is_empty()).then_some(ReplyPart::Delta { text: rest });
                missed.into_iter().chain([part]).collect()
            }
            ReplyPart::Failed { .. } => vec![part],
        }
    }
}

#[cfg(test)]
mod tests;

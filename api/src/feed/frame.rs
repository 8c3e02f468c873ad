//! One event as it goes over the wire, written once and shared.

use std::sync::Arc;

use bytes::Bytes;
use reef_commands::cloud_event;
use reef_domain::{AccountId, Envelope};

/// An event's frame with what filters look at.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) position: u64,
    pub(super) account: Option<AccountId>,
    pub(super) aggregate_type: &'static str,
    pub(super) aggregate_id: Arc<str>,
    pub(super) event_type: &'static str,
    /// `id:`, `event:` and `data:` lines and the empty line after them.
    pub(super) text: Bytes,
}

impl Frame {
    pub(super) fn of(envelope: &Envelope) -> Self {
        Self {
            position: envelope.position,
            account: envelope.account_id.clone(),
            aggregate_type: envelope.aggregate_type,
            aggregate_id: Arc::clone(&envelope.aggregate_id),
            event_type: envelope.event.event_type(),
            text: text(envelope).into(),
        }
    }

    /// Whether credentials of the account may have stopped to work with this event.
    pub(super) fn may_end_sessions_of(&self, account: Option<&AccountId>) -> bool {
        account.is_some()
            && self.account.as_ref() == account
            && matches!(
                self.event_type,
                "ApiKeyRevoked" | "AccountSuspended" | "AccountClosed"
            )
    }
}

/// The frame's text.
pub(super) fn text(envelope: &Envelope) -> String {
    let mut out = format!(
        "id: {}\nevent: {}\ndata: ",
        envelope.position,
        envelope.event.event_type()
    );
    cloud_event::write(envelope, &mut out);
    out.push_str("\n\n");
    out
}

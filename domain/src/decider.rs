//! The one shape every aggregate has.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{AccountId, AnyEvent, Event};

/// An aggregate as a pure decider.
///
/// `Default` is the state before the first event. [`decide`](Decider::decide) may look at nothing but
/// `self` and the command; a command that changes nothing yields no event.
pub trait Decider:
    Default + Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Name of the aggregate in the log, `snake_case`; never changes once events are stored.
    const TYPE: &'static str;
    /// What the aggregate can be asked to do.
    type Command: Clone + fmt::Debug + Send + 'static;
    /// What can happen to the aggregate.
    type Event: Event + Into<AnyEvent>;
    /// Why the aggregate says no.
    type Refusal: Refusal;

    /// Decides what happens, or refuses.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes one event into the state. Never fails: what is in the log has happened.
    fn evolve(&mut self, event: &Self::Event);

    /// The account that owns the stream; `None` before the first event and for the operator's streams.
    fn account_id(&self) -> Option<&AccountId>;

    /// Whether the aggregate has reached its final, removed state: reads and commands treat it as unknown.
    fn is_gone(&self) -> bool {
        false
    }

    /// The decider's own events out of the union of all; `None` for another aggregate's event.
    fn event_of(any: &AnyEvent) -> Option<&Self::Event>;
}

/// Folds events into the state they lead to.
pub fn replay<'a, D: Decider>(events: impl IntoIterator<Item = &'a D::Event>) -> D {
    let mut state = D::default();
    for event in events {
        state.evolve(event);
    }
    state
}

/// A fact on which a command was refused. The `Display` text is for people and holds no secret.
pub trait Refusal: std::error::Error + Clone + PartialEq + Send + Sync + 'static {
    /// Stable machine-readable code, `snake_case`; part of the public contract.
    fn code(&self) -> &'static str;
    /// What sort of fact it is; every dialect maps the kinds to its statuses exhaustively.
    fn kind(&self) -> RefusalKind;
}

/// The sorts of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// What the command is about does not exist, or no longer does.
    NotFound,
    /// The command itself is not acceptable, whatever the state.
    Invalid,
    /// The state does not allow it.
    Conflict,
    /// The caller may not do it.
    Forbidden,
    /// A counted or rated limit is reached.
    LimitReached,
    /// The balance does not cover it.
    PaymentRequired,
    /// It will be possible later: something it needs is not up.
    NotReady,
}

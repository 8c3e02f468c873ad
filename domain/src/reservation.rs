//! Reservation: what must be unique or counted over many aggregates.
//!
//! One stream per scope and key (`email/tropic/<hash>`, `active-agents/<user>`). An append that spans
//! the reservation and the aggregate settles races: two claims of the last place meet on this stream's
//! expected sequence. **Invariant:** there are never more holders than the limit of the last claim.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, event::events};

/// Who holds places of one reservation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Holders, by id.
    pub holders: BTreeSet<String>,
}

/// What a reservation can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ReservationCommand {
    /// Take a place. Who holds one already keeps it, without an event.
    Claim {
        /// Who wants it.
        holder: String,
        /// How many places there are.
        limit: u32,
    },
    /// Give the place back. Who holds none changes nothing.
    Release {
        /// Who had it.
        holder: String,
    },
}

events! {
    /// What can happen to a reservation.
    pub enum ReservationEvent {
        /// A place was taken.
        Claimed = "ReservationClaimed", 1 {
            /// Who took it.
            holder: String,
        },
        /// A place became free.
        Released = "ReservationReleased", 1 {
            /// Who gave it back.
            holder: String,
        },
    }
}

/// Why a claim is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRefusal {
    /// Every place is held.
    #[error("all {limit} places are taken")]
    AllTaken {
        /// How many there are.
        limit: u32,
    },
}

impl Refusal for ReservationRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::AllTaken { .. } => "limit_reached",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::AllTaken { .. } => RefusalKind::LimitReached,
        }
    }
}

impl Decider for Reservation {
    const TYPE: &'static str = "reservation";
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Refusal = ReservationRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            ReservationCommand::Claim { holder, .. } if self.holders.contains(&holder) => Ok(vec![]),
            ReservationCommand::Claim { limit, .. } if self.holders.len() >= limit as usize => {
                Err(ReservationRefusal::AllTaken { limit })
            }
            ReservationCommand::Claim { holder, .. } => Ok(vec![ReservationEvent::Claimed { holder }]),
            ReservationCommand::Release { holder } if self.holders.contains(&holder) => {
                Ok(vec![ReservationEvent::Released { holder }])
            }
            ReservationCommand::Release { .. } => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            ReservationEvent::Claimed { holder } => {
                self.holders.insert(holder.clone());
            }
            ReservationEvent::Released { holder } => {
                self.holders.remove(holder);
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Reservation(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;

//! Given, when, then: how the specs of the deciders read.
//!
//! ```
//! # #[cfg(feature = "spec")] {
//! use reef_domain::{reservation::*, spec::given};
//!
//! given::<Reservation>([])
//!     .when(ReservationCommand::Claim { holder: "a".into(), limit: 1 })
//!     .then([ReservationEvent::Claimed { holder: "a".into() }]);
//! # }
//! ```

use crate::{Decider, replay};

/// What has happened so far.
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let events: Vec<D::Event> = events.into_iter().collect();
    Given {
        state: replay(&events),
    }
}

/// A decider after its given events.
#[derive(Debug, Clone)]
pub struct Given<D: Decider> {
    state: D,
}

impl<D: Decider> Given<D> {
    /// Lets the decider decide; what it yields is taken into the state.
    #[must_use = "a spec says what comes of it"]
    pub fn when(mut self, command: D::Command) -> Outcome<D> {
        let decided = self.state.decide(command);
        for event in decided.iter().flatten() {
            self.state.evolve(event);
        }
        Outcome {
            state: self.state,
            decided,
        }
    }

    /// The state the events led to.
    pub fn state(&self) -> &D {
        &self.state
    }
}

/// What a decider made of a command.
#[derive(Debug, Clone)]
pub struct Outcome<D: Decider> {
    state: D,
    decided: Result<Vec<D::Event>, D::Refusal>,
}

impl<D: Decider> Outcome<D> {
    /// Exactly these events happened; goes on from the state they lead to.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = D::Event>) -> Given<D> {
        let expected: Vec<D::Event> = events.into_iter().collect();
        assert_eq!(self.decided, Ok(expected));
        Given { state: self.state }
    }

    /// Nothing happened, and that is fine.
    #[track_caller]
    pub fn nothing(self) -> Given<D> {
        self.then([])
    }

    /// The command was refused on this fact; goes on from the unchanged state.
    #[track_caller]
    pub fn refused(self, refusal: D::Refusal) -> Given<D> {
        assert_eq!(self.decided, Err(refusal));
        Given { state: self.state }
    }

    /// The events or the refusal, for looking closer.
    pub fn outcome(&self) -> &Result<Vec<D::Event>, D::Refusal> {
        &self.decided
    }

    /// The state the command led to.
    pub fn state(&self) -> &D {
        &self.state
    }
}

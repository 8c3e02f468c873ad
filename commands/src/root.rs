//! Every decider as a `cqrs_es::Aggregate`: the write path speaks the ecosystem's traits.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use reef_domain::{Decider, Event, Refusal};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A decider as a `cqrs_es` aggregate. Its events serialise exactly as the log stores them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "D: DeserializeOwned"))]
pub struct Root<D>(pub D);

/// An event of a decider as a `cqrs_es` event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "E: DeserializeOwned"))]
pub struct Fact<E>(pub E);

/// A refusal as the error of a `cqrs_es` aggregate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct RootError<R: Refusal>(pub R);

impl<E: Event> DomainEvent for Fact<E> {
    fn event_type(&self) -> String {
        self.0.event_type().to_owned()
    }

    fn event_version(&self) -> String {
        self.0.event_version().to_string()
    }
}

impl<D: Decider> Aggregate for Root<D> {
    const TYPE: &'static str = D::TYPE;
    type Command = D::Command;
    type Event = Fact<D::Event>;
    type Error = RootError<D::Refusal>;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.0.decide(command).map_err(RootError)? {
            sink.write(Fact(event), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.0.evolve(&event.0);
    }
}

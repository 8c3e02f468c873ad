//! The store as a `cqrs_es::EventStore`: stock `CqrsFramework` and its queries run on our log, through
//! the same writer.

use std::{collections::HashMap, sync::Arc};

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use reef_commands::{
    Fact, Root, RootError,
    ports::{Append, EventLog, LogError, NewEvent, StreamAppend, StreamKey},
};
use reef_domain::{Actor, ActorKind, AnyEvent, Decider, Envelope, Metadata};

use crate::Store;

/// Events read at once.
const PAGE: u32 = 1000;

type Failure<D> = AggregateError<RootError<<D as Decider>::Refusal>>;

/// The streams of one kind of aggregate as a `cqrs_es::EventStore`.
#[derive(Clone)]
pub struct CqrsStore {
    store: Store,
}

/// A loaded aggregate.
#[derive(Debug)]
pub struct CqrsContext<D: Decider> {
    id: Arc<str>,
    root: Root<D>,
    sequence: u64,
}

impl<D: Decider> AggregateContext<Root<D>> for CqrsContext<D> {
    fn aggregate(&mut self) -> &mut Root<D> {
        &mut self.root
    }
}

impl CqrsStore {
    /// The store, for any kind of aggregate.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    async fn events(&self, key: &StreamKey) -> Result<Vec<Arc<Envelope>>, LogError> {
        let mut events: Vec<Arc<Envelope>> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.sequence);
            let page = self.store.stream(key, after, PAGE).await?;
            let full = page.len() == PAGE as usize;
            events.extend(page);
            if !full {
                return Ok(events);
            }
        }
    }
}

fn failed<D: Decider>(error: LogError) -> Failure<D> {
    match error {
        LogError::Conflict(_) => AggregateError::AggregateConflict,
        LogError::Unavailable { .. } => AggregateError::DatabaseConnectionError(Box::new(error)),
        LogError::Corrupt(_) => AggregateError::DeserializationError(Box::new(error)),
        LogError::AlreadyDone | LogError::Fenced => AggregateError::UnexpectedError(Box::new(error)),
    }
}

fn key<D: Decider>(id: &str) -> StreamKey {
    StreamKey {
        aggregate_type: D::TYPE,
        aggregate_id: id.into(),
    }
}

fn fact<D: Decider>(envelope: &Envelope) -> Result<D::Event, LogError> {
    let event = D::event_of(&envelope.event).cloned();
    event.ok_or_else(|| LogError::Corrupt(format!("event {} is another aggregate's", envelope.position)))
}

fn envelope_of<D: Decider>(envelope: &Envelope) -> Result<EventEnvelope<Root<D>>, LogError> {
    let text = |error: serde_json::Error| LogError::Corrupt(error.to_string());
    let metadata = serde_json::to_value(&envelope.metadata).map_err(text)?;
    Ok(EventEnvelope {
        aggregate_id: envelope.aggregate_id.to_string(),
        sequence: usize::try_from(envelope.sequence).unwrap_or(usize::MAX),
        payload: Fact(fact::<D>(envelope)?),
        metadata: serde_json::from_value(metadata).map_err(text)?,
    })
}

/// Metadata out of what the framework was given; what it lacks is filled in.
fn metadata_of(given: &HashMap<String, String>) -> Metadata {
    let text = |name: &str| given.get(name).cloned();
    let event_id = uuid::Uuid::now_v7().to_string();
    Metadata {
        actor: text("actor")
            .and_then(|actor| Actor::try_from(actor).ok())
            .unwrap_or_else(|| Actor::new(ActorKind::System, "cqrs")),
        dialect: text("dialect").unwrap_or_else(|| "native".to_owned()),
        correlation_id: text("correlation_id").unwrap_or_else(|| event_id.clone()),
        causation_id: text("causation_id"),
        event_id,
    }
}

fn new_event(event: AnyEvent, metadata: &HashMap<String, String>) -> Result<NewEvent, LogError> {
    let metadata = metadata_of(metadata);
    let metadata_json =
        serde_json::to_string(&metadata).map_err(|error| LogError::Corrupt(error.to_string()))?;
    Ok(NewEvent {
        payload: event.to_payload().into(),
        event,
        metadata,
        metadata_json,
    })
}

impl<D: Decider> EventStore<Root<D>> for CqrsStore {
    type AC = CqrsContext<D>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<Root<D>>>, Failure<D>> {
        let events = self.events(&key::<D>(aggregate_id)).await.map_err(failed::<D>)?;
        events
            .iter()
            .map(|event| envelope_of::<D>(event))
            .collect::<Result<_, _>>()
            .map_err(failed::<D>)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<CqrsContext<D>, Failure<D>> {
        let events = self.events(&key::<D>(aggregate_id)).await.map_err(failed::<D>)?;
        let mut root = Root::<D>::default();
        for event in &events {
            root.0.evolve(&fact::<D>(event).map_err(failed::<D>)?);
        }
        let sequence = events.last().map_or(0, |event| event.sequence);
        Ok(CqrsContext {
            id: aggregate_id.into(),
            root,
            sequence,
        })
    }

    async fn commit(
        &self,
        events: Vec<Fact<D::Event>>,
        context: CqrsContext<D>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Root<D>>>, Failure<D>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let events = events
            .into_iter()
            .map(|event| new_event(event.0.into(), &metadata));
        let stream = StreamAppend {
            key: StreamKey {
                aggregate_type: D::TYPE,
                aggregate_id: context.id,
            },
            account_id: context.root.0.account_id().cloned(),
            expected_sequence: context.sequence,
            events: events.collect::<Result<_, _>>().map_err(failed::<D>)?,
        };
        let append = Append {
            streams: vec![stream],
            idempotency: None,
        };
        let appended = self.store.append(append).await.map_err(failed::<D>)?;
        let envelopes = appended.envelopes.iter().map(|event| envelope_of::<D>(event));
        envelopes.collect::<Result<_, _>>().map_err(failed::<D>)
    }
}

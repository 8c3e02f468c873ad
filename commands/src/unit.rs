//! A unit of work: what one command loads, decides and will append.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_domain::{AccountId, Decider, Metadata, UserId};
use tokio::sync::OwnedMutexGuard;

use crate::{
    Bus, Caller, CommandError, Request, Services,
    cache::AnyState,
    ports::{Append, IdempotencyRecord, LogError, NewEvent, StreamAppend, StreamKey},
};

/// A loaded aggregate.
#[derive(Debug, Clone)]
pub struct Loaded<D> {
    /// Its state, with the unit's own decisions.
    pub state: Arc<D>,
    /// Sequence of its last stored event; 0: there is none.
    pub sequence: u64,
}

impl<D> std::ops::Deref for Loaded<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.state
    }
}

pub(crate) struct OpenStream {
    pub(crate) key: StreamKey,
    pub(crate) account_id: Option<AccountId>,
    pub(crate) expected: u64,
    pub(crate) state: AnyState,
    pub(crate) events: Vec<NewEvent>,
}

/// One try of one command. Everything it loads becomes a guard: the append fails, and the command is
/// tried again, if any of it has moved meanwhile.
pub struct Unit<'a> {
    bus: &'a Bus,
    request: &'a Request,
    now: DateTime<Utc>,
    pub(crate) streams: Vec<OpenStream>,
    /// Ids made by this unit: nothing is stored under them, so nothing need be read.
    fresh: Mutex<Vec<String>>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Unit<'a> {
    pub(crate) fn new(bus: &'a Bus, request: &'a Request) -> Self {
        Self {
            bus,
            request,
            now: bus.services().clock.now(),
            streams: Vec::new(),
            fresh: Mutex::default(),
            turn: None,
        }
    }

    /// When the command is decided.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Who asks.
    pub fn caller(&self) -> &'a Caller {
        &self.request.caller
    }

    /// The request.
    pub fn request(&self) -> &'a Request {
        self.request
    }

    /// The ports.
    pub fn services(&self) -> &'a Services {
        self.bus.services()
    }

    /// A fresh id: the prefix and eight lower-case letters or digits. Should it be taken after all, the
    /// append says so and the command is decided anew, with another one.
    pub fn new_id<I: From<String>>(&self, prefix: &str) -> I {
        let id = self.bus.fresh_id(prefix);
        self.fresh.lock().push(id.clone());
        I::from(id)
    }

    /// A fresh id of the prefix and twelve lower-case hexadecimal digits, where an API promises that form.
    pub fn new_hex_id<I: From<String>>(&self, prefix: &str) -> I {
        let mut bytes = [0; 6];
        self.services().entropy.fill(&mut bytes);
        let id = format!("{prefix}{}", hex::encode(bytes));
        self.fresh.lock().push(id.clone());
        I::from(id)
    }

    /// The account the caller is confined to, else the one named in the command.
    pub fn account(&self, named: Option<&AccountId>) -> Result<AccountId, CommandError> {
        match (&self.caller().account_id, named) {
            (Some(own), Some(named)) if own != named => Err(CommandError::Foreign {
                kind: "account",
                id: named.to_string(),
            }),
            (Some(own), _) => Ok(own.clone()),
            (None, Some(named)) => Ok(named.clone()),
            (None, None) => Err(CommandError::malformed(
                "account_id",
                "the operator must name the account",
            )),
        }
    }

    /// The acting user: the caller's own, else the one named.
    pub fn user(&self, named: Option<&UserId>) -> Option<UserId> {
        named.cloned().or_else(|| self.caller().user_id.clone())
    }

    /// The aggregate as it is, existing or not.
    pub async fn load<D: Decider>(&mut self, id: impl AsRef<str>) -> Result<Loaded<D>, CommandError> {
        let key = stream_key::<D>(id.as_ref());
        if let Some(open) = self.streams.iter().find(|open| open.key == key) {
            let state = Arc::clone(&open.state)
                .downcast::<D>()
                .map_err(|_| CommandError::Corrupt(format!("stream {key} opened as two types")))?;
            return Ok(Loaded {
                state,
                sequence: open.expected,
            });
        }
        let loaded = if self.is_fresh(&key) {
            Loaded {
                state: Arc::default(),
                sequence: 0,
            }
        } else {
            self.bus.load::<D>(&key).await?
        };
        self.streams.push(OpenStream {
            account_id: loaded.account_id().cloned(),
            expected: loaded.sequence,
            state: Arc::clone(&loaded.state) as AnyState,
            events: Vec::new(),
            key,
        });
        Ok(loaded)
    }

    fn is_fresh(&self, key: &StreamKey) -> bool {
        self.fresh.lock().iter().any(|fresh| *fresh == *key.aggregate_id)
    }

    /// The aggregate to look at: it must exist, and be the caller's.
    pub async fn owned<D: Decider>(&mut self, id: impl AsRef<str>) -> Result<Loaded<D>, CommandError> {
        let id = id.as_ref();
        let loaded = self.load::<D>(id).await?;
        if loaded.sequence == 0 || loaded.is_gone() {
            return Err(CommandError::Unknown {
                kind: D::TYPE,
                id: id.to_owned(),
            });
        }
        match (&self.caller().account_id, loaded.account_id()) {
            (Some(own), Some(owner)) if own != owner => Err(CommandError::Foreign {
                kind: D::TYPE,
                id: id.to_owned(),
            }),
            _ => Ok(loaded),
        }
    }

    /// The aggregate to change: as [`owned`](Self::owned), after waiting for the command's turn on it,
    /// so that commands on one aggregate follow each other instead of colliding.
    pub async fn edit<D: Decider>(&mut self, id: impl AsRef<str>) -> Result<Loaded<D>, CommandError> {
        let id = id.as_ref();
        self.take_turn(&stream_key::<D>(id)).await;
        self.owned::<D>(id).await
    }

    /// Has the aggregate decide; what it decides becomes part of this unit's append.
    /// Returns how many events that gave.
    pub async fn decide<D: Decider>(
        &mut self,
        id: impl AsRef<str>,
        command: D::Command,
    ) -> Result<usize, CommandError> {
        let id = id.as_ref();
        let key = stream_key::<D>(id);
        self.take_turn(&key).await;
        let loaded = self.load::<D>(id).await?;
        let events = loaded.state.decide(command)?;
        let count = events.len();
        if count == 0 {
            return Ok(0);
        }
        let mut state = D::clone(&loaded.state);
        let mut stored = Vec::with_capacity(count);
        for event in events {
            state.evolve(&event);
            stored.push(self.new_event(event.into())?);
        }
        let Some(open) = self.streams.iter_mut().find(|open| open.key == key) else {
            return Err(CommandError::Corrupt(format!("stream {key} was not opened")));
        };
        open.account_id = state.account_id().cloned();
        open.state = Arc::new(state);
        open.events.extend(stored);
        Ok(count)
    }

    /// Waits for the turn on the first aggregate this unit changes. One lock per unit: no deadlock.
    async fn take_turn(&mut self, key: &StreamKey) {
        let opened = self.streams.iter().any(|open| open.key == *key);
        if self.turn.is_none() && !opened {
            self.turn = Some(self.bus.turn(key).await);
        }
    }

    fn new_event(&self, event: reef_domain::AnyEvent) -> Result<NewEvent, CommandError> {
        let unix_ms = u64::try_from(self.now.timestamp_millis()).unwrap_or(0);
        let metadata = Metadata {
            event_id: self.services().entropy.uuid_v7(unix_ms).to_string(),
            actor: self.caller().actor.clone(),
            dialect: self.caller().dialect.name().to_owned(),
            correlation_id: self.request.correlation_id.clone(),
            causation_id: self.request.causation_id.clone(),
        };
        let metadata_json =
            serde_json::to_string(&metadata).map_err(|error| CommandError::Corrupt(error.to_string()))?;
        let payload = event.to_payload().into();
        Ok(NewEvent {
            event,
            payload,
            metadata,
            metadata_json,
        })
    }

    /// Whether anything was decided.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.iter().all(|open| open.events.is_empty())
    }

    /// The append that stores what was decided: changed streams first, in the order they were opened.
    pub(crate) fn append(&mut self, idempotency: Option<IdempotencyRecord>) -> Append {
        let streams = self
            .streams
            .iter_mut()
            .map(|open| StreamAppend {
                key: open.key.clone(),
                account_id: open.account_id.clone(),
                expected_sequence: open.expected,
                events: std::mem::take(&mut open.events),
            })
            .collect();
        Append { streams, idempotency }
    }

    /// Whether what was looked at is still as it was, in the log itself.
    pub(crate) async fn is_current(&self) -> Result<bool, LogError> {
        for open in &self.streams {
            let newer = self.services().log.stream(&open.key, open.expected, 1).await?;
            if !newer.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

pub(crate) fn stream_key<D: Decider>(id: &str) -> StreamKey {
    StreamKey {
        aggregate_type: D::TYPE,
        aggregate_id: id.into(),
    }
}

//! The command bus: runs a use case, stores what it decided, and answers once it is durable.

mod work;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use reef_domain::Decider;
use ring::digest::{Context, SHA256};
use tokio::sync::OwnedMutexGuard;

use self::work::{Decision, Transaction, Work};
use crate::{
    CommandError, Loaded, Outcome, Request, Services, Unit, UseCase,
    answer::{AggregateRef, Answer, EventRef},
    cache::{AnyState, StateCache},
    fresh_ids::FreshIds,
    ports::{Appended, IdempotencyRecord, Idempotent, LogError, StreamKey, VaultOwner},
};

/// How often a command is decided anew when others keep changing the same aggregates.
const MAX_TRIES: u32 = 16;
/// States kept in memory.
const CACHED_STATES: usize = 100_000;
/// Aggregates share this many turns; two that collide merely wait for each other.
const TURNS: usize = 4096;
/// Events folded per read when a state is not in memory.
const STREAM_PAGE: u32 = 1000;

struct Inner {
    services: Services,
    cache: StateCache,
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
    /// Which aggregates share a turn: not for clients to know, and the same again for a seeded simulation.
    salt: [u8; 16],
    in_flight: Mutex<HashSet<(String, String)>>,
    fresh_ids: FreshIds,
}

/// The command bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

impl Bus {
    /// A bus over these ports.
    pub fn new(services: Services) -> Self {
        let mut salt = [0; 16];
        services.entropy.fill(&mut salt);
        Self(Arc::new(Inner {
            services,
            cache: StateCache::new(CACHED_STATES),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
            salt,
            in_flight: Mutex::default(),
            fresh_ids: FreshIds::default(),
        }))
    }

    /// The ports.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// Carries a command out. When this returns `Ok`, what happened is durable and every view shows it.
    pub async fn execute<C: UseCase>(&self, command: &C, request: Request) -> Result<Answer, CommandError> {
        let started = std::time::Instant::now();
        let result = match self.remember(command, &request)? {
            None => self.run(command, &request, None).await,
            Some((claim, fingerprint)) => {
                let answer = self.run_once(command, &request, fingerprint).await;
                drop(claim);
                answer
            }
        };
        let outcome = result.as_ref().map_or_else(CommandError::code, |_| "ok");
        metrics::counter!("reef_commands_total", "command" => C::NAME, "outcome" => outcome).increment(1);
        metrics::histogram!("reef_command_seconds", "command" => C::NAME).record(started.elapsed());
        result
    }

    /// Claims the request's idempotency key in this process and tells what it was asked for.
    fn remember<C: UseCase>(
        &self,
        command: &C,
        request: &Request,
    ) -> Result<Option<(Claim<'_>, [u8; 32])>, CommandError> {
        let Some(key) = &request.idempotency_key else {
            return Ok(None);
        };
        let body = serde_json::to_vec(command).map_err(|error| CommandError::Corrupt(error.to_string()))?;
        let mut context = Context::new(&SHA256);
        context.update(C::NAME.as_bytes());
        context.update(&[0]);
        context.update(&body);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        let entry = (request.idempotency_scope(), key.clone());
        if !self.0.in_flight.lock().insert(entry.clone()) {
            return Err(CommandError::KeyInFlight);
        }
        Ok(Some((
            Claim {
                set: &self.0.in_flight,
                entry,
            },
            fingerprint,
        )))
    }

    /// Runs optimistically. Only where that fails is it looked up whether it was done before: a retry is
    /// rare, and most second tries are refused or collide on the key.
    async fn run_once<C: UseCase>(
        &self,
        command: &C,
        request: &Request,
        fingerprint: [u8; 32],
    ) -> Result<Answer, CommandError> {
        let failure = match self.run(command, request, Some(fingerprint)).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let Some(key) = &request.idempotency_key else {
            return Err(failure);
        };
        let known = self
            .0
            .services
            .log
            .idempotent(&request.idempotency_scope(), key)
            .await?;
        match known {
            None => Err(failure),
            Some(known) if known.fingerprint != fingerprint => Err(CommandError::KeyReused),
            Some(known) => self.replay(request, key, known).await,
        }
    }

    /// One of our own transactions, made of several decisions: what a process manager observed or cleaned
    /// up. Not a command: it has no name, and whether it was done before must show in the states.
    pub async fn transact<F>(&self, request: &Request, work: F) -> Result<Answer, CommandError>
    where
        F: for<'u, 'a> Fn(&'u mut Unit<'a>) -> BoxFuture<'u, Result<Outcome, CommandError>> + Send + Sync,
    {
        self.run(&Transaction(work), request, None).await
    }

    /// One decision of one aggregate, on our own behalf.
    pub async fn decide<D: Decider>(
        &self,
        id: impl AsRef<str>,
        command: D::Command,
        request: &Request,
    ) -> Result<Answer, CommandError>
    where
        D::Command: Sync,
    {
        self.run(
            &Decision::<D> {
                id: id.as_ref().to_owned(),
                command,
            },
            request,
            None,
        )
        .await
    }

    async fn run<W: Work>(
        &self,
        command: &W,
        request: &Request,
        fingerprint: Option<[u8; 32]>,
    ) -> Result<Answer, CommandError> {
        let mut collided = String::new();
        for attempt in 0..MAX_TRIES {
            let mut unit = Unit::new(self, request);
            let decided = command.work(&mut unit).await;
            let changes_nothing = decided.is_err() || unit.is_empty();
            // A refusal, or a decision to do nothing, may rest on a state that another node has changed.
            if changes_nothing && !unit.is_current().await? {
                self.forget(&unit);
                continue;
            }
            let outcome = decided?;
            check_if_match(request, &unit, &outcome)?;
            match self.commit(&mut unit, request, &outcome, fingerprint).await {
                Ok(appended) => return Ok(self.answer(unit, outcome, &appended)),
                Err(CommandError::Contention(stream)) => {
                    collided = stream;
                    self.forget(&unit);
                    drop(unit);
                    // Let the others through; the turn they hold is theirs until they have published.
                    if attempt > 2 {
                        tokio::time::sleep(std::time::Duration::from_millis(u64::from(attempt))).await;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Contention(collided))
    }

    async fn commit(
        &self,
        unit: &mut Unit<'_>,
        request: &Request,
        outcome: &Outcome,
        fingerprint: Option<[u8; 32]>,
    ) -> Result<Appended, CommandError> {
        let record = match (fingerprint, &request.idempotency_key) {
            (Some(fingerprint), Some(key)) if !outcome.unremembered => {
                Some(self.record(unit, request, key, outcome, fingerprint).await?)
            }
            _ => None,
        };
        if record.is_none() && unit.is_empty() {
            let position = *self.0.services.log.watch().borrow();
            return Ok(Appended {
                envelopes: Vec::new(),
                position,
            });
        }
        Ok(self.0.services.log.append(unit.append(record)).await?)
    }

    /// The remembered answer, without positions. Results may hold what is shown once, so it is sealed.
    async fn record(
        &self,
        unit: &Unit<'_>,
        request: &Request,
        key: &str,
        outcome: &Outcome,
        fingerprint: [u8; 32],
    ) -> Result<IdempotencyRecord, CommandError> {
        let events = unit.streams.iter().flat_map(|open| {
            open.events.iter().zip(1..).map(|(event, offset)| EventRef {
                kind: event.event.event_type().to_owned(),
                sequence: open.expected + offset,
                position: 0,
                aggregate_type: open.key.aggregate_type.to_owned(),
                aggregate_id: open.key.aggregate_id.to_string(),
            })
        });
        let answer = Answer {
            aggregate: aggregate_ref(unit, outcome),
            position: 0,
            events: events.collect(),
            result: outcome.result.clone(),
            replayed: false,
        };
        let mut text =
            serde_json::to_vec(&answer).map_err(|error| CommandError::Corrupt(error.to_string()))?;
        if answer.result.is_some() {
            let (owner, purpose) = seal_terms(request, key);
            text = self
                .0
                .services
                .vault
                .seal(&owner, &purpose, &text)
                .await?
                .0
                .into_bytes();
        }
        Ok(IdempotencyRecord {
            scope: request.idempotency_scope(),
            key: key.to_owned(),
            fingerprint,
            answer: text,
            subject: outcome.subject.clone(),
        })
    }

    async fn replay(&self, request: &Request, key: &str, known: Idempotent) -> Result<Answer, CommandError> {
        let corrupt = |error: serde_json::Error| CommandError::Corrupt(error.to_string());
        let mut answer: Answer = if known.answer.first() == Some(&b'{') {
            serde_json::from_slice(&known.answer).map_err(corrupt)?
        } else {
            let sealed = crate::ports::Sealed(String::from_utf8_lossy(&known.answer).into_owned());
            let (owner, purpose) = seal_terms(request, key);
            let plain = self.0.services.vault.open(&owner, &purpose, &sealed).await?;
            serde_json::from_slice(&plain).map_err(corrupt)?
        };
        let first = (known.position + 1).saturating_sub(answer.events.len() as u64);
        for (event, position) in answer.events.iter_mut().zip(first..) {
            event.position = position;
        }
        answer.position = known.position;
        answer.replayed = true;
        Ok(answer)
    }

    /// Publishes the new states and tells what happened.
    fn answer(&self, unit: Unit<'_>, outcome: Outcome, appended: &Appended) -> Answer {
        let mut aggregate = aggregate_ref(&unit, &outcome);
        let events: Vec<EventRef> = appended
            .envelopes
            .iter()
            .map(|envelope| EventRef {
                kind: envelope.event.event_type().to_owned(),
                sequence: envelope.sequence,
                position: envelope.position,
                aggregate_type: envelope.aggregate_type.to_owned(),
                aggregate_id: envelope.aggregate_id.to_string(),
            })
            .collect();
        for open in unit.streams {
            let last = appended.envelopes.iter().rev().find(|envelope| {
                envelope.aggregate_type == open.key.aggregate_type
                    && envelope.aggregate_id == open.key.aggregate_id
            });
            if let Some(last) = last {
                if *open.key.aggregate_id == *aggregate.id && open.key.aggregate_type == aggregate.kind {
                    aggregate.sequence = last.sequence;
                }
                self.0.cache.publish(open.key, open.state, last.sequence);
            }
        }
        Answer {
            aggregate,
            position: appended.position,
            events,
            result: outcome.result,
            replayed: false,
        }
    }

    fn forget(&self, unit: &Unit<'_>) {
        for open in &unit.streams {
            self.0.cache.forget(&open.key);
        }
    }

    /// Loads an aggregate: from memory, else from its stream.
    pub(crate) async fn load<D: Decider>(&self, key: &StreamKey) -> Result<Loaded<D>, CommandError> {
        if let Some((state, sequence)) = self.0.cache.get::<D>(key) {
            return Ok(Loaded { state, sequence });
        }
        let new = Loaded {
            state: Arc::default(),
            sequence: 0,
        };
        Ok(self.catch_up(key, new).await?)
    }

    /// Folds in whatever the stream has beyond the loaded state.
    async fn catch_up<D: Decider>(&self, key: &StreamKey, loaded: Loaded<D>) -> Result<Loaded<D>, LogError> {
        let Loaded {
            mut state,
            mut sequence,
        } = loaded;
        let known = sequence;
        loop {
            let page = self.0.services.log.stream(key, sequence, STREAM_PAGE).await?;
            for envelope in &page {
                let event = D::event_of(&envelope.event)
                    .ok_or_else(|| LogError::Corrupt(format!("event of another aggregate in {key}")))?;
                Arc::make_mut(&mut state).evolve(event);
                sequence = envelope.sequence;
            }
            if page.len() < STREAM_PAGE as usize {
                break;
            }
        }
        if sequence > known {
            self.0
                .cache
                .publish(key.clone(), Arc::clone(&state) as AnyState, sequence);
        }
        Ok(Loaded { state, sequence })
    }

    /// The state of an aggregate as the log has it now, whoever wrote last; `None` if it does not exist.
    ///
    /// Decisions may rest on a state in memory, since the append checks it. What acts on a state without
    /// appending (effects, replies) must not: a follower can see an event before the command that made it
    /// has published its state, and another node publishes nothing here.
    pub async fn state<D: Decider>(&self, id: impl AsRef<str>) -> Result<Option<Loaded<D>>, LogError> {
        let key = crate::unit::stream_key::<D>(id.as_ref());
        let (state, sequence) = self.0.cache.get::<D>(&key).unwrap_or_default();
        let loaded = self.catch_up(&key, Loaded { state, sequence }).await?;
        Ok((loaded.sequence > 0).then_some(loaded))
    }

    /// A fresh id: the prefix and eight lower-case letters or digits.
    pub(crate) fn fresh_id(&self, prefix: &str) -> String {
        self.0.fresh_ids.next(prefix, &*self.0.services.entropy)
    }

    pub(crate) async fn turn(&self, key: &StreamKey) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        self.0.salt.hash(&mut hasher);
        key.hash(&mut hasher);
        let slot = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        Arc::clone(&self.0.turns[slot]).lock_owned().await
    }
}

fn aggregate_ref(unit: &Unit<'_>, outcome: &Outcome) -> AggregateRef {
    let open = unit.streams.iter().find(|open| open.key == outcome.aggregate);
    AggregateRef {
        kind: outcome.aggregate.aggregate_type.to_owned(),
        id: outcome.aggregate.aggregate_id.to_string(),
        sequence: open.map_or(0, |open| open.expected + open.events.len() as u64),
    }
}

fn check_if_match(request: &Request, unit: &Unit<'_>, outcome: &Outcome) -> Result<(), CommandError> {
    let Some(expected) = request.if_match else {
        return Ok(());
    };
    let open = unit.streams.iter().find(|open| open.key == outcome.aggregate);
    let actual = open.map_or(0, |open| open.expected);
    if actual == expected {
        Ok(())
    } else {
        Err(CommandError::PreconditionFailed { expected, actual })
    }
}

fn seal_terms(request: &Request, key: &str) -> (VaultOwner, String) {
    let owner = request
        .caller
        .account_id
        .as_ref()
        .map_or("operator", |account| account.as_str());
    let purpose = format!("idempotency/{}/{key}", request.idempotency_scope());
    (VaultOwner::new("account", owner), purpose)
}

/// An idempotency key being worked on in this process.
struct Claim<'a> {
    set: &'a Mutex<HashSet<(String, String)>>,
    entry: (String, String),
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.set.lock().remove(&self.entry);
    }
}

//! Where an issuer's keys come from, kept for a while.
//!
//! Keys serve for [`KEEP`] after they were fetched, and are fetched again from [`REFRESH`] on and when a
//! token names one that is not there, but not more often than [`PAUSE`]: rotated keys are found, revoked
//! ones forgotten, and tokens with made-up key ids do not make us hammer the issuer. Fetches that are
//! wanted at the same time are one. A fetch outlives the request that began it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reef_commands::ports::Clock;
use reqwest::{Client, StatusCode, header::ACCEPT};
use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::jwk::Keys;
use crate::http;

/// Age from which keys are fetched again while they go on serving.
const REFRESH: TimeDelta = TimeDelta::minutes(5);
/// Age up to which keys serve an issuer that cannot be reached.
const KEEP: TimeDelta = TimeDelta::hours(1);
/// Least time between two fetches.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// Least time between a failed fetch and the next.
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);
/// Largest key set that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct State {
    keys: Option<(Arc<Keys>, DateTime<Utc>)>,
    tried_at: Option<DateTime<Utc>>,
    /// Why the last fetch failed, if it did.
    failure: Option<String>,
}

struct Source {
    url: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// The keys of one issuer.
pub(super) struct KeySource {
    source: Arc<Source>,
    /// Held while keys are fetched.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl KeySource {
    pub(super) fn new(url: Url, client: Client, clock: Arc<dyn Clock>) -> Self {
        let source = Source {
            url,
            client,
            clock,
            state: Mutex::default(),
        };
        Self {
            source: Arc::new(source),
            fetching: Arc::default(),
        }
    }

    /// Keys that may be used now, or why there are none.
    pub(super) async fn current(&self) -> Result<Arc<Keys>, String> {
        match self.source.fresh(REFRESH) {
            Some(keys) => return Ok(keys),
            // While they still serve, one fetches and the others do not wait.
            None if self.source.fresh(KEEP).is_some() => {
                if let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() {
                    self.fetch(turn).await;
                }
            }
            None => {
                let turn = Arc::clone(&self.fetching).lock_owned().await;
                if self.source.fresh(REFRESH).is_none() {
                    self.fetch(turn).await;
                }
            }
        }
        self.source.fresh(KEEP).ok_or_else(|| self.source.failure())
    }

    /// Keys fetched after those; `None`: those are the newest. An error: nobody can tell just now.
    pub(super) async fn newer_than(&self, known: &Keys) -> Result<Option<Arc<Keys>>, String> {
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        if self.source.generation() == known.generation {
            self.fetch(turn).await;
        }
        let state = self.source.state.lock();
        match &state.keys {
            Some((keys, _)) if keys.generation > known.generation => Ok(Some(Arc::clone(keys))),
            Some(_) | None => state.failure.clone().map_or(Ok(None), Err),
        }
    }

    /// Fetches the keys, unless that was tried just now.
    async fn fetch(&self, turn: OwnedMutexGuard<()>) {
        if !self.source.may_try() {
            return;
        }
        let source = Arc::clone(&self.source);
        let fetch = tokio::spawn(async move {
            source.fetch().await;
            drop(turn);
        });
        if let Err(error) = fetch.await {
            tracing::error!(%error, "fetching an issuer's keys");
        }
    }
}

impl Source {
    /// The keys, if they are younger than that.
    fn fresh(&self, age: TimeDelta) -> Option<Arc<Keys>> {
        let now = self.clock.now();
        let state = self.state.lock();
        let fresh = state
            .keys
            .as_ref()
            .filter(|(_, fetched_at)| now - *fetched_at < age);
        fresh.map(|(keys, _)| Arc::clone(keys))
    }

    fn generation(&self) -> u64 {
        self.state
            .lock()
            .keys
            .as_ref()
            .map_or(0, |(keys, _)| keys.generation)
    }

    fn failure(&self) -> String {
        let failure = self.state.lock().failure.clone();
        failure.unwrap_or_else(|| "the issuer's keys are being fetched".to_owned())
    }

    /// Whether it is time to try again; if so, that is noted.
    fn may_try(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let pause = if state.failure.is_some() {
            PAUSE_AFTER_FAILURE
        } else {
            PAUSE
        };
        let waiting = state
            .tried_at
            .is_some_and(|tried_at| (now - tried_at).abs() < pause);
        if !waiting {
            state.tried_at = Some(now);
        }
        !waiting
    }

    async fn fetch(&self) {
        let published = self.get().await;
        let mut state = self.state.lock();
        let generation = state.keys.as_ref().map_or(0, |(keys, _)| keys.generation) + 1;
        match published.and_then(|body| Keys::read(&body, generation)) {
            Ok(keys) => {
                state.keys = Some((Arc::new(keys), self.clock.now()));
                state.failure = None;
            }
            Err(reason) => {
                tracing::warn!(url = %self.url, reason, "an issuer's keys cannot be had");
                state.failure = Some(format!("the issuer's keys cannot be had: {reason}"));
            }
        }
    }

    async fn get(&self) -> Result<Vec<u8>, String> {
        let request = self
            .client
            .get(self.url.clone())
            .header(ACCEPT, "application/json");
        let response = request.send().await.map_err(http::causes)?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        http::body(response, MAX_BYTES).await
    }
}

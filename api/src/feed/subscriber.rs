//! One subscriber: a cursor, a filter, and the body that its connection asks for more.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use reef_commands::ports::LogError;
use tokio::{sync::watch, time::Instant};

use super::{EventFilter, Hub, frame, hub::Seat};
use crate::{App, Problem, auth::Principal};

/// Frames in one chunk of the body, at most.
const FRAMES: usize = 256;
/// Events per read of the log, where the ring does not reach.
const PAGE: u32 = 256;

/// A subscriber.
pub(crate) struct Subscriber {
    hub: Arc<Hub>,
    state: App,
    principal: Principal,
    filter: EventFilter,
    cursor: u64,
    published: watch::Receiver<u64>,
    heartbeat: Duration,
    next_beat: Instant,
    greeting: Option<Bytes>,
    _seat: Seat,
}

impl Subscriber {
    /// Subscribes to what comes after `after`; `None`: from now on.
    pub(crate) fn new(
        state: &App,
        principal: Principal,
        filter: EventFilter,
        after: Option<u64>,
    ) -> Result<Self, Problem> {
        let config = state.config();
        let seat = state.hub.sit_down(config.max_streams);
        let too_many = || Problem::of("too_many_streams", "Too many event streams are open.").retry_after(10);
        let (seat, published) = seat.ok_or_else(too_many)?;
        let cursor = after.unwrap_or_else(|| state.head());
        // From now on: the client learns where that is, so that it can resume before its first event.
        let place = if after.is_none() {
            format!("id: {cursor}\n")
        } else {
            String::new()
        };
        let greeting = format!("retry: 1000\n: after {cursor}\n{place}\n");
        Ok(Self {
            hub: Arc::clone(&state.hub),
            state: state.clone(),
            principal,
            filter,
            cursor,
            published,
            heartbeat: config.heartbeat,
            next_beat: Instant::now() + config.heartbeat,
            greeting: Some(greeting.into()),
            _seat: seat,
        })
    }

    /// The body of the answer. It ends when the server drains, the credential is revoked or the log fails.
    pub(crate) fn into_body(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures::stream::unfold(self, |mut subscriber| async move {
            let chunk = subscriber.next().await?;
            Some((Ok(chunk), subscriber))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            if self.hub.closing.is_cancelled() {
                return None;
            }
            let published = *self.published.borrow_and_update();
            let due = Instant::now() >= self.next_beat;
            if due {
                self.next_beat = Instant::now() + self.heartbeat;
                if !self.principal.still_holds(&self.state).await {
                    return None;
                }
            }
            match self.more(published).await {
                Ok(Some(chunk)) => return Some(chunk),
                Ok(None) if due => return Some(Bytes::from_static(b": heartbeat\n\n")),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends");
                    return None;
                }
            }
            if self.cursor < published {
                continue;
            }
            tokio::select! {
                () = self.hub.closing.cancelled() => return None,
                () = tokio::time::sleep_until(self.next_beat) => {}
                changed = self.published.changed() => changed.ok()?,
            }
        }
    }

    /// What is wanted of the events after the cursor, which moves past them.
    async fn more(&mut self, published: u64) -> Result<Option<Bytes>, LogError> {
        let Some(frames) = self.hub.frames(self.cursor, FRAMES) else {
            return self.behind(published).await;
        };
        let Some(last) = frames.last() else {
            return Ok(None);
        };
        self.cursor = last.position;
        if frames
            .iter()
            .any(|frame| frame.may_end_sessions_of(self.principal.account()))
        {
            self.next_beat = Instant::now();
        }
        let mut wanted = frames.iter().filter(|frame| self.filter.wants(frame));
        let (first, second) = (wanted.next(), wanted.next());
        Ok(match (first, second) {
            (None, _) => None,
            (Some(only), None) => Some(only.text.clone()),
            (Some(first), Some(second)) => {
                let mut chunk = BytesMut::with_capacity(frames.iter().map(|frame| frame.text.len()).sum());
                for frame in [first, second].into_iter().chain(wanted) {
                    chunk.extend_from_slice(&frame.text);
                }
                Some(chunk.freeze())
            }
        })
    }

    /// The ring begins after the cursor: this one is behind and reads for itself.
    async fn behind(&mut self, published: u64) -> Result<Option<Bytes>, LogError> {
        let events = self.hub.log.read(&self.filter.query(self.cursor, PAGE)).await?;
        if events.len() < PAGE as usize {
            // Everything wanted up to what was published before the read has been read.
            self.cursor = self.cursor.max(published);
        }
        let Some(last) = events.last() else {
            return Ok(None);
        };
        if events.len() == PAGE as usize {
            self.cursor = last.position;
        } else {
            self.cursor = self.cursor.max(last.position);
        }
        let text: String = events.iter().map(|envelope| frame::text(envelope)).collect();
        Ok(Some(text.into()))
    }
}

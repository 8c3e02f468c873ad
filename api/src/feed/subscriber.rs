//! One subscriber: a cursor, a filter, and the body that its connection asks for more.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use reef_commands::ports::LogError;
use tokio::{sync::watch, time::Instant};

use super::{
    EventFilter, Hub,
    frame::{self, Frame},
    hub::Seat,
};
use crate::{App, Problem, auth::Principal};

/// A chunk of the body is complete at this many bytes.
const CHUNK: usize = 64 << 10;
/// Events per read of the log, where the ring does not reach.
const PAGE: u32 = 64;
/// A client that has taken nothing for so long, and has fallen out of the ring since, does not keep up.
const STALL: Duration = Duration::from_secs(1);

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
    /// When the last chunk was handed over.
    asked_last: Instant,
    /// Whether it has ever been at the end of the log: who reads the past is slow by nature.
    was_up_to_date: bool,
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
            asked_last: Instant::now(),
            was_up_to_date: false,
            _seat: seat,
        })
    }

    /// The body of the answer. It ends when the server drains, the credential is revoked or the log fails,
    /// and breaks off for a client that does not keep up: it can resume where it was.
    pub(crate) fn into_body(self) -> impl Stream<Item = io::Result<Bytes>> {
        futures::stream::unfold(self, |mut subscriber| async move {
            let chunk = subscriber.next().await.transpose()?;
            subscriber.asked_last = Instant::now();
            Some((chunk, subscriber))
        })
    }

    /// The next chunk; `None`: the stream ends.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(greeting) = self.greeting.take() {
            return Ok(Some(greeting));
        }
        // Asked for again only now: until then the client's buffers were full.
        let mut stalled = self.asked_last.elapsed() > STALL;
        loop {
            if self.hub.closing.is_cancelled() {
                return Ok(None);
            }
            let published = *self.published.borrow_and_update();
            let due = Instant::now() >= self.next_beat;
            if due {
                self.next_beat = Instant::now() + self.heartbeat;
                if !self.principal.still_holds(&self.state).await {
                    return Ok(None);
                }
            }
            let read = match self.hub.frames(self.cursor, CHUNK) {
                Some(frames) => Ok(self.wanted(&frames)),
                None if stalled && self.was_up_to_date => {
                    return Err(io::Error::other("the client did not keep up"));
                }
                None => self.behind(published).await,
            };
            match read {
                Ok(Some(chunk)) => return Ok(Some(chunk)),
                Ok(None) if due => return Ok(Some(Bytes::from_static(b": heartbeat\n\n"))),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends");
                    return Ok(None);
                }
            }
            if self.cursor < published {
                continue;
            }
            (stalled, self.was_up_to_date) = (false, true);
            tokio::select! {
                () = self.hub.closing.cancelled() => return Ok(None),
                () = tokio::time::sleep_until(self.next_beat) => {}
                changed = self.published.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    /// What is wanted of the next frames; the cursor moves past them.
    fn wanted(&mut self, frames: &[Arc<Frame>]) -> Option<Bytes> {
        self.cursor = frames.last()?.position;
        if frames
            .iter()
            .any(|frame| frame.may_end_sessions_of(self.principal.account()))
        {
            self.next_beat = Instant::now();
        }
        let wanted: Vec<&Bytes> = frames
            .iter()
            .filter(|frame| self.filter.wants(frame))
            .map(|frame| &frame.text)
            .collect();
        match wanted.as_slice() {
            [] => None,
            [only] => Some(Bytes::clone(only)),
            many => {
                let mut chunk = BytesMut::with_capacity(many.iter().map(|text| text.len()).sum());
                for text in many {
                    chunk.extend_from_slice(text);
                }
                Some(chunk.freeze())
            }
        }
    }

    /// The ring begins after the cursor: this one is behind and reads for itself.
    async fn behind(&mut self, published: u64) -> Result<Option<Bytes>, LogError> {
        let events = self.hub.log.read(&self.filter.query(self.cursor, PAGE)).await?;
        if let Some(last) = events.last() {
            self.cursor = last.position;
        }
        if events.len() < PAGE as usize {
            // Everything wanted up to what was published before the read has been read.
            self.cursor = self.cursor.max(published);
        }
        let text: String = events.iter().map(|envelope| frame::text(envelope)).collect();
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

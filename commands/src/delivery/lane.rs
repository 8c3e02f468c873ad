//! Works on one webhook: does what its book says, and tells it what came of it.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use reef_domain::{Envelope, webhook::DisableReason};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    NAME,
    book::{Book, Job, Outcome, Read, Step, Tried},
    compose::{Composer, Unmade},
    dispatcher::DispatchParts,
    fan_out::{FanOut, Lane, wants},
    pages::Pages,
};
use crate::{
    Caller, Request,
    ports::{EventQuery, LogError},
    webhook::disable_webhook,
};

/// Wait before a disabling is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What all lanes work with.
pub(super) struct Works {
    pub(super) parts: DispatchParts,
    pub(super) composer: Composer,
    pub(super) fan_out: Arc<FanOut>,
    pub(super) pages: Pages,
    /// From commit to delivery, of what gets through at the first try.
    pub(super) seconds: metrics::Histogram,
}

enum Done {
    /// Deliveries were made one after the other, and this is to be done now.
    Delivered(Option<Step>),
    Disable(DisableReason),
    Read(Read, Result<(Vec<Arc<Envelope>>, u64), LogError>),
    Disabled,
}

/// Works on the lane until it is gone or that is cancelled; then what is under way may finish.
pub(super) async fn run(lane: Arc<Lane>, works: Arc<Works>, cancel: CancellationToken) {
    let mut tasks = JoinSet::new();
    loop {
        let pause = start(&lane, &works, &mut tasks, &cancel);
        if pause == Pause::ForGood {
            break;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            Some(done) = tasks.join_next() => go_on(&lane, &works, &mut tasks, &cancel, done),
            () = lane.wake.notified() => {}
            () = over(pause, &works) => {}
        }
    }
    let drain = async {
        while let Some(done) = tasks.join_next().await {
            go_on(&lane, &works, &mut JoinSet::new(), &cancel, done);
        }
    };
    if tokio::time::timeout(works.parts.config.drain, drain)
        .await
        .is_err()
    {
        tracing::info!(webhook = %lane.id, "deliveries under way were given up; they will be repeated");
    }
}

/// For how long there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Until(DateTime<Utc>),
    UntilSomethingHappens,
    ForGood,
}

/// Starts all there is to do now.
fn start(
    lane: &Arc<Lane>,
    works: &Arc<Works>,
    tasks: &mut JoinSet<Done>,
    cancel: &CancellationToken,
) -> Pause {
    loop {
        let step = next(&mut lane.book.lock(), works, cancel);
        if let Some(pause) = begin(lane, works, tasks, cancel, step) {
            return pause;
        }
    }
}

/// What to do now.
fn next(book: &mut Book, works: &Works, cancel: &CancellationToken) -> Option<Step> {
    let over = book.is_gone() || cancel.is_cancelled();
    (!over).then(|| book.next(works.parts.services().clock.now(), works.fan_out.read_to()))
}

/// Begins to do that; for how long there is nothing else to do, if that is known.
fn begin(
    lane: &Arc<Lane>,
    works: &Arc<Works>,
    tasks: &mut JoinSet<Done>,
    cancel: &CancellationToken,
    step: Option<Step>,
) -> Option<Pause> {
    match step {
        Some(Step::Send(job)) => {
            tasks.spawn(deliver(Arc::clone(lane), Arc::clone(works), cancel.clone(), job));
        }
        Some(Step::Read(read)) => {
            let (works, lane) = (Arc::clone(works), Arc::clone(lane));
            tasks.spawn(async move { Done::Read(read, read_on(&works, &lane, read).await) });
        }
        Some(Step::CaughtUp(track)) => works.fan_out.take_along(lane, track),
        Some(Step::Wait(until)) => return Some(until.map_or(Pause::UntilSomethingHappens, Pause::Until)),
        None => return Some(Pause::ForGood),
    }
    None
}

async fn over(pause: Pause, works: &Works) {
    match pause {
        Pause::Until(time) => {
            let wait = time - works.parts.services().clock.now();
            // A little later than asked: the clock that is looked at then may be coarser.
            let wait = wait.max(TimeDelta::zero()) + TimeDelta::milliseconds(1);
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        }
        Pause::UntilSomethingHappens | Pause::ForGood => std::future::pending().await,
    }
}

/// Delivers, and then what is to be sent next, for as long as there is something: going on here wakes nobody.
async fn deliver(lane: Arc<Lane>, works: Arc<Works>, cancel: CancellationToken, mut job: Box<Job>) -> Done {
    loop {
        let tried = try_once(&works, *job).await;
        let mut book = lane.book.lock();
        if let Some(reason) = book.settle(tried, works.parts.services().clock.now()) {
            return Done::Disable(reason);
        }
        match next(&mut book, &works, &cancel) {
            Some(Step::Send(next)) => job = next,
            step => return Done::Delivered(step),
        }
    }
}

/// Does what follows from a task's end.
fn go_on(
    lane: &Arc<Lane>,
    works: &Arc<Works>,
    tasks: &mut JoinSet<Done>,
    cancel: &CancellationToken,
    done: Result<Done, tokio::task::JoinError>,
) {
    match done {
        // What it is to wait for, it is told again.
        Ok(Done::Delivered(step)) => drop(begin(lane, works, tasks, cancel, step)),
        Ok(Done::Disable(reason)) => {
            let (works, lane) = (Arc::clone(works), Arc::clone(lane));
            tasks.spawn(async move { disable_now(&works, &lane, reason).await });
        }
        Ok(Done::Read(read, Ok((events, seen)))) => lane.book.lock().read(read.track, events, seen),
        Ok(Done::Read(read, Err(error))) => {
            tracing::warn!(webhook = %lane.id, %error, "the log cannot be read for a webhook");
            let now = works.parts.services().clock.now();
            let again_at = now + TimeDelta::from_std(AGAIN).unwrap_or_default();
            lane.book.lock().read_failed(read.track, again_at);
        }
        Ok(Done::Disabled) => {}
        Err(error) => tracing::error!(webhook = %lane.id, %error, "a delivery ended badly"),
    }
}

/// Reads a piece of the log: what matches of it, and up to where it was looked at.
async fn read_on(works: &Works, lane: &Lane, read: Read) -> Result<(Vec<Arc<Envelope>>, u64), LogError> {
    let webhook = Arc::clone(&lane.book.lock().webhook);
    let Some(account) = &webhook.account_id else {
        return Ok((Vec::new(), read.until));
    };
    let wanted = |event: &Envelope| wants(&lane.id, &webhook, event);
    works.pages.read(account, read.after, read.until, wanted).await
}

async fn try_once(works: &Works, mut job: Job) -> Tried {
    let clock = &works.parts.services().clock;
    let began = clock.now();
    let mut event_type = "";
    let outcome = AssertUnwindSafe(async {
        let envelope = match event(works, &mut job).await {
            Ok(Some(envelope)) => envelope,
            Ok(None) => return Outcome::Dropped("there is no such event".to_owned()),
            Err(error) => return Outcome::NotMade(error.to_string()),
        };
        event_type = envelope.event.event_type();
        let webhook = Arc::clone(&job.webhook);
        match works.composer.post(&webhook, &envelope, began).await {
            Ok(post) => match works.parts.sender.post(post).await {
                Ok(answer) => Outcome::Answered(answer),
                Err(failure) => Outcome::Failed(failure),
            },
            Err(Unmade::ForGood(reason)) => Outcome::Dropped(reason),
            Err(Unmade::ForNow(reason)) => {
                tracing::warn!(position = job.position, %reason, "a delivery could not be made");
                Outcome::NotMade(reason)
            }
        }
    })
    .catch_unwind()
    .await
    // A bug of ours must not stop the lane, nor lose the delivery.
    .unwrap_or_else(|_| Outcome::NotMade("the delivery panicked".to_owned()));
    let took = clock.now() - began;
    if let (true, Some(envelope), 0) = (outcome.is_success(), &job.envelope, job.tries) {
        let since = (clock.now() - envelope.recorded_at).to_std().unwrap_or_default();
        works.seconds.record(since);
    }
    Tried {
        job,
        event_type,
        began,
        took_ms: u64::try_from(took.num_milliseconds()).unwrap_or(0),
        outcome,
    }
}

/// The event of a job; retries know only its position.
async fn event(works: &Works, job: &mut Job) -> Result<Option<Arc<Envelope>>, LogError> {
    if job.envelope.is_none() {
        let query = EventQuery {
            after: job.position.saturating_sub(1),
            until: Some(job.position),
            limit: 1,
            ..EventQuery::default()
        };
        return Ok(works.parts.services().log.read(&query).await?.into_iter().next());
    }
    Ok(job.envelope.clone())
}

/// Disables the webhook; the event comes back with the log.
async fn disable_now(works: &Works, lane: &Lane, reason: DisableReason) -> Done {
    let detail = match reason {
        DisableReason::Gone => "the receiver answered 410",
        DisableReason::Failing => "nothing got through for too long",
        DisableReason::Owner => "",
    };
    loop {
        let request = Request::new(Caller::system(NAME), uuid::Uuid::now_v7().to_string());
        match disable_webhook(&works.parts.bus, &lane.id, reason, detail, &request).await {
            Ok(_) => return Done::Disabled,
            Err(error) => tracing::warn!(webhook = %lane.id, %error, "a webhook could not be disabled"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

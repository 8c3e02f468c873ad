//! Timers: deadlines are documents made of events, so they outlive the process that set them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{
    cron::{Cron, CronCommand},
    runtime::{Runtime, RuntimeCommand},
    task::{Task, TaskCommand},
    webhook::{Webhook, WebhookCommand},
};
use reef_projections::{Filter, views::timer::due};

use super::{Context, NAME};
use crate::{
    Answer, Caller, CommandError, Request,
    conversation::fail_reply,
    follower::{EffectError, Sweep},
};

/// How long remembered answers are kept, in hours: design section 4.3 promises 24.
const ANSWERS_KEPT_H: i64 = 48;

/// How long whoever brings a runtime up may be late with saying that it did not come up.
const GRACE: TimeDelta = TimeDelta::minutes(2);

/// Rings due timers.
pub struct DueTimers(Context);

impl DueTimers {
    /// The sweep.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

impl DueTimers {
    /// A runtime's deadline is watched by whoever brings it up. Where nobody does, because that was parked
    /// or its node is gone, the runtime must not stay on its way for ever.
    async fn give_up(
        &self,
        id: &str,
        now: DateTime<Utc>,
        request: &Request,
    ) -> Result<Option<Answer>, CommandError> {
        let runtime = self.0.bus.state::<Runtime>(id).await?;
        let deadline = runtime.and_then(|runtime| runtime.deadline);
        if deadline.is_none_or(|deadline| now < deadline + GRACE) {
            return Ok(None);
        }
        let report = RuntimeCommand::ReportFailed {
            code: "deadline_passed".to_owned(),
            reason: "it was not seen running before its deadline".to_owned(),
            ran_until: None,
        };
        self.0.bus.decide::<Runtime>(id, report, request).await.map(Some)
    }
}

#[async_trait]
impl Sweep for DueTimers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn sweep(&self) -> Result<(), EffectError> {
        let now = self.0.bus.services().clock.now();
        let due = due(now);
        for id in self.0.ids("timers", vec![Filter::StatusUpTo(due)]).await? {
            let request = Request::new(Caller::system(NAME), format!("timer/{id}"));
            let mut parts = id.split('/');
            let rung = match (parts.next(), parts.next(), parts.next()) {
                (Some("approval"), Some(task), None) => self
                    .0
                    .bus
                    .decide::<Task>(task, TaskCommand::Expire { now }, &request)
                    .await
                    .map(Some),
                (Some("reply"), Some(conversation), Some(message)) => {
                    let (conversation, message) = (conversation.into(), message.into());
                    let reason = "the reply was not finished in time";
                    fail_reply(
                        &self.0.bus,
                        &conversation,
                        &message,
                        "interrupted",
                        reason,
                        &request,
                    )
                    .await
                    .map(Some)
                }
                (Some("overlap"), Some(webhook), None) => self
                    .0
                    .bus
                    .decide::<Webhook>(webhook, WebhookCommand::RetireSecret { now }, &request)
                    .await
                    .map(Some),
                (Some("cron"), Some(agent), None) => self
                    .0
                    .bus
                    .decide::<Cron>(agent, CronCommand::Ring { now }, &request)
                    .await
                    .map(Some),
                (Some("convergence"), Some(runtime), None) => self.give_up(runtime, now, &request).await,
                _ => continue,
            };
            // One timer's trouble must not keep others from ringing.
            if let Err(error) = late_is_fine(&id, rung) {
                tracing::warn!(timer = id, %error, "not rung; the next look tries again");
            }
        }
        Ok(())
    }
}

fn late_is_fine(id: &str, rung: Result<Option<Answer>, CommandError>) -> Result<(), EffectError> {
    match rung {
        Ok(_) => Ok(()),
        Err(error @ (CommandError::Refused { .. } | CommandError::Unknown { .. })) => {
            tracing::debug!(timer = id, %error, "nothing waits for the timer any more");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Forgets remembered answers after their time.
pub struct ForgetOldAnswers(Context);

impl ForgetOldAnswers {
    /// The sweep.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl Sweep for ForgetOldAnswers {
    fn name(&self) -> &'static str {
        "forget-old-answers"
    }

    fn interval(&self) -> Duration {
        Duration::from_hours(1)
    }

    async fn sweep(&self) -> Result<(), EffectError> {
        let services = self.0.bus.services();
        let before = services.clock.now() - chrono::TimeDelta::hours(ANSWERS_KEPT_H);
        services.log.forget_idempotent(None, Some(before)).await?;
        Ok(())
    }
}

//! Metering: charges every running runtime, each interval once, and stops what nobody pays for.
//!
//! Intervals of a run are numbered; the ledger takes each number once. A tick charges the whole
//! intervals that have passed, the end of a run charges the rest.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, EntryId, Envelope, RuntimeId,
    account::{Account, Plan},
    ledger::{Ledger, LedgerCommand, LedgerEvent},
    runtime::{Runtime, RuntimeCommand, RuntimeEvent, RuntimeStopReason},
};
use reef_projections::Filter;

use super::{Context, spec_of};
use crate::{
    Caller, CommandError, Request,
    follower::{Cause, EffectError, Intent, ProcessManager, Sweep},
    machine::is_own_machine,
    ports::{RuntimeObservation, StreamKey},
};

/// Name of the manager.
pub const NAME: &str = "metering";
/// How often running runtimes are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Events read at a time when looking for the beginning of a run.
const PAGE: u32 = 500;

/// What metering does because of events.
#[derive(Debug, Clone)]
pub enum Action {
    /// Charge a run to its end.
    ChargeRest(RuntimeId, DateTime<Utc>),
    /// Stop everything the account runs.
    StopAll(AccountId),
}

/// The metering manager.
pub struct Metering(Context);

impl Metering {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ProcessManager for Metering {
    type Action = Action;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Action>> {
        match &envelope.event {
            AnyEvent::Runtime(
                RuntimeEvent::Stopped {
                    ran_until: Some(until),
                }
                | RuntimeEvent::Failed {
                    ran_until: Some(until),
                    ..
                }
                | RuntimeEvent::Destroyed {
                    ran_until: Some(until),
                },
            ) => {
                let runtime = RuntimeId::new(std::sync::Arc::clone(&envelope.aggregate_id));
                vec![Intent::new(
                    format!("runtime/{runtime}"),
                    "charge-rest",
                    Action::ChargeRest(runtime, *until),
                )]
            }
            AnyEvent::Ledger(LedgerEvent::BalanceExhausted { account_id, .. }) => {
                vec![Intent::new(
                    format!("ledger/{account_id}"),
                    "stop-all",
                    Action::StopAll(account_id.clone()),
                )]
            }
            AnyEvent::Account(_)
            | AnyEvent::Activity(_)
            | AnyEvent::Agent(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Conversation(_)
            | AnyEvent::Cron(_)
            | AnyEvent::InviteCode(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Login(_)
            | AnyEvent::Machine(_)
            | AnyEvent::Policy(_)
            | AnyEvent::ProvisioningJob(_)
            | AnyEvent::Reservation(_)
            | AnyEvent::Runtime(_)
            | AnyEvent::Secrets(_)
            | AnyEvent::Settings(_)
            | AnyEvent::Skill(_)
            | AnyEvent::SkillInstallations(_)
            | AnyEvent::Task(_)
            | AnyEvent::Template(_)
            | AnyEvent::Webhook(_)
            | AnyEvent::WorkspaceFiles(_) => Vec::new(),
        }
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::ChargeRest(runtime, until) => {
                let run = last_run(&self.0, runtime, cause.envelope.sequence).await?;
                let Some((run, since)) = run else { return Ok(()) };
                let meter = Meter {
                    context: &self.0,
                    runtime_id: runtime,
                    run,
                    since,
                };
                Ok(meter.charge(*until, true, &cause.request("charge")).await?)
            }
            Action::StopAll(account) => stop_all(&self.0, account, cause).await,
        }
    }
}

/// Charges whole intervals as they pass.
pub struct MeteringTick(Context);

impl MeteringTick {
    /// The tick.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl Sweep for MeteringTick {
    fn name(&self) -> &'static str {
        "metering-tick"
    }

    fn interval(&self) -> Duration {
        TICK
    }

    async fn sweep(&self) -> Result<(), EffectError> {
        let now = self.0.bus.services().clock.now();
        for id in self
            .0
            .ids("runtimes", vec![Filter::Status("running".to_owned())])
            .await?
        {
            let id = RuntimeId::from(id);
            let Some(runtime) = self.0.runtime(&id).await? else {
                continue;
            };
            let Some(since) = runtime.running_since else {
                continue;
            };
            let meter = Meter {
                context: &self.0,
                runtime_id: &id,
                run: u64::from(runtime.run),
                since,
            };
            // One account's trouble must not keep others from being charged.
            if let Err(error) = self.stop_unpaid(&id, &runtime).await {
                tracing::warn!(runtime = %id, %error, "not stopped; the next tick tries again");
            }
            if let Err(error) = meter
                .charge(now, false, &Request::new(Caller::system(NAME), "metering"))
                .await
            {
                tracing::warn!(runtime = %id, %error, "not charged; the next tick tries again");
            }
        }
        Ok(())
    }
}

impl MeteringTick {
    /// What came up in the very moment in which the balance was used up is stopped here.
    async fn stop_unpaid(&self, id: &RuntimeId, runtime: &Runtime) -> Result<(), CommandError> {
        let Some(account_id) = runtime.account_id.as_ref().filter(|_| !is_own_machine(runtime)) else {
            return Ok(());
        };
        let bus = &self.0.bus;
        let exhausted = bus
            .state::<Ledger>(account_id)
            .await?
            .is_some_and(|ledger| ledger.exhausted);
        let account = bus.state::<Account>(account_id).await?;
        if !exhausted || account.is_none_or(|account| account.plan.price_micro_per_hour == 0) {
            return Ok(());
        }
        let stop = RuntimeCommand::Stop {
            reason: RuntimeStopReason::BalanceExhausted,
        };
        let request = Request::new(Caller::system(NAME), format!("unpaid/{id}"));
        bus.decide::<Runtime>(id, stop, &request).await?;
        Ok(())
    }
}

/// One run of one runtime, to be charged.
struct Meter<'a> {
    context: &'a Context,
    runtime_id: &'a RuntimeId,
    run: u64,
    since: DateTime<Utc>,
}

impl Meter<'_> {
    /// Charges every interval up to `until` that has not been charged; the last, partial one only at the
    /// end of the run.
    async fn charge(
        &self,
        until: DateTime<Utc>,
        to_the_end: bool,
        request: &Request,
    ) -> Result<(), CommandError> {
        // A person's own machine costs nothing.
        let runtime = self.context.runtime(self.runtime_id).await?;
        let Some(runtime) = runtime.filter(|runtime| !is_own_machine(runtime)) else {
            return Ok(());
        };
        let Some(account_id) = runtime.account_id.clone() else {
            return Ok(());
        };
        let bus = &self.context.bus;
        let Some(account) = bus.state::<Account>(&account_id).await? else {
            return Ok(());
        };
        let plan = account.plan.clone();
        if plan.price_micro_per_hour == 0 {
            return Ok(());
        }
        let ran_ms = u64::try_from((until - self.since).num_milliseconds()).unwrap_or(0);
        // Intervals are only numbered: how much is left follows from what is charged, so that a plan whose
        // interval changes in the middle of a run charges nothing twice.
        let interval_ms = u64::from(plan.metering_interval_s.max(1)) * 1000;
        let charged = bus.state::<Ledger>(&account_id).await?;
        let meter = charged
            .and_then(|ledger| ledger.meters.get(self.runtime_id).copied())
            .filter(|meter| meter.run == self.run);
        let mut interval = meter.map_or(0, |meter| meter.interval + 1);
        let mut left = ran_ms.saturating_sub(meter.map_or(0, |meter| meter.charged_ms));
        if !to_the_end && (left < interval_ms || !self.is_seen_running(&runtime).await) {
            return Ok(());
        }
        while left >= interval_ms || (to_the_end && left > 0) {
            let elapsed_ms = left.min(interval_ms);
            self.charge_one(&account_id, &plan, interval, elapsed_ms, request)
                .await?;
            interval += 1;
            left -= elapsed_ms;
        }
        Ok(())
    }

    /// Nobody pays for what only the log believes to run: it may have died while this server was down.
    async fn is_seen_running(&self, runtime: &Runtime) -> bool {
        let (Some(spec), Ok(driver)) = (spec_of(runtime), self.context.driver(&runtime.provider)) else {
            return false;
        };
        matches!(
            driver.observe(&spec).await,
            Ok(RuntimeObservation::Running { .. })
        )
    }

    async fn charge_one(
        &self,
        account_id: &AccountId,
        plan: &Plan,
        interval: u64,
        elapsed_ms: u64,
        request: &Request,
    ) -> Result<(), CommandError> {
        let charge = LedgerCommand::ChargeRuntime {
            account_id: account_id.clone(),
            entry_id: EntryId::from(format!("charge_{}_{}_{interval}", self.runtime_id, self.run)),
            runtime_id: self.runtime_id.clone(),
            run: self.run,
            interval,
            elapsed_ms,
            rate_micro_per_hour: plan.price_micro_per_hour,
            quantum_micro: plan.charge_quantum_micro,
        };
        self.context
            .bus
            .decide::<Ledger>(account_id, charge, request)
            .await?;
        Ok(())
    }
}

/// Number and beginning of the last run before that sequence of the runtime's stream.
async fn last_run(
    context: &Context,
    runtime: &RuntimeId,
    before: u64,
) -> Result<Option<(u64, DateTime<Utc>)>, EffectError> {
    let key = StreamKey {
        aggregate_type: "runtime",
        aggregate_id: runtime.as_str().into(),
    };
    let mut last = None;
    let mut after = 0;
    loop {
        let page = context.bus.services().log.stream(&key, after, PAGE).await?;
        for envelope in page.iter().filter(|envelope| envelope.sequence < before) {
            if let AnyEvent::Runtime(RuntimeEvent::Running { run, since, .. }) = &envelope.event {
                last = Some((u64::from(*run), *since));
            }
        }
        match page.last() {
            Some(end) if end.sequence < before => after = end.sequence,
            _ => return Ok(last),
        }
    }
}

async fn stop_all(context: &Context, account: &AccountId, cause: &Cause) -> Result<(), EffectError> {
    for status in ["running", "starting", "provisioning"] {
        for id in context
            .ids("runtimes", vec![Filter::Status(status.to_owned())])
            .await?
        {
            let runtime = context.runtime(&RuntimeId::from(id.as_str())).await?;
            if runtime.is_none_or(|runtime| {
                runtime.account_id.as_ref() != Some(account) || is_own_machine(&runtime)
            }) {
                continue;
            }
            let stop = RuntimeCommand::Stop {
                reason: RuntimeStopReason::BalanceExhausted,
            };
            match context
                .bus
                .decide::<Runtime>(&id, stop, &cause.request(&id))
                .await
            {
                Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

//! `.reef/cron.json`: how far each job has come.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    jobs::{Job, Jobs},
    schedule::Schedule,
};

/// Where it is in the workspace.
pub(super) const PATH: &str = ".reef/cron.json";
/// A job that is to run once is still run when it is first seen so late.
const LATE: TimeDelta = TimeDelta::hours(1);

/// How far an agent's jobs have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    jobs: BTreeMap<String, Progress>,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Its schedule as it was written then.
    schedule: String,
    /// When it was first seen.
    since: DateTime<Utc>,
    /// Nothing up to this time is due any more.
    settled: DateTime<Utc>,
}

impl Ledger {
    /// Takes up new jobs and new schedules from now on, and forgets those that are gone; whether that changed anything.
    pub(super) fn follow(&mut self, jobs: &Jobs, now: DateTime<Utc>) -> bool {
        let mut followed = BTreeMap::new();
        for job in &jobs.jobs {
            let known = self
                .jobs
                .get(&job.id)
                .filter(|known| known.schedule == job.written);
            let progress = known.cloned().unwrap_or_else(|| Progress {
                schedule: job.written.clone(),
                since: now,
                settled: match job.schedule {
                    Schedule::At(_) => now - LATE,
                    Schedule::Cron(..) | Schedule::Every(..) => now,
                },
            });
            followed.insert(job.id.clone(), progress);
        }
        let changed = followed != self.jobs;
        self.jobs = followed;
        changed
    }

    /// When the next job is due.
    pub(super) fn next(&self, jobs: &Jobs) -> Option<DateTime<Utc>> {
        let next = |job: &Job| {
            let progress = self.jobs.get(&job.id)?;
            job.schedule.next(progress.since, progress.settled)
        };
        jobs.jobs.iter().filter_map(next).min()
    }

    /// The newest due time of the job that has come and is not settled.
    pub(super) fn due(&self, job: &Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let progress = self.jobs.get(&job.id)?;
        job.schedule.latest(progress.since, progress.settled, now)
    }

    /// Notes that the job has done what was due then.
    pub(super) fn settle(&mut self, job: &Job, due: DateTime<Utc>) {
        if let Some(progress) = self.jobs.get_mut(&job.id) {
            progress.settled = progress.settled.max(due);
        }
    }
}

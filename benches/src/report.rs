//! The table that is printed and the file that is kept.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Result;
use chrono::Utc;
use serde::Serialize;

use crate::{machine::Machine, sample::Sample};

/// One row of the table.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Workload {
    /// What is measured.
    pub(crate) name: String,
    /// Contender to one sample per round; round n of all contenders was measured in turn.
    pub(crate) rounds: BTreeMap<String, Vec<Sample>>,
    /// What the goals are about.
    pub(crate) figures: Vec<Figure>,
    /// Correctness checks that this run passed; a failed one ends the run.
    pub(crate) gates: Vec<String>,
    /// What else there is to tell.
    pub(crate) notes: Vec<String>,
}

/// A figure with its goal.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// Such as `x pgbench`.
    pub(crate) name: String,
    /// Median over the rounds.
    pub(crate) value: f64,
    /// Smallest and largest of the rounds.
    pub(crate) range: (f64, f64),
    /// What it is to reach.
    pub(crate) goal: Goal,
}

/// What a figure is to reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
    /// Nothing: it is told.
    Told,
}

impl Figure {
    /// Out of one value per round.
    pub(crate) fn of(name: impl Into<String>, mut values: Vec<f64>, goal: Goal) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (first, last) = (at(0), at(values.len().saturating_sub(1)));
        Self {
            name: name.into(),
            value: at(values.len() / 2),
            range: (first, last),
            goal,
        }
    }

    /// Whether the goal is reached.
    fn verdict(&self) -> &'static str {
        match self.goal {
            Goal::AtLeast(goal) if self.value >= goal => "reached",
            Goal::AtMost(goal) if self.value <= goal => "reached",
            Goal::AtLeast(_) | Goal::AtMost(_) => "MISSED",
            Goal::Told => "",
        }
    }
}

impl Workload {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, contender: &str, sample: Sample) {
        eprintln!(
            "    {contender:<28} {:>9.0}/s   p50 {:>8.2} ms   p99 {:>8.2} ms",
            sample.rate,
            milliseconds(sample.p50_us),
            milliseconds(sample.p99_us),
        );
        self.rounds.entry(contender.to_owned()).or_default().push(sample);
    }

    /// Rate of one contender over that of another, round by round.
    pub(crate) fn compare(&mut self, subject: &str, baseline: &str, goal: Goal) {
        let rates = |name: &str| {
            self.rounds
                .get(name)
                .into_iter()
                .flatten()
                .map(|sample| sample.rate)
        };
        let ratios = rates(subject)
            .zip(rates(baseline))
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        self.figures
            .push(Figure::of(format!("{subject}, x {baseline}"), ratios, goal));
    }

    /// The median of every contender's rates.
    fn rates(&self) -> String {
        let rates = self.rounds.iter().map(|(name, samples)| {
            let of = |pick: fn(&Sample) -> f64| {
                Figure::of("", samples.iter().map(pick).collect(), Goal::Told).value
            };
            let p50 = of(|sample| milliseconds(sample.p50_us));
            let p99 = of(|sample| milliseconds(sample.p99_us));
            format!(
                "{name} {:.0}/s (p50 {p50:.2} ms, p99 {p99:.2} ms)",
                of(|sample| sample.rate)
            )
        });
        rates.collect::<Vec<_>>().join("; ")
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "latencies are far below 2^52 microseconds"
)]
pub(crate) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// All of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) measured_at: String,
    pub(crate) mode: &'static str,
    pub(crate) machine: Machine,
    pub(crate) workloads: Vec<Workload>,
}

impl Report {
    /// The table in Markdown: it goes into notes as it is.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            "| Work | Figure | Measured (rounds) | Goal | |".to_owned(),
            "|---|---|---|---|---|".to_owned(),
        ];
        for workload in &self.workloads {
            for figure in &workload.figures {
                let goal = match figure.goal {
                    Goal::AtLeast(goal) => format!(">= {goal}"),
                    Goal::AtMost(goal) => format!("<= {goal}"),
                    Goal::Told => "told".to_owned(),
                };
                lines.push(format!(
                    "| {} | {} | {:.2} ({:.2} to {:.2}) | {goal} | {} |",
                    workload.name,
                    figure.name,
                    figure.value,
                    figure.range.0,
                    figure.range.1,
                    figure.verdict(),
                ));
            }
        }
        lines.push(String::new());
        for workload in &self.workloads {
            lines.push(format!("- {}: {}", workload.name, workload.rates()));
            lines.extend(workload.notes.iter().map(|note| format!("  - {note}")));
            lines.extend(workload.gates.iter().map(|gate| format!("  - checked: {gate}")));
        }
        lines.join("\n")
    }

    /// Writes `<date>-<commit>.json` there.
    pub(crate) fn keep(&self, folder: &Path) -> Result<std::path::PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!(
            "{}-{}.json",
            Utc::now().format("%Y-%m-%d-%H%M"),
            self.machine.commit
        ));
        fs::write(&path, serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

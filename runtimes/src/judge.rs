//! Whether a task may be worked on: the same for every driver that works on tasks itself.

use reef_domain::{
    policy::{Decision, evaluate},
    settings::CommandBundle,
};

/// What the policy says of a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Go on.
    Allowed,
    /// A person must confirm it first.
    NeedsConfirmation {
        /// The rule that asks for it; empty if no rule matched.
        rule: String,
        reason: String,
    },
    /// It must not be done, even if a person confirmed it before the policy was changed.
    Denied { reason: String },
}

/// Judges a task by the policy or, for an agent without one, by the command bundles that are on. Names of
/// bundles that are not known switch nothing on.
pub(crate) fn judge(rules: Option<&str>, bundles: &[String], description: &str) -> Judgement {
    let bundles: Vec<CommandBundle> = bundles
        .iter()
        .filter_map(|name| CommandBundle::from_name(name))
        .collect();
    let verdict = evaluate(rules, &bundles, description);
    match verdict.decision {
        Decision::Allow => Judgement::Allowed,
        Decision::RequireConfirm => Judgement::NeedsConfirmation {
            rule: verdict.matched_rule.unwrap_or_default(),
            reason: verdict.reason,
        },
        Decision::Deny => Judgement::Denied {
            reason: verdict.reason,
        },
    }
}

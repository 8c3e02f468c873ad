//! Judges a text by a policy: what may be done, what a person must confirm, what must not be done.
//!
//! A rule matches when **all** its significant words occur in the text, in any order and form
//! (`DENY: shell commands` matches "run a command in the shell"), and every `"quoted phrase"` occurs
//! literally. `*` alone matches everything. Of the rules that match, the strictest verb counts:
//! DENY beats REQUIRE CONFIRM beats ALLOW; among equals the first line is named. What no rule
//! matches needs confirmation. Without a policy only the user's command bundles limit: what belongs to
//! a bundle that is switched off is denied, everything else is allowed.
//!
//! The judgement reads the text, it does not understand it: "do not use sudo" is about sudo and a
//! `DENY: sudo` matches. That errs on the side of refusing or asking.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    rules::{Rule, Rules, Verb},
    words::Text,
};
use crate::settings::{self, CommandBundle};

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Allow,
    /// Ask a person first.
    RequireConfirm,
    /// Do not.
    Deny,
}

/// A judgement with its explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What is to happen.
    pub decision: Decision,
    /// The rule that decided, as written; `None`: no rule matched.
    pub matched_rule: Option<String>,
    /// Why, for people.
    pub reason: String,
}

impl Rules {
    /// Judges a text by these rules alone.
    pub fn evaluate(&self, text: &str) -> Verdict {
        match self.strictest(text) {
            Some(rule) => {
                let (line, why) = (rule.line, rule.pattern.describe());
                Verdict {
                    decision: match rule.verb {
                        Verb::Allow => Decision::Allow,
                        Verb::RequireConfirm => Decision::RequireConfirm,
                        Verb::Deny => Decision::Deny,
                    },
                    matched_rule: Some(rule.to_string()),
                    reason: format!("line {line} of the policy, `{rule}`, applies: {why}"),
                }
            }
            None => Verdict {
                decision: Decision::RequireConfirm,
                matched_rule: None,
                reason: "no rule of the policy matches, and what no rule matches needs confirmation"
                    .to_owned(),
            },
        }
    }

    fn strictest(&self, text: &str) -> Option<&Rule> {
        let text = Text::of(text);
        let matching = self.iter().filter(|rule| rule.pattern.matches(&text));
        matching.reduce(|best, rule| if rule.verb > best.verb { rule } else { best })
    }
}

/// Judges a text: by the policy's rules where there is a policy, else by the command bundles that are on.
/// Rules that do not parse (none are ever stored) ask for confirmation.
pub fn evaluate(rules: Option<&str>, bundles: &[CommandBundle], text: &str) -> Verdict {
    let Some(rules) = rules else {
        return by_bundles(bundles, text);
    };
    match Rules::parse(rules) {
        Ok(rules) => rules.evaluate(text),
        Err(error) => Verdict {
            decision: Decision::RequireConfirm,
            matched_rule: None,
            reason: format!("the policy cannot be read ({error}), so a person has to confirm"),
        },
    }
}

fn by_bundles(bundles: &[CommandBundle], text: &str) -> Verdict {
    let off = Rules::parse(&settings::rules_of(bundles)).unwrap_or_default();
    match off.strictest(text).filter(|rule| rule.verb == Verb::Deny) {
        Some(rule) => Verdict {
            decision: Decision::Deny,
            matched_rule: None,
            reason: format!(
                "no policy is attached, and the settings switch off: {}",
                rule.text
            ),
        },
        None => Verdict {
            decision: Decision::Allow,
            matched_rule: None,
            reason: "no policy is attached, and the command bundles do not forbid it".to_owned(),
        },
    }
}

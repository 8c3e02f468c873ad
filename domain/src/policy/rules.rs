//! Reads policy text: one rule per line, `ALLOW: text`, `REQUIRE CONFIRM: text` or `DENY: text`.
//!
//! Blank lines are ignored. Verbs are upper case, so that nobody mistakes prose for a rule. Line ends
//! are `\n` or `\r\n`.

use std::fmt;

use super::words::Pattern;

/// Largest policy text, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most rules of one policy.
pub const MAX_RULES: usize = 1_000;

/// What a rule says about what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Go on.
    Allow,
    /// Ask a person first.
    RequireConfirm,
    /// Do not.
    Deny,
}

impl Verb {
    /// The verb as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::RequireConfirm => "REQUIRE CONFIRM",
            Self::Deny => "DENY",
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Line it stands on, from 1.
    pub line: u32,
    /// What it says.
    pub verb: Verb,
    /// What it is about, trimmed.
    pub text: String,
    pub(super) pattern: Pattern,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verb.name(), self.text)
    }
}

/// Why a policy text is not acceptable, and on which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub reason: ParseReason,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseReason {
    /// No known verb with a colon.
    #[error("a rule starts with ALLOW:, REQUIRE CONFIRM: or DENY:")]
    VerbMissing,
    /// Nothing after the colon.
    #[error("the rule does not say what it is about")]
    TextMissing,
    /// No word, phrase or `*` after the colon.
    #[error("the rule has no word to match")]
    NoWords,
    /// The whole text is longer than [`MAX_BYTES`] or has more than [`MAX_RULES`] rules.
    #[error("a policy has at most 65536 bytes and 1000 rules")]
    TooLong,
    /// A NUL character.
    #[error("the text holds a NUL character")]
    Unstorable,
    /// No rule at all.
    #[error("there is no rule")]
    Empty,
}

/// The rules of a policy, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads a policy text; an empty one has no rules. The first bad line is named.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(ParseError {
                line: 1,
                reason: ParseReason::TooLong,
            });
        }
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.split('\n')) {
            if line.trim().is_empty() {
                continue;
            }
            let rule = parse_line(number, line).map_err(|reason| ParseError { line: number, reason })?;
            rules.push(rule);
            if rules.len() > MAX_RULES {
                return Err(ParseError {
                    line: number,
                    reason: ParseReason::TooLong,
                });
            }
        }
        Ok(Self(rules))
    }

    /// Reads a policy text that must hold a rule.
    pub fn parse_some(text: &str) -> Result<Self, ParseError> {
        let rules = Self::parse(text)?;
        if rules.0.is_empty() {
            return Err(ParseError {
                line: 1,
                reason: ParseReason::Empty,
            });
        }
        Ok(rules)
    }

    /// The rules in the order of their lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn parse_line(number: u32, line: &str) -> Result<Rule, ParseReason> {
    if line.contains('\0') {
        return Err(ParseReason::Unstorable);
    }
    let (verb, text) = line.split_once(':').ok_or(ParseReason::VerbMissing)?;
    let verb: Vec<&str> = verb.split_whitespace().collect();
    let verb = match verb.as_slice() {
        ["ALLOW"] => Verb::Allow,
        ["REQUIRE", "CONFIRM"] => Verb::RequireConfirm,
        ["DENY"] => Verb::Deny,
        _ => return Err(ParseReason::VerbMissing),
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseReason::TextMissing);
    }
    let pattern = Pattern::of(text).ok_or(ParseReason::NoWords)?;
    Ok(Rule {
        line: number,
        verb,
        text: text.to_owned(),
        pattern,
    })
}

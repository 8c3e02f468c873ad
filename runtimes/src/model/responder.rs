//! What answers when no model provider is configured: no model, and it says so.
//!
//! It does a few small things honestly, and the same input always gives the same reply: it repeats what it
//! was asked, finds what was said before (in the conversation and in `MEMORY.md`), and counts words. It never
//! pretends to have done work.

use async_trait::async_trait;
use futures::{StreamExt, stream};
use reef_commands::ports::Usage;

use super::{
    CONFIGURE_HINT, ModelChunk, ModelClient, ModelError, ModelMessage, ModelRequest, ModelStream, Role,
};

/// What a reply of the local responder is marked with in place of a model's name.
pub const LOCAL_RESPONDER: &str = "local-responder";

/// As many earlier things are recalled at a time.
const RECALLED: usize = 8;

/// The local responder, for one agent at one moment.
#[derive(Debug, Clone)]
pub struct Responder {
    agent_name: String,
    memory: Vec<String>,
    /// What was done for the message, if anything was.
    done: Option<String>,
}

impl Responder {
    /// Answers for the agent of that name, which remembers these lines, oldest first.
    pub fn new(agent_name: impl Into<String>, memory: Vec<String>) -> Self {
        Self {
            agent_name: agent_name.into(),
            memory,
            done: None,
        }
    }

    /// Answers with what was done for the message already.
    #[must_use]
    pub fn having(self, done: impl Into<String>) -> Self {
        Self {
            done: Some(done.into()),
            ..self
        }
    }

    fn reply(&self, messages: &[ModelMessage]) -> String {
        let (said, earlier) = match messages.split_last() {
            Some((last, earlier)) => (last.content.trim(), earlier),
            None => ("", messages),
        };
        let answer = match self.done.clone().map_or_else(|| Wish::of(said), Wish::Done) {
            Wish::Done(done) => done,
            Wish::Help => HELP.to_owned(),
            Wish::Count(text) => count(text),
            Wish::Note(text) => format!(
                "Noted: \"{}\". It is kept in MEMORY.md; ask me to recall it.",
                clip(text)
            ),
            Wish::Recall(about) => self.recall(about, earlier),
            Wish::Nothing => format!(
                "You asked: \"{}\". Without a model I cannot do more with it.",
                clip(said)
            ),
        };
        format!(
            "This is Reef's local responder, speaking for {}: no model provider is configured, so no model has \
             read this.\n\n{answer}\n\n{CONFIGURE_HINT}",
            self.agent_name
        )
    }

    fn recall(&self, about: &str, earlier: &[ModelMessage]) -> String {
        let from_user = earlier.iter().filter(|message| message.role == Role::User);
        let said = matching(about, from_user.map(|message| message.content.as_str()));
        let known = matching(about, self.memory.iter().map(String::as_str));
        let mut parts = Vec::new();
        if !said.is_empty() {
            parts.push(format!(
                "Earlier in this conversation you said:\n{}",
                bullets(&said)
            ));
        }
        if !known.is_empty() {
            parts.push(format!("MEMORY.md says:\n{}", bullets(&known)));
        }
        if parts.is_empty() {
            parts
                .push("I find nothing about that, neither in this conversation nor in MEMORY.md.".to_owned());
        }
        parts.join("\n\n")
    }
}

#[async_trait]
impl ModelClient for Responder {
    fn name(&self) -> String {
        LOCAL_RESPONDER.to_owned()
    }

    fn is_model(&self) -> bool {
        false
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let reply = self.reply(&request.messages);
        let words: Vec<String> = reply.split_inclusive(' ').map(str::to_owned).collect();
        // No model was used, so no tokens were.
        let end = stream::iter([Ok(ModelChunk::Done(Usage::default()))]);
        Ok(stream::iter(words)
            .map(|word| Ok(ModelChunk::Delta(word)))
            .chain(end)
            .boxed())
    }
}

const HELP: &str = "What I can do without a model:\n\
- \"remember that ...\": keep it in MEMORY.md\n\
- \"recall\" or \"what do you remember about ...\": find it again, also after a restart\n\
- \"schedule NAME every 5 minutes: ...\": be told it then; also \"in 1 hour\", \"at TIME\" or \
  \"on 0 9 * * * in Europe/Berlin\"\n\
- \"unschedule NAME\", \"list jobs\": tidy up again\n\
- \"count words: ...\": count words, characters and lines\n\
- anything else: repeat it";

/// What a message asks of the responder.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    /// It was done before anybody was asked.
    Done(String),
    Help,
    Count(&'a str),
    Note(&'a str),
    /// What it should be about; empty: anything.
    Recall(&'a str),
    Nothing,
}

impl<'a> Wish<'a> {
    fn of(said: &'a str) -> Self {
        if said.eq_ignore_ascii_case("help") || said.eq_ignore_ascii_case("what can you do?") {
            return Self::Help;
        }
        if let Some(text) = after(said, &["count words in", "count the words in", "count words"]) {
            return Self::Count(text);
        }
        if let Some(text) = after(
            said,
            &[
                "please remember that",
                "remember that",
                "remember:",
                "note that",
                "note:",
            ],
        ) {
            return Self::Note(text);
        }
        let about = [
            "what do you remember about",
            "do you remember",
            "recall",
            "what did i say about",
        ];
        if let Some(text) = after(said, &about) {
            return Self::Recall(text);
        }
        match after(
            said,
            &["what do you remember", "what did i say", "what did i tell you"],
        ) {
            Some(_) => Self::Recall(""),
            None => Self::Nothing,
        }
    }
}

/// What follows the first of these openings that `said` begins with, as whole words and in any case.
fn after<'a>(said: &'a str, openings: &[&str]) -> Option<&'a str> {
    openings.iter().find_map(|opening| {
        let head = said.get(..opening.len())?;
        let rest = &said[opening.len()..];
        let whole_word = !rest.starts_with(char::is_alphanumeric);
        (head.eq_ignore_ascii_case(opening) && whole_word)
            .then(|| rest.trim_matches(|c: char| c.is_whitespace() || ":?.!\"".contains(c)))
    })
}

fn count(text: &str) -> String {
    let (words, characters) = (text.split_whitespace().count(), text.chars().count());
    let plural = |count: usize, one: &str| {
        if count == 1 {
            format!("1 {one}")
        } else {
            format!("{count} {one}s")
        }
    };
    format!(
        "That is {}, {} and {}.",
        plural(words, "word"),
        plural(characters, "character"),
        plural(text.lines().count(), "line")
    )
}

/// The newest of `lines` that share a word of four or more letters with `about`; all of them if it has none.
fn matching<'a>(about: &str, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 3);
        words.map(str::to_lowercase).collect()
    };
    let wanted = words(about);
    let relevant = |line: &&str| wanted.is_empty() || words(line).iter().any(|word| wanted.contains(word));
    let found: Vec<String> = lines.filter(relevant).map(clip).collect();
    found[found.len().saturating_sub(RECALLED)..].to_vec()
}

fn bullets(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("- {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// On one line, at most 400 characters.
fn clip(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;

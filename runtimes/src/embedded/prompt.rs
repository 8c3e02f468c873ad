//! What a model is told about the agent it is to be.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reef_commands::ports::{AgentBundle, ChatTurn, InstalledSkill};
use reef_domain::skill::files::SKILL_MD;

use crate::model::{ModelMessage, ModelRequest, Role};

/// Files that make up who the agent is and what it knows, in this order.
const FILES: [&str; 5] = [
    "SOUL.md",
    "IDENTITY.md",
    "AGENTS.md",
    "TOOLS.md",
    super::memory::PATH,
];
/// Of each of them, so many bytes are shown.
const FILE_BYTES: usize = 32 * 1024;
/// Of all installed skills together, so many bytes are shown.
const SKILLS_BYTES: usize = 96 * 1024;
/// Of earlier messages, the newest within so many bytes are shown.
const HISTORY_BYTES: usize = 96 * 1024;

/// The agent's workspace files by path.
pub(super) type Files = BTreeMap<String, String>;

/// On what terms a model is asked.
pub(super) struct Terms {
    pub(super) now: DateTime<Utc>,
    pub(super) max_tokens: u32,
    /// Whether what answers has tools of its own.
    pub(super) has_tools: bool,
    pub(super) session: Option<String>,
}

/// A message in a conversation.
pub(super) fn chat(
    bundle: &AgentBundle,
    files: &Files,
    history: &[ChatTurn],
    message: &str,
    terms: Terms,
) -> ModelRequest {
    let mut messages = recent(history);
    messages.push(user(message));
    ModelRequest {
        system: system(bundle, files, &terms),
        messages,
        max_tokens: terms.max_tokens,
        session: terms.session,
    }
}

/// A task.
pub(super) fn task(bundle: &AgentBundle, files: &Files, description: &str, terms: Terms) -> ModelRequest {
    let mut system = system(bundle, files, &terms);
    system.push_str("\n\nThe user message is a task. Answer with its result. Say so if you cannot do it.");
    ModelRequest {
        system,
        messages: vec![user(description)],
        max_tokens: terms.max_tokens,
        session: terms.session,
    }
}

fn user(content: &str) -> ModelMessage {
    ModelMessage {
        role: Role::User,
        content: content.to_owned(),
    }
}

/// The newest messages that fit, beginning with one of the user's, as providers want it.
fn recent(history: &[ChatTurn]) -> Vec<ModelMessage> {
    let mut room = HISTORY_BYTES;
    let spoken = history
        .iter()
        .rev()
        .filter(|turn| !turn.content.trim().is_empty());
    let mut messages: Vec<ModelMessage> = spoken
        .map_while(|turn| {
            room = room.checked_sub(turn.content.len())?;
            let role = if turn.from_agent {
                Role::Assistant
            } else {
                Role::User
            };
            Some(ModelMessage {
                role,
                content: turn.content.clone(),
            })
        })
        .collect();
    messages.reverse();
    let first = messages
        .iter()
        .position(|message| message.role == Role::User)
        .unwrap_or(messages.len());
    messages.split_off(first)
}

fn system(bundle: &AgentBundle, files: &Files, terms: &Terms) -> String {
    let mut who = format!(
        "You are {}, an agent. It is {}.",
        on_one_line(&bundle.name),
        terms.now.format("%Y-%m-%d %H:%M UTC")
    );
    if !terms.has_tools {
        who.push_str(
            " You write text: you have no browser, no shell and no other tools here, so never claim to have used one.",
        );
    }
    let mut parts = vec![who];
    if !bundle.skills.is_empty() {
        parts.push(format!("Your skills: {}.", bundle.skills.join(", ")));
    }
    if !bundle.installed_skills.is_empty() {
        parts.push(skills(&bundle.installed_skills));
    }
    if !bundle.command_bundles.is_empty() {
        parts.push(format!(
            "Command bundles your owner enabled: {}.",
            bundle.command_bundles.join(", ")
        ));
    }
    if let Some(rules) = &bundle.policy_rules {
        parts.push(format!(
            "Your owner's policy. Do nothing it denies:\n{}",
            clip(rules)
        ));
    }
    for path in FILES {
        if let Some(content) = files.get(path).filter(|content| !content.trim().is_empty()) {
            parts.push(format!(
                "<file path=\"{path}\">\n{}\n</file>",
                clip(content).trim_end()
            ));
        }
    }
    let others: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|path| !FILES.contains(path))
        .collect();
    if !others.is_empty() {
        parts.push(format!("Other files in your workspace: {}.", others.join(", ")));
    }
    parts.join("\n\n")
}

/// What each installed skill says of itself. Its other files are named: nothing here runs them.
fn skills(installed: &[InstalledSkill]) -> String {
    let mut text =
        "Skills that are installed for you. Follow what a skill says when it fits what is asked; where it \
                    needs a tool that you do not have, say so."
            .to_owned();
    let mut room = SKILLS_BYTES;
    for skill in installed {
        let about = skill.description.as_deref().map(on_one_line).unwrap_or_default();
        let md = skill.files.get(SKILL_MD).map_or("", |md| clip(md).trim_end());
        let others: Vec<&str> = skill
            .files
            .keys()
            .map(String::as_str)
            .filter(|path| *path != SKILL_MD)
            .collect();
        let shown = &md[..md.floor_char_boundary(room)];
        room -= shown.len();
        text.extend(["\n<skill name=\"", skill.name.as_str(), "\">\n"]);
        for line in [about.as_str(), shown] {
            if !line.is_empty() {
                text.push_str(line);
                text.push('\n');
            }
        }
        if !others.is_empty() {
            text.extend(["Its other files: ", others.join(", ").as_str(), ".\n"]);
        }
        text.push_str("</skill>");
    }
    text
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(FILE_BYTES)]
}

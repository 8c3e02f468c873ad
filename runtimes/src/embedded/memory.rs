//! `MEMORY.md`: what an agent remembers beyond a conversation, one dated line per reply.

use chrono::{DateTime, Utc};

/// Where it is in the workspace.
pub(super) const PATH: &str = "MEMORY.md";
/// As large as it may be; the oldest lines go first.
pub(super) const MAX_BYTES: usize = 32 * 1024;
/// What Reef adds comes below this line; what stands above is the agent's or its template's.
const HEADING: &str = "## Remembered";
/// Of what was said, so many characters are kept.
const CLIP: usize = 300;

/// What is worth a line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Remembered<'a> {
    /// A message and the reply to it.
    Chat {
        said: &'a str,
        answered: Option<&'a str>,
    },
    /// A task and its result.
    Task {
        description: &'a str,
        result: Option<&'a str>,
    },
}

/// The memory with one line more.
pub(super) fn with_line(memory: &str, at: DateTime<Utc>, remembered: Remembered<'_>) -> String {
    let line = line(at, remembered);
    let (own, kept) = match memory.split_once(HEADING) {
        Some((own, kept)) => (own.trim_end(), kept.trim()),
        None => (memory.trim_end(), ""),
    };
    let mut kept: Vec<&str> = kept.lines().collect();
    kept.push(&line);
    let mut own: Vec<&str> = own.lines().collect();
    let size = |lines: &[&str]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
    let room = MAX_BYTES - HEADING.len() - 8;
    let excess = (size(&own) + size(&kept)).saturating_sub(room);
    let excess = excess.saturating_sub(drop_oldest(&mut kept, excess, 1));
    drop_oldest(&mut own, excess, 0);
    let (own, kept) = (own.join("\n"), kept.join("\n"));
    if own.is_empty() {
        format!("{HEADING}\n\n{kept}\n")
    } else {
        format!("{own}\n\n{HEADING}\n\n{kept}\n")
    }
}

/// The remembered lines and whatever else the file says, without headings, oldest first.
pub(super) fn lines(memory: &str) -> Vec<String> {
    let lines = memory.lines().map(|line| line.trim().trim_start_matches("- "));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Drops lines from the front until `excess` bytes are gone or `least` lines are left; how many bytes went.
fn drop_oldest(lines: &mut Vec<&str>, excess: usize, least: usize) -> usize {
    let (mut gone, mut count) = (0, 0);
    while gone < excess && lines.len() - count > least {
        gone += lines[count].len() + 1;
        count += 1;
    }
    lines.drain(..count);
    gone
}

fn line(at: DateTime<Utc>, remembered: Remembered<'_>) -> String {
    let at = at.format("%Y-%m-%d %H:%M UTC");
    let (did, text, then, end) = match remembered {
        Remembered::Chat { said, answered } => ("they said", said, "I answered", answered),
        Remembered::Task { description, result } => ("task", description, "result", result),
    };
    match end {
        Some(end) => format!("- {at}: {did} \"{}\"; {then} \"{}\"", clip(text), clip(end)),
        None => format!("- {at}: {did} \"{}\"", clip(text)),
    }
}

/// On one line, at most 300 characters. A heading of ours inside would cut the file in two.
fn clip(text: &str) -> String {
    let line = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(HEADING, "Remembered");
    match line.char_indices().nth(CLIP) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

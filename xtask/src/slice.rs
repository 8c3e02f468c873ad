//! `cargo xtask slice NOUN`: the files of a new noun in every room, from templates that compile and whose tests
//! pass, and the lines that make them known.
//!
//! The templates in `xtask/templates` are a noun called `widget`, in Rust that can be read as it stands.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// Template, and where it goes.
const FILES: &[(&str, &str)] = &[
    (
        include_str!("../templates/domain/widget.rs"),
        "domain/src/widget.rs",
    ),
    (
        include_str!("../templates/domain/tests.rs"),
        "domain/src/widget/tests.rs",
    ),
    (
        include_str!("../templates/projections/widget.rs"),
        "projections/src/views/widget.rs",
    ),
    (
        include_str!("../templates/commands/widget.rs"),
        "commands/src/widget.rs",
    ),
];

/// A line that makes the noun known, in a list that is closed by the first `end` after `start`.
struct Entry {
    file: &'static str,
    start: &'static str,
    end: &'static str,
    line: &'static str,
}

const ENTRIES: &[Entry] = &[
    Entry {
        file: "domain/src/ids.rs",
        start: "\nids! {\n",
        end: "\n}",
        line: "\n    /// Of a widget.\n    WidgetId,",
    },
    Entry {
        file: "domain/src/event.rs",
        start: "\nany_event! {\n",
        end: "\n}",
        line: "\n    /// Of a widget.\n    Widget => crate::widget::Widget,",
    },
    Entry {
        file: "domain/src/event.rs",
        start: "$then! {",
        end: "\n        }",
        line: ",\n            $crate::widget::Widget",
    },
    Entry {
        file: "domain/fixtures/events.json",
        start: "[",
        end: "\n]",
        line: include_str!("../templates/domain/fixtures.json"),
    },
    Entry {
        file: "projections/src/views/tests/log.rs",
        start: "fn stream_of",
        end: "\n    }",
        line: "\n        AnyEvent::Widget(_) => \"widget_1a2b3c4d\",",
    },
    Entry {
        file: "commands/src/catalogue.rs",
        start: "const NOUNS: &[&[CommandSpec]] = &[",
        end: "\n];",
        line: "\n    crate::widget::COMMANDS,",
    },
];

/// Places that match every event on purpose: a new noun is met by each, and does nothing there at first.
const MATCHES: &[&str] = &[
    "commands/src/managers/metering.rs",
    "commands/src/managers/provisioning.rs",
    "commands/src/managers/tasks.rs",
];
const IGNORED: Entry = Entry {
    file: "",
    start: "| AnyEvent::Template(_)",
    end: " =>",
    line: "\n            | AnyEvent::Widget(_)",
};

/// Files whose list of public modules takes the noun.
const MODULES: &[&str] = &[
    "domain/src/lib.rs",
    "projections/src/views.rs",
    "commands/src/lib.rs",
];

/// Makes the noun's files; refuses to touch any that exist.
pub(crate) fn run(noun: &str) -> Result<()> {
    ensure!(
        noun.starts_with(|first: char| first.is_ascii_lowercase())
            && noun
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_'),
        "{noun}: a noun is singular snake_case, such as `swarm` or `knowledge_base`"
    );
    let noun = Noun::new(noun);
    let root = shell::root();
    if let Some((_, taken)) = FILES
        .iter()
        .find(|(_, path)| root.join(noun.named(path)).exists())
    {
        bail!("{} is already there", noun.named(taken));
    }
    for (template, path) in FILES {
        let path = noun.named(path);
        let file = root.join(&path);
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(file, noun.applied_to(template))?;
        eprintln!("    made    {path}");
    }
    for file in MODULES {
        change(&root, file, |text| with_module(text, &noun.snake))?;
    }
    for entry in ENTRIES {
        change(&root, entry.file, |text| with_entry(text, entry, &noun))?;
    }
    change(&root, "projections/src/views.rs", |text| with_view(text, &noun))?;
    for file in MATCHES {
        change(&root, file, |text| with_entry(text, &IGNORED, &noun))?;
    }
    shell::run("format", shell::cargo().args(["fmt", "--all"]))?;
    eprintln!("    next: say what the noun is, then its commands and events; `cargo xtask verify`");
    Ok(())
}

fn change(root: &Path, file: &str, edit: impl FnOnce(&str) -> Option<String>) -> Result<()> {
    let path = root.join(file);
    let text = fs::read_to_string(&path).with_context(|| file.to_owned())?;
    let changed = edit(&text).with_context(|| format!("{file} has no list where the noun belongs"))?;
    fs::write(path, changed)?;
    eprintln!("    changed {file}");
    Ok(())
}

fn with_entry(text: &str, entry: &Entry, noun: &Noun) -> Option<String> {
    let start = text.find(entry.start)? + entry.start.len();
    // Lists may be empty, with their end on the same line.
    let end = text[start..].find(entry.end).map(|end| start + end)?;
    Some(format!(
        "{}{}{}",
        &text[..end],
        noun.applied_to(entry.line),
        &text[end..]
    ))
}

/// Keeps the modules in the order of the alphabet.
fn with_module(text: &str, module: &str) -> Option<String> {
    let name_of = |line: &str| {
        line.strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(';'))
            .map(str::to_owned)
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| name_of(line).is_some())?;
    let mut at = lines
        .iter()
        .position(|line| name_of(line).is_some_and(|name| *name > *module))
        .unwrap_or(last + 1);
    // An attribute belongs to the module below it.
    while at > 0 && lines[at - 1].starts_with("#[") {
        at -= 1;
    }
    let declared = format!("pub mod {module};");
    lines.insert(at, &declared);
    Some(lines.join("\n") + "\n")
}

/// Keeps the views in order of name.
fn with_view(text: &str, noun: &Noun) -> Option<String> {
    let type_of = |line: &str| {
        let inside = line.trim().strip_prefix("view::<")?.strip_suffix(">(),")?;
        inside.rsplit("::").next().map(str::to_owned)
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| type_of(line).is_some())?;
    let at = lines
        .iter()
        .position(|line| type_of(line).is_some_and(|name| name > noun.plural_camel));
    let view = noun.applied_to("        view::<widget::Widgets>(),");
    lines.insert(at.unwrap_or(last + 1), &view);
    Some(lines.join("\n") + "\n")
}

/// A noun in the forms that code needs.
struct Noun {
    snake: String,
    camel: String,
    words: String,
    plural_snake: String,
    plural_camel: String,
    plural_words: String,
}

impl Noun {
    fn new(snake: &str) -> Self {
        let plural_snake = plural(snake);
        Self {
            camel: camel(snake),
            words: snake.replace('_', " "),
            plural_camel: camel(&plural_snake),
            plural_words: plural_snake.replace('_', " "),
            snake: snake.to_owned(),
            plural_snake,
        }
    }

    fn named(&self, path: &str) -> String {
        path.replace("widget", &self.snake)
    }

    /// Comments and texts for people get words, everything else names.
    fn applied_to(&self, template: &str) -> String {
        let lines = template.split_inclusive('\n').map(|line| {
            let trimmed = line.trim_start();
            let for_people = trimmed.starts_with("//") || trimmed.starts_with("#[error");
            let (one, many) = if for_people {
                (&self.words, &self.plural_words)
            } else {
                (&self.snake, &self.plural_snake)
            };
            line.replace("Widgets", &self.plural_camel)
                .replace("Widget", &self.camel)
                .replace("widgets", many)
                .replace("widget", one)
        });
        lines.collect()
    }
}

fn camel(snake: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    snake.split('_').map(capital).collect()
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests;

//! Tidiness as a test: what `docs/ARCHITECTURE.md` promises of every file and no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
};

const LONGEST: usize = 500;

/// Files that are longer, each with the reason why they are not cut.
const LONG: &[(&str, &str)] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_path_buf()
}

/// Every file of the project with its path from the root; what is built or stored locally is left out.
fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("names are UTF-8")
                .to_owned();
            if ["target", ".git", "node_modules", "reef-data", "results"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let shown = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .display()
                    .to_string();
                found.push((shown, path));
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the project was not found");
    found
}

/// Rust files with their text.
fn sources() -> Vec<(String, String)> {
    let rust = files().into_iter().filter(|(name, _)| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "rs")
    });
    rust.map(|(name, path)| (name, fs::read_to_string(path).expect("sources are UTF-8")))
        .collect()
}

fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

#[test]
fn no_file_hides_its_subject_behind_its_name() {
    let vague = [
        "mod.rs",
        "utils.rs",
        "util.rs",
        "helpers.rs",
        "helper.rs",
        "common.rs",
        "misc.rs",
        "utils",
        "helpers",
    ];
    let named = |name: &str| name.split('/').any(|part| vague.contains(&part));
    let wrong: Vec<_> = files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| named(name))
        .collect();
    assert_none("files whose name says nothing", &wrong);
}

#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        let excused = LONG.iter().any(|(long, _)| *long == name);
        if lines > LONGEST && !excused {
            wrong.push(format!("{name}: {lines} lines"));
        }
        if lines <= LONGEST && excused {
            wrong.push(format!("{name}: short by now, take it off the list"));
        }
    }
    assert_none("files over 500 lines", &wrong);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here so that this file does not find itself.
    let marks = [
        concat!("to", "do!("),
        concat!("un", "implemented!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
        concat!("#[ig", "nore"),
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("unfinished marks and ignored tests", &wrong);
}

#[test]
fn every_source_file_opens_with_its_purpose() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(name, text)| !name.ends_with("/tests.rs") && !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert_none("files without a `//!` line", &wrong);
}

#[test]
fn every_exception_to_a_lint_gives_its_reason() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for opening in [
            concat!("#[al", "low("),
            concat!("#![al", "low("),
            concat!("#[ex", "pect("),
            concat!("#![ex", "pect("),
        ] {
            for (at, _) in text.match_indices(opening) {
                let attribute = text[at..].split_once(")]").map_or("", |(attribute, _)| attribute);
                if !attribute.contains("reason = ") {
                    wrong.push(format!(
                        "{name}:{}: {attribute})]",
                        text[..at].lines().count() + 1
                    ));
                }
            }
        }
    }
    assert_none("lints switched off without a reason", &wrong);
}

/// Manifests with a lint table of their own, each with the reason.
const OWN_LINTS: &[(&str, &str)] = &[(
    "cli/Cargo.toml",
    "it prints, and its targets are the black-box suites too",
)];

#[test]
fn every_crate_keeps_the_lint_table() {
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|(name, _)| name.ends_with("/Cargo.toml") && !name.starts_with("benches/baselines/"))
        .filter(|(name, _)| !OWN_LINTS.iter().any(|(own, _)| own == name))
        .filter(|(_, path)| {
            let text = fs::read_to_string(path).expect("manifests are UTF-8");
            !text.contains("[lints]\nworkspace = true")
        })
        .map(|(name, _)| name)
        .collect();
    assert_none("manifests without the workspace's lints", &wrong);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let homes = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
    ];
    let mut wrong = Vec::new();
    for (name, path) in files() {
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if homes.iter().any(|home| line.contains(home)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("paths of somebody's machine", &wrong);
}

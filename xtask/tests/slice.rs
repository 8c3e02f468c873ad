//! A new noun compiles and passes its specs as it comes.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at the first thing that is not there"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the pure rooms and the write side need to be built.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "rustfmt.toml",
    "domain",
    "projections",
    "commands",
    "tests",
];

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// A copy of those rooms below the target folder, as a workspace of their own.
fn house() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let copied = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slice");
    fs::remove_dir_all(&copied).ok();
    fs::create_dir_all(&copied).unwrap();
    for part in COPIED {
        copy(&root.join(part), &copied.join(part));
    }
    let manifest = fs::read_to_string(copied.join("Cargo.toml")).unwrap();
    let lines = manifest.lines().map(|line| match line.split(" = ").next() {
        Some("members") => r#"members = ["domain", "projections", "commands"]"#,
        Some("default-members") => "",
        // Of another version, or its crates would be taken for ours by the next build in this target folder.
        Some("version") => r#"version = "0.0.0-slice""#,
        _ => line,
    });
    fs::write(copied.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    // Where the program looks for the workspace.
    fs::create_dir_all(copied.join("xtask")).unwrap();
    copied
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}");
    said
}

#[test]
fn a_new_noun_compiles_and_passes_its_specs() {
    let house = house();
    // Shared with the other tests: dependencies are built already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_path_buf();
    let slice = |noun: &str| {
        let mut slice = Command::new(env!("CARGO_BIN_EXE_xtask"));
        slice
            .args(["slice", noun])
            .env("CARGO_MANIFEST_DIR", house.join("xtask"));
        slice
    };
    succeeds(&mut slice("knowledge_base"));
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(&house)
            .env("CARGO_TARGET_DIR", &target)
            .args(arguments);
        succeeds(&mut cargo)
    };
    let said = cargo(&[
        "test",
        "--offline",
        "-p",
        "reef-domain",
        "-p",
        "reef-projections",
        "--lib",
        "--test",
        "fixtures",
    ]);
    assert!(
        said.contains("knowledge_base::tests::it_is_made_once ... ok"),
        "its specs did not run:\n{said}"
    );
    cargo(&["check", "--offline", "--workspace"]);
    cargo(&["fmt", "--all", "--check"]);

    let again = slice("knowledge_base").output().unwrap();
    assert!(!again.status.success(), "an existing noun was written over");
}

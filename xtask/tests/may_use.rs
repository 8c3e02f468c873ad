//! The architecture as a test: which crate may name which.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Edges inside the workspace: crate, what it may use, what only its tests may use besides.
const MAY_USE: &[(&str, &[&str], &[&str])] = &[
    ("reef-domain", &[], &[]),
    ("reef-projections", &["reef-domain"], &[]),
    ("reef-commands", &["reef-domain", "reef-projections"], &[]),
    (
        "reef-store",
        &["reef-commands", "reef-domain", "reef-projections"],
        &[],
    ),
    (
        "reef-runtimes",
        &["reef-commands", "reef-domain", "reef-projections"],
        &["reef-store"],
    ),
    (
        "reef-gateways",
        &["reef-commands", "reef-domain"],
        &["reef-projections", "reef-store"],
    ),
    (
        "reef-api",
        &["reef-commands", "reef-domain", "reef-projections"],
        &["reef-gateways", "reef-runtimes", "reef-store"],
    ),
    (
        "reef-cli",
        &[
            "reef-api",
            "reef-commands",
            "reef-domain",
            "reef-gateways",
            "reef-projections",
            "reef-runtimes",
            "reef-store",
        ],
        &[],
    ),
    (
        "reef-benches",
        &[
            "reef-cli",
            "reef-api",
            "reef-commands",
            "reef-domain",
            "reef-projections",
            "reef-runtimes",
            "reef-store",
        ],
        &[],
    ),
    ("xtask", &[], &[]),
];

/// Libraries that stay in their corner: library, the crates that may name it. Tests are free, but for SQL.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["reef-store"]),
    ("rusqlite", &["reef-store"]),
    (
        "reqwest",
        &["reef-runtimes", "reef-gateways", "reef-cli", "reef-benches"],
    ),
    ("jsonwebtoken", &["reef-gateways"]),
    ("aws-credential-types", &["reef-runtimes"]),
    ("aws-sigv4", &["reef-runtimes"]),
    ("quick-xml", &["reef-runtimes"]),
    ("axum", &["reef-api", "reef-benches"]),
    ("hyper", &["reef-api", "reef-benches"]),
    ("tower-http", &["reef-api"]),
    ("ssh-key", &["reef-commands"]),
    ("clap", &["reef-cli", "reef-benches", "xtask"]),
    ("anyhow", &["reef-cli", "reef-benches", "xtask"]),
];

/// The pure crates name these and nothing else.
const PURE: &[&str] = &["reef-domain", "reef-projections"];
const PURE_MAY_USE: &[&str] = &[
    "chrono",
    "reef-domain",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
    "unicode-normalization",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo metadata answers")
}

fn named(package: &Package, kinds: &[DependencyKind]) -> BTreeSet<String> {
    let wanted = package
        .dependencies
        .iter()
        .filter(|dependency| kinds.contains(&dependency.kind));
    wanted.map(|dependency| dependency.name.clone()).collect()
}

const SHIPPED: &[DependencyKind] = &[DependencyKind::Normal, DependencyKind::Build];
const TESTS: &[DependencyKind] = &[DependencyKind::Development];

#[test]
fn every_crate_names_only_the_crates_below_it() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some((_, may, tests_may)) = MAY_USE.iter().find(|(name, ..)| *name == package.name.as_str())
        else {
            wrong.push(format!("{} is not in MAY_USE", package.name));
            continue;
        };
        for used in named(package, SHIPPED).intersection(&ours) {
            if !may.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", package.name));
            }
        }
        for used in named(package, TESTS).intersection(&ours) {
            let itself = used == package.name.as_str();
            if !itself && !may.contains(&used.as_str()) && !tests_may.contains(&used.as_str()) {
                wrong.push(format!("tests of {} use {used}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that MAY_USE does not have: {wrong:#?}");
}

#[test]
fn libraries_stay_in_their_corner() {
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        let shipped = named(package, SHIPPED);
        for (library, crates) in ONLY_IN {
            if shipped.contains(*library) && !crates.contains(&package.name.as_str()) {
                wrong.push(format!("{} uses {library}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their crate: {wrong:#?}");
}

#[test]
fn sql_is_spoken_in_the_store_alone_even_by_tests() {
    for package in metadata().workspace_packages() {
        if package.name.as_str() == "reef-store" {
            continue;
        }
        let all = named(package, &[SHIPPED, TESTS].concat());
        for driver in ["sqlx", "rusqlite", "tokio-postgres", "postgres", "diesel"] {
            assert!(!all.contains(driver), "{} names {driver}", package.name);
        }
    }
}

#[test]
fn the_pure_crates_name_nothing_that_could_do_io() {
    for package in metadata().workspace_packages() {
        if !PURE.contains(&package.name.as_str()) {
            continue;
        }
        for used in named(package, SHIPPED) {
            assert!(
                PURE_MAY_USE.contains(&used.as_str()),
                "{} names {used}",
                package.name
            );
        }
    }
}

#[test]
fn every_crate_of_the_table_exists() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let table: BTreeSet<_> = MAY_USE.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(table, ours);
}

//! What the README shows to clients of Thermidora, run as it stands there, by a shell, on a fresh server.

use std::{path::Path, process::Stdio};

use crate::harness::{Database, LONG, Log, Server, binary, left_out, on_both_databases};

on_both_databases!(the_readme_works_as_it_stands);

/// The commands of a section of the README.
fn commands(section: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("the README is there");
    let (_, after) = readme
        .split_once(&format!("\n## {section}\n"))
        .expect("it has the section");
    let section = after.split_once("\n## ").map_or(after, |(section, _)| section);
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default())
        .collect()
}

async fn the_readme_works_as_it_stands(database: Database) {
    let present = |tool: &str| {
        let found = std::process::Command::new(tool).arg("--version").output();
        found.is_ok_and(|output| output.status.success())
    };
    if !["bash", "curl", "jq"].into_iter().all(present) {
        return left_out(
            "the commands of the README",
            "bash, curl and jq are not all there",
        );
    }
    let server = Server::start(&database).await;
    let script = commands("For clients of Thermidora")
        .replace("http://127.0.0.1:8080", &server.base())
        // Names may not be resolved where tests run.
        .replace("https://example.com/", "https://93.184.216.34/")
        // A failure that curl is told in an answer must not look like success.
        .replace("curl -s", "curl --noproxy '*' --fail-with-body -s")
        .replace("cargo run --release --", &format!("{}", binary().display()));
    let surroundings = server.surroundings();
    let variables = surroundings
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut shell = std::process::Command::new("bash");
    shell.env_clear().envs(variables);
    shell
        .args(["-euo", "pipefail", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = tokio::process::Command::from(shell).kill_on_drop(true).output();
    let output = tokio::time::timeout(LONG, run)
        .await
        .expect("it ends")
        .expect("bash starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}\n{complaint}");
    for expected in [
        "\"balanceUsd\":20",
        "\"secret\": \"whsec_",
        "\"id\": \"support-bot\"",
        "chat.completion.chunk",
        "data: [DONE]",
        "\"source\": \"agent\"",
    ] {
        assert!(said.contains(expected), "no {expected} in:\n{said}");
    }
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("InviteCodeRedeemed").count(), 1);
}

//! The operator's commands, run as a person runs them.

use std::{path::Path, process::Stdio};

use serde_json::Value;

use super::{Server, wait::LONG};

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Server {
    /// Runs `reef <words>` beside this server.
    pub(crate) async fn reef(&self, words: &[&str]) -> Ended {
        run(self.surroundings(), words).await
    }

    /// Runs `reef <words>` with these variables changed.
    pub(crate) async fn reef_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Ended {
        let mut command = self.surroundings();
        command.envs(variables.iter().copied());
        run(command, words).await
    }
}

async fn run(mut command: std::process::Command, words: &[&str]) -> Ended {
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let output = tokio::time::timeout(LONG, command.kill_on_drop(true).output()).await;
    let output = output
        .unwrap_or_else(|_| panic!("reef {words:?} does not end"))
        .expect("the reef binary starts");
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ended {
    /// What it printed, if it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// The one JSON document it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Its first line.
    pub(crate) fn first_line(&self) -> &str {
        self.out.lines().next().unwrap_or("").trim()
    }
}

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are UTF-8")
}

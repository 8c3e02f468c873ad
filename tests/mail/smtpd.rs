//! A mail server as other people write it: aiosmtpd (PyPI), a process of its own, killed when it is dropped.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::harness::{LONG, left_out, wait_until};

/// A running server.
pub(crate) struct Smtpd {
    child: Child,
    port: u16,
    folder: PathBuf,
    letters: Arc<Mutex<Vec<Value>>>,
}

impl Smtpd {
    /// `None`, said aloud, where it is not installed.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let Ok(python) = std::env::var("REEF_TEST_PYTHON") else {
            left_out("mail to aiosmtpd (PyPI)", "REEF_TEST_PYTHON is not set");
            return None;
        };
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/mail/smtpd.py");
        let mut child = Command::new(python)
            .arg(program)
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python of the peers starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let port = lines.next().expect("it says its port").expect("a text");
        let letters: Arc<Mutex<Vec<Value>>> = Arc::default();
        let shown = Arc::clone(&letters);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let letter = serde_json::from_str(&line).expect("a letter");
                shown.lock().expect("nobody panics").push(letter);
            }
        });
        Some(Self {
            child,
            port: port.parse().expect("a port"),
            folder: folder.to_owned(),
            letters,
        })
    }

    /// Where it is, for somebody who knows the password.
    pub(crate) fn url(&self, password: &str) -> String {
        format!("smtp://ada:{password}@localhost:{}", self.port)
    }

    /// The certificate of its authority.
    pub(crate) fn ca_file(&self) -> String {
        self.folder.join("ca.pem").display().to_string()
    }

    /// The letters so far.
    pub(crate) fn letters(&self) -> Vec<Value> {
        self.letters.lock().expect("nobody panics").clone()
    }

    /// The letter of that number, from 0, when it has come.
    pub(crate) async fn letter(&self, number: usize) -> Value {
        wait_until("a letter comes", LONG, async || {
            self.letters().get(number).cloned()
        })
        .await
    }
}

impl Drop for Smtpd {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

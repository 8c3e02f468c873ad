//! AWS as moto (PyPI) simulates it: a process of its own on the loopback, killed when it is dropped.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Python takes its time on two cores.
const PATIENCE: Duration = Duration::from_mins(1);
const PROGRAM: &str = "import sys; from moto.server import main; main(sys.argv[1:])";

/// A running moto.
pub(crate) struct Moto {
    child: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts it with the Python that `cargo xtask test` names; `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let python = std::env::var("REEF_TEST_PYTHON").ok()?;
        for _ in 0..5 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
            let address = listener.local_addr().expect("a bound port is known");
            drop(listener);
            let child = Command::new(&python)
                .args([
                    "-c",
                    PROGRAM,
                    "-H",
                    "127.0.0.1",
                    "-p",
                    &address.port().to_string(),
                ])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the Python of the peers starts");
            let mut moto = Self { child, address };
            if moto.answers() {
                return Some(moto);
            }
        }
        panic!("moto does not start");
    }

    /// Whether it listens; `false`: it ended, since somebody else took the port.
    fn answers(&mut self) -> bool {
        let started = Instant::now();
        while self.child.try_wait().expect("a child can be asked").is_none() {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "moto does not listen within {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// `http://127.0.0.1:<port>/`, for every service.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

//! Orders to an instance: a small program and what it is to do, sent as one shell script through SSM and
//! watched to its end.
//!
//! No secret is in a script: SSM keeps scripts for a month and shows them to whoever may list commands. An
//! order that is too long for one script is sent ahead in pieces.

use std::{fmt::Write as _, io::Read as _, io::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reef_commands::ports::DriverError;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    config::{Ec2Config, Patience},
    error::AwsError,
    ssm::{Invocation, OUTPUT_CHARS, Ssm},
};

/// What runs there.
const PROGRAM: &str = include_str!("node.py");
/// Characters of an order that go into one script; SSM takes about 64 KiB in all.
const PIECE_CHARS: usize = 36_000;
/// An order is not longer than that many pieces.
const MAX_PIECES: usize = 64;
/// Exit code of what may work later, as in `sysexits.h`.
const LATER: i64 = 75;
/// Most bytes an instance's answer unpacks to.
const MAX_RESULT_BYTES: u64 = 4 * 1024 * 1024;
/// Looks at a command become no rarer than that.
const SLOWEST_LOOK: Duration = Duration::from_secs(5);
/// SSM's own errors about an agent that is not there yet.
const NOT_ONLINE: &[&str] = &["InvalidInstanceId"];

/// Sends orders.
pub(super) struct Orders {
    ssm: Ssm,
    place: Value,
    state: String,
    patience: Patience,
}

/// An order: what to do and how long that may take.
pub(super) struct Order {
    pub(super) what: &'static str,
    /// With what, besides `do`, `place` and `patience`.
    pub(super) body: Value,
    pub(super) limit: Duration,
}

impl Orders {
    pub(super) fn new(ssm: Ssm, config: &Ec2Config) -> Self {
        let gateway = &config.gateway;
        let place = json!({
            "unit": gateway.unit, "user": gateway.user, "home": gateway.home, "port": gateway.port,
            "state": gateway.state, "units": gateway.units, "region": config.region,
        });
        Self {
            ssm,
            place,
            state: gateway.state.clone(),
            patience: config.patience.clone(),
        }
    }

    pub(super) fn ssm(&self) -> &Ssm {
        &self.ssm
    }

    /// Has the instance do that, and waits until it has.
    pub(super) async fn give(&self, instance: &str, order: Order) -> Result<(), DriverError> {
        self.run(instance, order).await.map(drop)
    }

    /// Has the instance do that; what it says of it.
    pub(super) async fn ask(&self, instance: &str, order: Order) -> Result<Value, DriverError> {
        let what = order.what;
        let stdout = self.run(instance, order).await?;
        result(&stdout).map_err(|reason| DriverError::Permanent(format!("{what} on {instance}: {reason}")))
    }

    async fn run(&self, instance: &str, order: Order) -> Result<String, DriverError> {
        let Order {
            what,
            mut body,
            limit,
        } = order;
        // What runs there gives up before SSM cuts it off, and says why.
        body["patience"] = json!(limit.as_secs().saturating_sub(10).max(1));
        body["do"] = json!(what);
        body["place"] = self.place.clone();
        let packed = packed(&body).map_err(|error| DriverError::Permanent(error.to_string()))?;
        let pieces: Vec<&str> = pieces(&packed);
        if pieces.len() > MAX_PIECES {
            let reason = format!("{what}: {} bytes are too many for SSM", packed.len());
            return Err(DriverError::Permanent(reason));
        }
        if let [whole] = pieces.as_slice() {
            return self.execute(instance, what, &script(whole), limit).await;
        }
        let name = format!("{}/staged/{}", self.state, digest(&packed));
        for (at, piece) in pieces.iter().enumerate() {
            let ahead = staging(&name, at, piece);
            self.execute(instance, what, &ahead, self.patience.command)
                .await?;
        }
        let rest = script(&format!("@{name} {}", pieces.len()));
        self.execute(instance, what, &rest, limit).await
    }

    /// Sends the script and looks until it has ended or `limit`, and some time for its delivery, have passed.
    async fn execute(
        &self,
        instance: &str,
        what: &'static str,
        script: &str,
        limit: Duration,
    ) -> Result<String, DriverError> {
        let times = (self.patience.delivery, limit);
        let command = match self
            .ssm
            .send(instance, &format!("reef: {what}"), script, times)
            .await
        {
            Err(error) if error.is(NOT_ONLINE) => {
                let reason = format!("the SSM agent of {instance} is not online: {error}");
                return Err(DriverError::Transient(reason));
            }
            sent => sent?,
        };
        let deadline = Instant::now() + self.patience.delivery + limit;
        let mut look = self.patience.look;
        loop {
            match self.ssm.invocation(instance, &command).await {
                Ok(Invocation::Success { stdout }) => return Ok(stdout),
                Ok(Invocation::Failed { exit_code, stderr }) => {
                    let reason = format!("{what} on {instance} failed (exit code {exit_code}): {stderr}");
                    return Err(match exit_code {
                        LATER => DriverError::Transient(reason),
                        _ => DriverError::Permanent(reason),
                    });
                }
                Ok(Invocation::Lost { how }) => {
                    return Err(DriverError::Transient(format!(
                        "{what} on {instance} did not end: {how}"
                    )));
                }
                Ok(Invocation::UnderWay) => {}
                // The command goes on whether it can be looked at or not.
                Err(error) if error.is_transient() => {
                    tracing::info!(instance, what, %error, "the command cannot be looked at");
                }
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= deadline {
                let seconds = limit.as_secs();
                let reason = format!("{what} on {instance} has not ended after {seconds} s");
                return Err(DriverError::Transient(reason));
            }
            sleep(look).await;
            look = (look * 3 / 2).min(SLOWEST_LOOK);
        }
    }
}

impl From<&AwsError> for DriverError {
    fn from(error: &AwsError) -> Self {
        error.clone().into()
    }
}

fn packed(order: &Value) -> std::io::Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(order.to_string().as_bytes())?;
    Ok(BASE64.encode(gzip.finish()?))
}

fn pieces(packed: &str) -> Vec<&str> {
    let starts = (0..packed.len()).step_by(PIECE_CHARS);
    // Base64 is ASCII: every index is a boundary.
    starts
        .map(|at| &packed[at..packed.len().min(at + PIECE_CHARS)])
        .collect()
}

fn digest(text: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

/// Runs the program over an order. Only base64 and our own words are put into the text.
fn script(order: &str) -> String {
    let mut text = String::with_capacity(PROGRAM.len() + order.len() + 512);
    let written = write!(
        text,
        "#!/bin/sh\nset -eu\numask 077\nfolder=$(mktemp -d)\ntrap 'rm -rf \"$folder\"' EXIT\n\
         cat > \"$folder/node.py\" <<'REEF_PROGRAM'\n{PROGRAM}REEF_PROGRAM\n\
         cat > \"$folder/order\" <<'REEF_ORDER'\n{order}\nREEF_ORDER\n\
         LC_ALL=C.UTF-8 python3 \"$folder/node.py\" \"$folder/order\"\n"
    );
    debug_assert!(written.is_ok(), "a string takes everything");
    text
}

/// Puts one piece of an order where the program looks for it.
fn staging(name: &str, at: usize, piece: &str) -> String {
    format!(
        "#!/bin/sh\nset -eu\numask 077\nmkdir -p \"$(dirname '{name}')\"\n\
         cat > '{name}.{at}' <<'REEF_ORDER'\n{piece}\nREEF_ORDER\n"
    )
}

/// What the program said, or why that cannot be had.
fn result(stdout: &str) -> Result<Value, String> {
    let said = stdout.lines().rev().find_map(|line| line.strip_prefix("reef1:"));
    let Some(said) = said else {
        return Err("it ended well and said nothing".to_owned());
    };
    let Some(packed) = said.trim_end().strip_suffix(':') else {
        return Err(format!(
            "its answer is longer than the {OUTPUT_CHARS} characters that SSM brings back"
        ));
    };
    let broken = |_| "its answer cannot be read".to_owned();
    let bytes = BASE64
        .decode(packed)
        .map_err(|_| "its answer cannot be read".to_owned())?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice())
        .take(MAX_RESULT_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| "its answer cannot be read".to_owned())?;
    serde_json::from_str(&text).map_err(broken)
}

#[cfg(test)]
mod tests;

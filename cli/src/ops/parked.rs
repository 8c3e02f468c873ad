//! `reef parked`: what process managers could not do, and trying it again.

use anyhow::Result;
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use crate::{client::Client, output::Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Parked {
    /// Lists parked intents with their last error.
    List,
    /// Performs the parked intents of one key again, in order.
    Retry {
        /// Process manager.
        manager: String,
        /// Key.
        key: String,
    },
}

impl Parked {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        match self {
            Self::List => {
                let parked = client.get("/v1/parked").await?;
                output.show(&parked, || {
                    let rows = parked["data"].as_array().cloned().unwrap_or_default();
                    let row = |p: &serde_json::Value| {
                        format!(
                            "{} {} at {} ({}): {}",
                            p["manager"], p["key"], p["position"], p["step"], p["error"]
                        )
                    };
                    if rows.is_empty() {
                        vec!["nothing is parked".to_owned()]
                    } else {
                        rows.iter().map(row).collect()
                    }
                })
            }
            Self::Retry { manager, key } => {
                let request = client.request(Method::POST, "/v1/parked/retry");
                let answer = client
                    .json(request.json(&json!({ "manager": manager, "key": key })))
                    .await?;
                output.show(&answer, || vec![format!("{} done", answer["done"])])
            }
        }
    }
}

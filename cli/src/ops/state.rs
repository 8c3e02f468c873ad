//! `reef state TYPE ID --at`: time travel for one aggregate.

use anyhow::Result;
use clap::Args;

use crate::{client::Client, output::Output};

#[derive(Debug, Args)]
pub(crate) struct State {
    /// Aggregate type, such as `agent`.
    aggregate_type: String,
    /// Id of the aggregate.
    id: String,
    /// A position, or a time in RFC 3339; default: now.
    #[arg(long)]
    at: Option<String>,
}

impl State {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let mut path = format!("/v1/streams/{}/{}/state", self.aggregate_type, self.id);
        if let Some(at) = &self.at {
            path.push_str("?at=");
            path.push_str(&at.replace('+', "%2B"));
        }
        let state = client.get(&path).await?;
        let pretty = serde_json::to_string_pretty(&state)?;
        output.show(&state, || vec![pretty])
    }
}

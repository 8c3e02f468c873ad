//! `reef rebuild`: views built anew from the log while the server goes on serving the old ones.

use anyhow::Result;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{client::Client, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// Views to rebuild; none: all.
    views: Vec<String>,
}

impl Rebuild {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let views = if self.views.is_empty() {
            all_views(client).await?
        } else {
            self.views
        };
        let bar = output.progress("rebuilding views");
        bar.set_length(views.len() as u64);
        let mut done = Vec::new();
        for view in views {
            let request = client.request(Method::POST, &format!("/v1/views/{view}/rebuild"));
            let answer = client.json(request.json(&json!({}))).await?;
            done.push(json!({ "view": view, "events": answer["events"], "digest": answer["digest"] }));
            bar.inc(1);
        }
        bar.finish_and_clear();
        output.show(&Value::Array(done.clone()), || {
            done.iter()
                .map(|row| {
                    format!(
                        "{}: {} events",
                        row["view"].as_str().unwrap_or("?"),
                        row["events"]
                    )
                })
                .collect()
        })
    }
}

async fn all_views(client: &Client) -> Result<Vec<String>> {
    let views = client.get("/v1/views").await?;
    let names = views["data"].as_array().into_iter().flatten();
    Ok(names
        .filter_map(|view| view["name"].as_str().map(ToOwned::to_owned))
        .collect())
}

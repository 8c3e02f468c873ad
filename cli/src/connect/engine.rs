//! What does the work on this machine: the built-in worker, answering through a model or through a local
//! `OpenClaw` gateway's chat API.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use reef_commands::ports::{RuntimeDriver, SystemClock};
use reef_runtimes::{
    EmbeddedDriver, ModelConfig, ModelProvider,
    model::ApiKey,
    node::{Engine, LocalFiles, Outbox, embedded_ports},
    openclaw::{Gateway, GatewayConfig},
};
use reqwest::StatusCode;
use zeroize::Zeroizing;

use super::Connect;
use crate::{config::Config, serve::model_config};

/// The gateway's default agent, as its chat API names it.
const DEFAULT_AGENT: &str = "openclaw/default";
/// How long a gateway on the same machine may take to say that it is there.
const PROBE: Duration = Duration::from_secs(10);

/// A driver with what it works on.
pub(super) struct Working {
    pub(super) name: &'static str,
    pub(super) outbox: Arc<Outbox>,
    pub(super) files: LocalFiles,
    pub(super) driver: Arc<dyn RuntimeDriver>,
}

/// The engine that was asked for.
pub(super) async fn of(connect: &Connect, config: &Config) -> Result<Working> {
    let (name, models, gateway) = match &connect.openclaw {
        Some(base) => {
            let (models, gateway) = gateway(connect, base, config).await?;
            ("openclaw", models, Some(gateway))
        }
        None => ("embedded", model_config(config)?, None),
    };
    let instance = uuid::Uuid::now_v7().to_string();
    let outbox = Outbox::open(&connect.dir, &instance)
        .await
        .with_context(|| connect.dir.display().to_string())?;
    let files = LocalFiles::new(&connect.dir);
    let engine = Engine {
        outbox: Arc::clone(&outbox),
        files: files.clone(),
        clock: Arc::new(SystemClock),
    };
    let ports = embedded_ports(&engine);
    let driver = match gateway {
        Some(gateway) => EmbeddedDriver::with_gateway(ports, models, Gateway::connect(gateway)),
        None => EmbeddedDriver::new(ports, models),
    };
    let driver = driver.context("model provider")?;
    Ok(Working {
        name,
        outbox,
        files,
        driver: Arc::new(driver),
    })
}

/// The gateway speaks OpenAI's chat API: `model` names one of its agents.
async fn gateway(connect: &Connect, base: &str, config: &Config) -> Result<(ModelConfig, GatewayConfig)> {
    let base = base.trim_end_matches('/');
    let token = token(connect)?;
    probe(base, &token).await?;
    let models = ModelConfig {
        provider: ModelProvider::Openai,
        base_url: Some(format!("{base}/v1")),
        api_key: Some(ApiKey::new(&token)),
        model: Some(config.model.clone().unwrap_or_else(|| DEFAULT_AGENT.to_owned())),
        max_tokens: config.model_max_tokens,
        // An agent at work says nothing for long, above all while one of its commands waits for a person.
        idle_timeout_s: 45 * 60,
        reply_timeout_s: 4 * 60 * 60,
        ..ModelConfig::default()
    };
    let base = base.to_owned();
    Ok((models, GatewayConfig { base, token }))
}

fn token(connect: &Connect) -> Result<Zeroizing<String>> {
    if let Some(path) = &connect.openclaw_token_file {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        return Ok(Zeroizing::new(text.trim().to_owned()));
    }
    let token = std::env::var("OPENCLAW_GATEWAY_TOKEN");
    let token = token.context("set OPENCLAW_GATEWAY_TOKEN or --openclaw-token-file")?;
    Ok(Zeroizing::new(token))
}

/// A wrong address or token is told now, not with the first message.
async fn probe(base: &str, token: &str) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().timeout(PROBE).build()?;
    let asked = http
        .get(format!("{base}/v1/models"))
        .bearer_auth(token)
        .send()
        .await;
    let status = asked
        .with_context(|| format!("no OpenClaw gateway answers at {base}"))?
        .status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        bail!("the OpenClaw gateway at {base} does not accept the token");
    }
    Ok(())
}

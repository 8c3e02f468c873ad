//! Which client answers for an agent.

use std::sync::Arc;

use reef_commands::ports::{DriverError, runtime::SecretLookup};
use reef_domain::AgentId;

use super::{
    ModelClient, ModelConfig, ModelError,
    anthropic::Anthropic,
    config::{ApiKey, Kind},
    http::Http,
    openai::OpenAi,
};

/// Makes the client for each request.
#[derive(Debug, Clone)]
pub struct Models {
    config: Arc<ModelConfig>,
    http: Arc<Http>,
}

impl Models {
    /// Models as configured; the error names a setting that cannot be used.
    pub fn new(config: ModelConfig) -> Result<Self, ModelError> {
        config.validate()?;
        Ok(Self {
            http: Arc::new(Http::new(&config)),
            config: Arc::new(config),
        })
    }

    /// At most so many tokens in one reply.
    pub fn max_tokens(&self) -> u32 {
        self.config.max_tokens
    }

    /// The client for an agent that asks for `model`: with the agent's own key if it has one (of the model's
    /// provider first), else with the server's. `None`: no provider is configured for it.
    pub async fn choose(
        &self,
        secrets: &dyn SecretLookup,
        agent: &AgentId,
        model: &str,
    ) -> Result<Option<Arc<dyn ModelClient>>, DriverError> {
        for kind in self.config.open_to_agents(model) {
            let secret = secrets.secret(agent, kind.secret_name()).await?;
            let key = secret
                .map(|secret| ApiKey::new(&secret.0))
                .filter(|key| !key.is_empty());
            if let Some(key) = key {
                return Ok(Some(self.client(kind, key, model)));
            }
        }
        let configured = self.config.configured();
        let key = self.config.api_key.clone().unwrap_or_default();
        Ok(configured.map(|kind| self.client(kind, key, model)))
    }

    fn client(&self, kind: Kind, key: ApiKey, wanted: &str) -> Arc<dyn ModelClient> {
        let (http, base) = (Arc::clone(&self.http), self.config.base(kind).to_owned());
        let model = self.config.model_at(kind, wanted);
        match kind {
            Kind::Openai => Arc::new(OpenAi {
                http,
                base,
                key,
                model,
            }),
            Kind::Anthropic => Arc::new(Anthropic {
                http,
                base,
                key,
                model,
            }),
        }
    }
}

#[cfg(test)]
mod tests;

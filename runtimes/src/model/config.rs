//! Which model provider answers, as whoever runs the server configured it.

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::ModelError;

/// Said by the local responder and the console: how to have a model answer.
pub const CONFIGURE_HINT: &str = "To have a model answer, set REEF_MODEL_PROVIDER (openai or anthropic), \
REEF_MODEL_API_KEY and REEF_MODEL for the server (REEF_MODEL_BASE_URL for any OpenAI-compatible server), or \
store the agent's secret anthropic_api_key or openai_api_key.";

const OPENAI_BASE: &str = "https://api.openai.com/v1";
const ANTHROPIC_BASE: &str = "https://api.anthropic.com";

/// Which kind of provider to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelProvider {
    /// Whatever there is a key for: the agent's own secrets first, then the configured key or base URL.
    #[default]
    Auto,
    /// An OpenAI-compatible server only; an agent's other keys are not used.
    Openai,
    /// Anthropic only; an agent's other keys are not used.
    Anthropic,
    /// No provider, whatever keys agents have: the local responder answers and nothing leaves the server.
    None,
}

impl std::str::FromStr for ModelProvider {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        match text {
            "auto" => Ok(Self::Auto),
            "openai" => Ok(Self::Openai),
            "anthropic" => Ok(Self::Anthropic),
            "none" => Ok(Self::None),
            _ => Err(ModelError::Misconfigured(format!(
                "there is no model provider {text:?}: auto, openai, anthropic or none"
            ))),
        }
    }
}

/// A kind of provider, once chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Openai,
    Anthropic,
}

impl Kind {
    /// Name of the agent's secret that holds its key for this provider.
    pub(crate) fn secret_name(self) -> &'static str {
        match self {
            Self::Openai => "openai_api_key",
            Self::Anthropic => "anthropic_api_key",
        }
    }

    fn default_model(self) -> &'static str {
        match self {
            Self::Openai => "gpt-4o-mini",
            Self::Anthropic => "claude-sonnet-4-6",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Openai => "openai/",
            Self::Anthropic => "anthropic/",
        }
    }

    /// The provider a model of that name belongs to.
    pub(crate) fn of_model(model: &str) -> Self {
        if model.starts_with("claude") || model.starts_with("anthropic/") {
            Self::Anthropic
        } else {
            Self::Openai
        }
    }
}

/// A provider's key. Never shown: neither by `Debug` nor when it is serialised.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// The key with that text; blanks around it are dropped.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` for people: without the key, on one line, at most 500 characters.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = if self.0.len() < 4 {
            text.to_owned()
        } else {
            text.replace(self.expose(), "[key]")
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(500).collect()
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl<'de> Deserialize<'de> for ApiKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&Zeroizing::new(String::deserialize(deserializer)?)))
    }
}

/// The server's configuration of models. Agents may bring keys and ask for models, but never say where
/// requests go: base URLs come from here only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Which kind of provider.
    pub provider: ModelProvider,
    /// Where that provider is; its public address if not set. With `auto` it is an OpenAI-compatible server's.
    pub base_url: Option<String>,
    /// Key used for agents that have none of their own.
    #[serde(skip_serializing)]
    pub api_key: Option<ApiKey>,
    /// Model used at this provider whatever agents ask for; not set: the model each agent asks for.
    pub model: Option<String>,
    /// At most so many tokens in one reply.
    pub max_tokens: u32,
    /// For how long to try to connect, seconds.
    pub connect_timeout_s: u64,
    /// For how long a provider may be silent, seconds.
    pub idle_timeout_s: u64,
    /// How long a whole reply may take, seconds.
    pub reply_timeout_s: u64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            provider: ModelProvider::Auto,
            base_url: None,
            api_key: None,
            model: None,
            max_tokens: 4096,
            connect_timeout_s: 10,
            idle_timeout_s: 60,
            reply_timeout_s: 600,
        }
    }
}

impl ModelConfig {
    /// Takes the key from `OPENAI_API_KEY` or `ANTHROPIC_API_KEY` where none is configured. `variable` looks
    /// an environment variable up.
    #[must_use]
    pub fn or_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let names: &[&str] = match self.provider {
            ModelProvider::None => &[],
            ModelProvider::Openai => &["OPENAI_API_KEY"],
            ModelProvider::Anthropic => &["ANTHROPIC_API_KEY"],
            // A base URL without a provider is an OpenAI-compatible server's: the other key is not for it.
            ModelProvider::Auto if self.base_url.is_some() => &["OPENAI_API_KEY"],
            ModelProvider::Auto => &["ANTHROPIC_API_KEY", "OPENAI_API_KEY"],
        };
        if self.api_key.is_none() {
            let found = names
                .iter()
                .find_map(|name| variable(name).filter(|key| !key.trim().is_empty()));
            self.api_key = found.map(|key| ApiKey::new(&Zeroizing::new(key)));
        }
        self
    }

    /// Whether it can be used; the error says which setting cannot.
    pub fn validate(&self) -> Result<(), ModelError> {
        let wrong = |what: &str| Err(ModelError::Misconfigured(what.to_owned()));
        if self.max_tokens == 0 {
            return wrong("max_tokens must be at least 1");
        }
        if self.connect_timeout_s == 0 || self.idle_timeout_s == 0 || self.reply_timeout_s == 0 {
            return wrong("timeouts must be at least 1 second");
        }
        let Some(base_url) = &self.base_url else {
            return Ok(());
        };
        match Url::parse(base_url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => wrong("base_url must be http or https"),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                wrong("base_url must not hold a user or password: use api_key")
            }
            Ok(_) => Ok(()),
            Err(error) => Err(ModelError::Misconfigured(format!("base_url: {error}"))),
        }
    }

    /// The provider that is configured for agents without keys of their own.
    pub(crate) fn configured(&self) -> Option<Kind> {
        let key = self.api_key.as_ref().filter(|key| !key.is_empty());
        let anything = key.is_some() || self.base_url.is_some();
        match self.provider {
            ModelProvider::None => None,
            ModelProvider::Openai => anything.then_some(Kind::Openai),
            ModelProvider::Anthropic => anything.then_some(Kind::Anthropic),
            ModelProvider::Auto if self.base_url.is_some() => Some(Kind::Openai),
            ModelProvider::Auto => key.map(|key| {
                if key.expose().starts_with("sk-ant-") {
                    Kind::Anthropic
                } else {
                    Kind::Openai
                }
            }),
        }
    }

    /// The providers an agent's own key may be used at, in the order they are looked at for `model`.
    pub(crate) fn open_to_agents(&self, model: &str) -> Vec<Kind> {
        match self.provider {
            ModelProvider::None => Vec::new(),
            ModelProvider::Openai => vec![Kind::Openai],
            ModelProvider::Anthropic => vec![Kind::Anthropic],
            ModelProvider::Auto => match Kind::of_model(model) {
                Kind::Openai => vec![Kind::Openai, Kind::Anthropic],
                Kind::Anthropic => vec![Kind::Anthropic, Kind::Openai],
            },
        }
    }

    /// Where that provider is, without a slash at the end.
    pub(crate) fn base(&self, kind: Kind) -> &str {
        let own = self
            .base_url
            .as_deref()
            .filter(|_| self.configured() == Some(kind));
        let base = own.unwrap_or(match kind {
            Kind::Openai => OPENAI_BASE,
            Kind::Anthropic => ANTHROPIC_BASE,
        });
        base.trim_end_matches('/')
    }

    /// The model to ask there, for an agent that wants `wanted`.
    pub(crate) fn model_at(&self, kind: Kind, wanted: &str) -> String {
        if let Some(model) = self.model.as_ref().filter(|_| self.configured() == Some(kind)) {
            return model.clone();
        }
        let wanted = wanted.strip_prefix(kind.prefix()).unwrap_or(wanted).trim();
        if wanted.is_empty() {
            kind.default_model().to_owned()
        } else {
            wanted.to_owned()
        }
    }
}

#[cfg(test)]
mod tests;

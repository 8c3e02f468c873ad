use std::collections::BTreeMap;

use async_trait::async_trait;
use reef_commands::ports::runtime::ModelSecret;
use zeroize::Zeroizing;

use super::*;
use crate::model::ModelProvider;

struct Secrets(BTreeMap<&'static str, &'static str>);

#[async_trait]
impl SecretLookup for Secrets {
    async fn secret(&self, _: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError> {
        Ok(self
            .0
            .get(name)
            .map(|value| ModelSecret(Zeroizing::new((*value).to_owned()))))
    }
}

/// The name of what answers, for an agent with these secrets that asks for `model`.
async fn chosen(
    config: ModelConfig,
    secrets: &[(&'static str, &'static str)],
    model: &str,
) -> Option<String> {
    let secrets = Secrets(secrets.iter().copied().collect());
    let client = Models::new(config)
        .unwrap()
        .choose(&secrets, &AgentId::from("agt_1"), model)
        .await
        .unwrap();
    client.map(|client| client.name())
}

const OPENAI: (&str, &str) = ("openai_api_key", "sk-agents-own");
const ANTHROPIC: (&str, &str) = ("anthropic_api_key", "sk-ant-agents-own");

fn local(provider: ModelProvider) -> ModelConfig {
    ModelConfig {
        provider,
        base_url: Some("http://127.0.0.1:11434/v1".to_owned()),
        model: Some("llama3".to_owned()),
        ..ModelConfig::default()
    }
}

#[tokio::test]
async fn nothing_configured_leaves_nobody_to_ask() {
    assert_eq!(chosen(ModelConfig::default(), &[], "claude-reef").await, None);
}

#[tokio::test]
async fn the_agents_own_key_beats_the_configured_provider() {
    let answers = chosen(local(ModelProvider::Auto), &[ANTHROPIC], "claude-reef").await;

    assert_eq!(answers.as_deref(), Some("anthropic:claude-reef"));
}

#[tokio::test]
async fn with_two_keys_the_one_of_the_models_provider_is_used() {
    let both = [OPENAI, ANTHROPIC];
    for (model, expected) in [
        ("claude-reef", "anthropic:claude-reef"),
        ("anthropic/opus", "anthropic:opus"),
        ("gpt-5", "openai:gpt-5"),
    ] {
        assert_eq!(
            chosen(ModelConfig::default(), &both, model).await.as_deref(),
            Some(expected)
        );
    }
}

#[tokio::test]
async fn a_named_provider_is_the_only_one() {
    let answers = chosen(local(ModelProvider::Openai), &[ANTHROPIC], "claude-reef").await;

    assert_eq!(answers.as_deref(), Some("openai:llama3"));
}

#[tokio::test]
async fn with_none_nothing_leaves_the_server_whatever_keys_there_are() {
    assert_eq!(
        chosen(local(ModelProvider::None), &[OPENAI, ANTHROPIC], "gpt-5").await,
        None
    );
}

#[tokio::test]
async fn an_empty_secret_is_no_key() {
    assert_eq!(
        chosen(ModelConfig::default(), &[("openai_api_key", " \n")], "gpt-5").await,
        None
    );
}

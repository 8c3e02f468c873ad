use super::*;

fn config(provider: ModelProvider, base_url: Option<&str>, key: Option<&str>) -> ModelConfig {
    ModelConfig {
        provider,
        base_url: base_url.map(str::to_owned),
        api_key: key.map(ApiKey::new),
        ..ModelConfig::default()
    }
}

#[test]
fn the_configured_provider_follows_from_what_is_set() {
    use ModelProvider::{Anthropic, Auto, None as Off, Openai};
    let local = Some("http://127.0.0.1:11434/v1");
    for (given, expected) in [
        (config(Auto, None, None), None),
        (config(Auto, local, None), Some(Kind::Openai)),
        (config(Auto, None, Some("sk-ant-1234")), Some(Kind::Anthropic)),
        (config(Auto, None, Some("sk-1234")), Some(Kind::Openai)),
        (config(Openai, None, None), None),
        (config(Openai, local, None), Some(Kind::Openai)),
        (config(Anthropic, None, Some("key")), Some(Kind::Anthropic)),
        (config(Off, local, Some("key")), None),
    ] {
        assert_eq!(given.configured(), expected, "{given:?}");
    }
}

#[test]
fn base_urls_come_from_the_configuration_or_are_the_public_ones() {
    let local = config(ModelProvider::Auto, Some("http://127.0.0.1:11434/v1/"), None);

    assert_eq!(local.base(Kind::Openai), "http://127.0.0.1:11434/v1");
    assert_eq!(local.base(Kind::Anthropic), "https://api.anthropic.com");
    assert_eq!(
        ModelConfig::default().base(Kind::Openai),
        "https://api.openai.com/v1"
    );
}

#[test]
fn the_configured_model_is_used_at_the_configured_provider_only() {
    let mut local = config(ModelProvider::Auto, Some("http://127.0.0.1:11434/v1"), None);
    assert_eq!(local.model_at(Kind::Openai, "openai/gpt-5"), "gpt-5");
    assert_eq!(local.model_at(Kind::Anthropic, ""), "claude-sonnet-4-6");

    local.model = Some("llama3".to_owned());
    assert_eq!(local.model_at(Kind::Openai, "gpt-5"), "llama3");
    assert_eq!(local.model_at(Kind::Anthropic, "claude-reef"), "claude-reef");
}

#[test]
fn the_environment_fills_in_a_key_that_is_not_configured() {
    let environment = |name: &str| match name {
        "OPENAI_API_KEY" => Some("sk-open".to_owned()),
        "ANTHROPIC_API_KEY" => Some("sk-ant-anth".to_owned()),
        _ => None,
    };
    let key = |given: ModelConfig| {
        given
            .or_environment(environment)
            .api_key
            .map(|key| key.expose().to_owned())
    };

    assert_eq!(
        key(config(ModelProvider::Auto, None, None)).as_deref(),
        Some("sk-ant-anth")
    );
    assert_eq!(
        key(config(ModelProvider::Openai, None, None)).as_deref(),
        Some("sk-open")
    );
    assert_eq!(
        key(config(ModelProvider::Auto, Some("http://x/v1"), None)).as_deref(),
        Some("sk-open")
    );
    assert_eq!(
        key(config(ModelProvider::Auto, None, Some("own!"))).as_deref(),
        Some("own!")
    );
    assert_eq!(key(config(ModelProvider::None, None, None)), None);
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    for base_url in ["ftp://models", "not a url", "https://user:secret@models/v1"] {
        let error = config(ModelProvider::Openai, Some(base_url), None)
            .validate()
            .unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(
        ModelConfig {
            max_tokens: 0,
            ..ModelConfig::default()
        }
        .validate()
        .is_err()
    );
    assert!(
        ModelConfig {
            idle_timeout_s: 0,
            ..ModelConfig::default()
        }
        .validate()
        .is_err()
    );
    assert!(
        config(ModelProvider::Openai, Some("https://models.test/v1"), None)
            .validate()
            .is_ok()
    );
    assert!("gemini".parse::<ModelProvider>().is_err());
    assert_eq!("none".parse(), Ok(ModelProvider::None));
}

#[test]
fn a_key_is_shown_nowhere() {
    let given = config(ModelProvider::Auto, None, Some("sk-very-secret"));

    let shown = format!("{given:?} {}", serde_json::to_string(&given).unwrap());

    assert!(!shown.contains("very-secret"), "{shown}");
}

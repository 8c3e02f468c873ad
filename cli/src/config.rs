//! Configuration: a TOML file, then `REEF_*` variables, then nothing else. Unknown keys are refused.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use chrono::TimeDelta;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use reef_commands::{account::Plans, delivery::DispatchConfig};
use reef_domain::Dialect;
use reef_gateways::identity::IssuerConfig;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Variables that tools beside the server read.
const NOT_OURS: &[&str] = &[
    "url",
    "account_key",
    "log",
    "log_format",
    "config",
    "activation_code",
    "server",
    "node_dir",
    "openclaw_url",
    "openclaw_token_file",
];

/// What can be configured; each key is also a variable, `REEF_` and the name in upper case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Config {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// `sqlite:///path` or `postgres://...`; default: a SQLite database in `data_dir`.
    pub(crate) database_url: Option<String>,
    /// Where the embedded database and the server's own keys are.
    pub(crate) data_dir: PathBuf,
    /// Bearer token of the operator; made at first start when absent.
    pub(crate) operator_key: Option<String>,
    /// 32 bytes in hex or base64 that wrap every data key; made at first start when absent.
    pub(crate) master_key: Option<String>,
    /// Requests per minute and credential; 0: no limit.
    pub(crate) rate_limit_per_minute: u32,
    /// Limits of the dialects are those of their documents times this; 0: no limits.
    pub(crate) dialect_rate_limit_factor: u32,
    /// Addresses whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Name of this log in its signed checkpoints.
    pub(crate) log_origin: String,
    /// `auto`, `openai`, `anthropic` or `none`.
    pub(crate) model_provider: String,
    /// Base address of an OpenAI-compatible or Anthropic API.
    pub(crate) model_base_url: Option<String>,
    /// Key for it.
    pub(crate) model_api_key: Option<String>,
    /// Model asked for, instead of the one agents name.
    pub(crate) model: Option<String>,
    /// Most tokens one reply may have.
    pub(crate) model_max_tokens: u32,
    /// Seconds an approval waits for a person.
    pub(crate) approval_ttl_s: u32,
    /// Issuers whose session tokens are accepted; in a variable, the same as JSON.
    #[serde(deserialize_with = "list_or_json")]
    pub(crate) session_issuers: Vec<IssuerConfig>,
    /// 32 bytes in hex or base64 that sign the server's own tokens; made of `master_key` when absent.
    pub(crate) token_key: Option<String>,
    /// Days for which such a token works.
    pub(crate) token_days: u32,
    /// `smtps://user:password@host`, `smtp://` (STARTTLS) or `smtp+plain://`: the server that sends mail.
    pub(crate) smtp_url: Option<String>,
    /// Who mail is from, such as `Reef <reef@example.com>`.
    pub(crate) smtp_from: Option<String>,
    /// PEM file of an authority that the mail server's certificate may be from besides the usual ones.
    pub(crate) smtp_ca_file: Option<PathBuf>,
    /// Writes login codes to the server's log instead of sending them.
    pub(crate) log_login_codes: bool,
    /// What a new account of Thermidora starts with, in micro-dollars.
    pub(crate) thermidora_balance_micro: u64,
    /// What an hour of a running runtime costs the accounts that are opened from now on, by dialect, in
    /// micro-credits or micro-dollars.
    pub(crate) price_micro_per_hour: HashMap<Dialect, u64>,
    /// Key of the Stripe account that takes payments.
    pub(crate) stripe_secret_key: Option<String>,
    /// Signing secret of the webhook by which Stripe tells of payments.
    pub(crate) stripe_webhook_secret: Option<String>,
    /// Another address than Stripe's own.
    pub(crate) stripe_base_url: Option<String>,
    /// Networks that webhooks may go to beside the internet, such as `10.1.0.0/16`.
    pub(crate) webhook_allowed_cidrs: Vec<String>,
    /// Whether webhooks may go over plain http, to those networks only.
    pub(crate) webhook_allow_http: bool,
    /// PEM file of authorities that receivers' certificates may be from besides the usual ones.
    pub(crate) webhook_ca_file: Option<PathBuf>,
    /// Deliveries to one webhook under way at a time.
    pub(crate) webhook_concurrency: u32,
    /// Deliveries to one webhook in a second; 0: no limit.
    pub(crate) webhook_rate_per_s: u32,
    /// Deliveries of one webhook that wait to be tried again; beyond, new ones wait in the log.
    pub(crate) webhook_max_retries: u32,
    /// The waits between tries of a delivery are multiplied by this.
    pub(crate) webhook_wait_factor: f64,
    /// A webhook to which nothing got through for so many seconds is disabled.
    pub(crate) webhook_disable_after_s: u32,
    /// Ports that webhooks may go to; any when empty.
    pub(crate) webhook_ports: Vec<u16>,
    /// Who provides the machines of users who do not say: `embedded` or `ec2`.
    pub(crate) vm_provider: String,
    /// Region of runtimes on EC2. With `ec2_ami` it makes the provider `ec2` available.
    pub(crate) ec2_region: Option<String>,
    /// Image of those runtimes.
    pub(crate) ec2_ami: Option<String>,
    /// Their instance type.
    pub(crate) ec2_instance_type: String,
    /// Their subnet; the region's default one when absent.
    pub(crate) ec2_subnet: Option<String>,
    /// Instance profile, name or ARN, that lets their SSM agent register.
    pub(crate) ec2_instance_profile: Option<String>,
    /// Who their owners log in as.
    pub(crate) ec2_login_user: String,
    /// Whether an instance counts as running only when its SSM agent is online.
    pub(crate) ec2_wait_for_agent: bool,
    /// The OpenClaw gateway's systemd unit on the image.
    pub(crate) ec2_gateway_unit: String,
    /// The user it runs as.
    pub(crate) ec2_gateway_user: String,
    /// Its state folder, with `openclaw.json`; `.openclaw` in that user's home when absent.
    pub(crate) ec2_gateway_home: Option<String>,
    /// Its port on the instance's loopback.
    pub(crate) ec2_gateway_port: u16,
    /// Where EC2 answers instead of AWS.
    pub(crate) ec2_endpoint: Option<String>,
    /// Where SSM answers instead of AWS.
    pub(crate) ec2_ssm_endpoint: Option<String>,
    /// Key for AWS; without it the usual `AWS_*` variables, or the role the server runs on.
    pub(crate) ec2_access_key_id: Option<String>,
    /// The key's secret.
    pub(crate) ec2_secret_access_key: Option<String>,
    /// Adds no-op routes that benchmarks compare with.
    pub(crate) bench_routes: bool,
    /// Connections to PostgreSQL besides the writer's.
    pub(crate) database_connections: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database_url: None,
            data_dir: PathBuf::from("reef-data"),
            operator_key: None,
            master_key: None,
            rate_limit_per_minute: 6000,
            dialect_rate_limit_factor: 1,
            trusted_proxies: Vec::new(),
            log_origin: "reef.local/log".to_owned(),
            model_provider: "auto".to_owned(),
            model_base_url: None,
            model_api_key: None,
            model: None,
            model_max_tokens: 2048,
            approval_ttl_s: 24 * 3600,
            session_issuers: Vec::new(),
            token_key: None,
            token_days: 30,
            smtp_url: None,
            smtp_from: None,
            smtp_ca_file: None,
            log_login_codes: false,
            thermidora_balance_micro: 0,
            price_micro_per_hour: HashMap::new(),
            stripe_secret_key: None,
            stripe_webhook_secret: None,
            stripe_base_url: None,
            webhook_allowed_cidrs: Vec::new(),
            webhook_allow_http: false,
            webhook_ca_file: None,
            webhook_concurrency: 8,
            webhook_rate_per_s: 0,
            webhook_max_retries: 100,
            webhook_wait_factor: 1.0,
            webhook_disable_after_s: 5 * 24 * 3600,
            webhook_ports: Vec::new(),
            vm_provider: "embedded".to_owned(),
            ec2_region: None,
            ec2_ami: None,
            ec2_instance_type: "t3.medium".to_owned(),
            ec2_subnet: None,
            ec2_instance_profile: None,
            ec2_login_user: "ubuntu".to_owned(),
            ec2_wait_for_agent: true,
            ec2_gateway_unit: "openclaw-gateway".to_owned(),
            ec2_gateway_user: "openclaw".to_owned(),
            ec2_gateway_home: None,
            ec2_gateway_port: 18789,
            ec2_endpoint: None,
            ec2_ssm_endpoint: None,
            ec2_access_key_id: None,
            ec2_secret_access_key: None,
            bench_routes: false,
            database_connections: 8,
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            anyhow::ensure!(file.exists(), "there is no configuration file {}", file.display());
            figment = figment.merge(Toml::file_exact(file));
        }
        let env = Env::prefixed("REEF_").filter(|key| is_ours(&key.as_str().to_ascii_lowercase()));
        figment.merge(env).extract().context("configuration")
    }

    /// How deliveries to webhooks go.
    pub(crate) fn deliveries(&self) -> Result<DispatchConfig> {
        let factor = self.webhook_wait_factor;
        anyhow::ensure!(
            factor > 0.0 && factor <= 100.0,
            "webhook_wait_factor must be more than 0 and at most 100"
        );
        anyhow::ensure!(self.webhook_concurrency > 0, "webhook_concurrency must not be 0");
        Ok(DispatchConfig {
            concurrency: usize::try_from(self.webhook_concurrency)?,
            rate_per_s: self.webhook_rate_per_s,
            max_retries: usize::try_from(self.webhook_max_retries)?,
            time_factor: factor,
            disable_after: TimeDelta::seconds(self.webhook_disable_after_s.into()),
            ..DispatchConfig::default()
        })
    }

    /// The plans that new accounts start on.
    pub(crate) fn plans(&self) -> Result<Plans> {
        Plans::priced(self.price_micro_per_hour.clone()).context("price_micro_per_hour")
    }

    /// The database's URL.
    pub(crate) fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("reef.db").display()))
    }
}

/// A list of tables, or a JSON text of it: variables hold only texts.
fn list_or_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IssuerConfig>, D::Error> {
    let value = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) if text.trim().is_empty() => return Ok(Vec::new()),
        serde_json::Value::String(text) => serde_json::from_str(&text)
            .map_err(|error| D::Error::custom(format!("not a JSON list of issuers: {error}")))?,
        list => list,
    };
    serde_json::from_value(value).map_err(D::Error::custom)
}

fn is_ours(key: &str) -> bool {
    !NOT_OURS.contains(&key) && !key.starts_with("test_")
}

#[cfg(test)]
mod tests {
    use figment::value::Value;

    use super::*;

    /// The configuration with that variable.
    fn with(issuers: &str) -> Result<Config> {
        let value: Value = issuers.parse().expect("any text is a value");
        let figment = Figment::from(Serialized::defaults(Config::default()));
        Ok(figment.merge(("session_issuers", value)).extract()?)
    }

    #[test]
    fn issuers_are_json_in_a_variable() {
        let config = with(
            r#"[{"issuer": "https://clerk.example.com", "authorized_parties": ["https://tropic.bot"]},
                {"issuer": "https://id.example.com", "jwks_url": "https://id.example.com/keys", "audience": "reef"}]"#,
        )
        .unwrap();
        assert_eq!(config.session_issuers.len(), 2);
        assert_eq!(
            config.session_issuers[0].authorized_parties,
            ["https://tropic.bot"]
        );
        assert_eq!(config.session_issuers[1].audience.as_deref(), Some("reef"));
        assert!(with("").unwrap().session_issuers.is_empty());
        assert!(with("[]").unwrap().session_issuers.is_empty());
    }

    #[test]
    fn networks_for_webhooks_are_a_list_in_a_variable() {
        let value: Value = "[10.1.0.0/16, fd00::/8]".parse().expect("any text is a value");
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let config: Config = figment.merge(("webhook_allowed_cidrs", value)).extract().unwrap();
        assert_eq!(config.webhook_allowed_cidrs, ["10.1.0.0/16", "fd00::/8"]);
    }

    #[test]
    fn issuers_are_tables_in_a_file() {
        let file = "[[session_issuers]]\nissuer = \"https://clerk.example.com\"\ndialect = \"tropic\"\n";
        let figment = Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(file));
        let config: Config = figment.extract().unwrap();
        assert_eq!(config.session_issuers[0].issuer, "https://clerk.example.com");
    }

    #[test]
    fn what_is_no_issuer_is_refused() {
        for bad in [
            r#"[{"name": "x"}]"#,
            r#"[{"issuer": "x", "colour": "red"}]"#,
            "https://clerk.example.com",
            "{",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
    }
}

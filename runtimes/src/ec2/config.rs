//! What whoever runs the server configured for EC2.

use std::time::Duration;

use reqwest::Url;

use super::credentials::CredentialSource;

/// How runtimes are made on EC2, and how the software on them is found.
#[derive(Debug, Clone)]
pub struct Ec2Config {
    /// The one region this server makes runtimes in.
    pub region: String,
    /// Image of a runtime that asks for none: has the OpenClaw gateway as a system unit, the SSM agent,
    /// Python 3 and, for secrets, the `aws` command.
    pub ami: String,
    /// Instance type.
    pub instance_type: String,
    /// Subnet; the default one of the region when absent.
    pub subnet: Option<String>,
    /// Instance profile that lets the SSM agent register and read the runtime's parameters: name or ARN.
    pub instance_profile: Option<String>,
    /// Who the owner of a runtime logs in as.
    pub login_user: String,
    /// Whether an instance counts as running only when its SSM agent is online. Off only where nothing
    /// is to be pushed.
    pub wait_for_agent: bool,
    /// The gateway on the instance.
    pub gateway: GatewayConfig,
    /// Where EC2 answers, instead of AWS.
    pub ec2_endpoint: Option<Url>,
    /// Where SSM answers, instead of AWS.
    pub ssm_endpoint: Option<Url>,
    /// Where credentials come from.
    pub credentials: CredentialSource,
    /// How long things may take.
    pub patience: Patience,
}

/// Where the OpenClaw gateway is on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Its systemd unit.
    pub unit: String,
    /// The user it runs as; workspaces belong to it.
    pub user: String,
    /// Its state folder, with `openclaw.json` in it.
    pub home: String,
    /// Its port on the loopback.
    pub port: u16,
    /// Where Reef keeps its own files on the instance.
    pub state: String,
    /// Where systemd looks for drop-ins of units.
    pub units: String,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            unit: "openclaw-gateway".to_owned(),
            user: "openclaw".to_owned(),
            home: "/home/openclaw/.openclaw".to_owned(),
            port: 18789,
            state: "/var/lib/reef".to_owned(),
            units: "/etc/systemd/system".to_owned(),
        }
    }
}

/// Bounds of waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// For one answer of AWS.
    pub call: Duration,
    /// For a command to be taken up by an instance; SSM takes no less than 30 s.
    pub delivery: Duration,
    /// For a change on an instance, such as a push.
    pub command: Duration,
    /// For a reply to a message.
    pub chat: Duration,
    /// For a task.
    pub task: Duration,
    /// Between two looks at a command on an instance, at first.
    pub look: Duration,
    /// Before saying that an instance is not there yet: who is asked again at once asks AWS too often.
    pub pending: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(20),
            delivery: Duration::from_secs(60),
            command: Duration::from_secs(180),
            chat: Duration::from_secs(300),
            task: Duration::from_secs(1800),
            look: Duration::from_millis(500),
            pending: Duration::from_secs(2),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Ec2ConfigError(pub String);

impl Ec2Config {
    /// Runtimes of that image in that region, the rest as it is by default.
    pub fn new(region: &str, ami: &str) -> Self {
        Self {
            region: region.to_owned(),
            ami: ami.to_owned(),
            instance_type: "t3.medium".to_owned(),
            subnet: None,
            instance_profile: None,
            login_user: "ubuntu".to_owned(),
            wait_for_agent: true,
            gateway: GatewayConfig::default(),
            ec2_endpoint: None,
            ssm_endpoint: None,
            credentials: CredentialSource::Instance,
            patience: Patience::default(),
        }
    }

    /// Names go into scripts and addresses: only plain ones are taken.
    pub(super) fn validate(&self) -> Result<(), Ec2ConfigError> {
        let GatewayConfig {
            unit,
            user,
            home,
            state,
            units,
            ..
        } = &self.gateway;
        let named = [
            ("region", &self.region, "-"),
            ("AMI", &self.ami, "-"),
            ("instance type", &self.instance_type, ".-"),
            ("login user", &self.login_user, "_-"),
            ("gateway unit", unit, "_-.@"),
            ("gateway user", user, "_-"),
            ("gateway home", home, "/_-."),
            ("state folder", state, "/_-."),
            ("unit folder", units, "/_-."),
        ];
        for (what, value, besides) in named {
            let plain = |c: char| c.is_ascii_alphanumeric() || besides.contains(c);
            if value.is_empty() || !value.chars().all(plain) {
                return Err(Ec2ConfigError(format!(
                    "the {what} {value:?} of EC2 is not usable"
                )));
            }
        }
        match home.starts_with('/') {
            true => Ok(()),
            false => Err(Ec2ConfigError(format!(
                "the gateway home {home:?} is not an absolute path"
            ))),
        }
    }

    pub(super) fn ec2_url(&self) -> Result<Url, Ec2ConfigError> {
        self.url("ec2", self.ec2_endpoint.as_ref())
    }

    pub(super) fn ssm_url(&self) -> Result<Url, Ec2ConfigError> {
        self.url("ssm", self.ssm_endpoint.as_ref())
    }

    fn url(&self, service: &str, instead: Option<&Url>) -> Result<Url, Ec2ConfigError> {
        if let Some(url) = instead {
            return Ok(url.clone());
        }
        let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
        let url = format!("https://{service}.{}.amazonaws.com{suffix}/", self.region);
        Url::parse(&url).map_err(|error| Ec2ConfigError(format!("{url}: {error}")))
    }

    /// Whose names the region's ARNs have.
    pub(super) fn partition(&self) -> &'static str {
        if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

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
    /// Its state folder, with `openclaw.json` in it; `.openclaw` in the user's home when absent.
    pub home: Option<String>,
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
            home: None,
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
            delivery: Duration::from_mins(1),
            command: Duration::from_mins(3),
            chat: Duration::from_mins(5),
            task: Duration::from_mins(30),
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
        let gateway = &self.gateway;
        let names = [
            ("region", &self.region, "-"),
            ("AMI", &self.ami, "-"),
            ("instance type", &self.instance_type, ".-"),
            ("login user", &self.login_user, "_-"),
            ("gateway unit", &gateway.unit, "_-.@"),
            ("gateway user", &gateway.user, "_-"),
        ];
        let folders = [
            ("gateway home", gateway.home.as_ref()),
            ("state folder", Some(&gateway.state)),
            ("unit folder", Some(&gateway.units)),
        ];
        let plain = |value: &str, besides: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || besides.contains(c);
            !value.is_empty() && value.chars().all(plain)
        };
        let name = names
            .into_iter()
            .find(|(_, value, besides)| !plain(value, besides));
        let folder = folders
            .into_iter()
            .filter_map(|(what, value)| value.map(|value| (what, value)))
            .find(|(_, value)| !value.starts_with('/') || !plain(value, "/_-."));
        match name.map(|(what, value, _)| (what, value)).or(folder) {
            Some((what, value)) => Err(Ec2ConfigError(format!(
                "the {what} {value:?} of EC2 is not usable"
            ))),
            None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_its_place_in_a_script_is_refused_and_named() {
        let said = |change: fn(&mut Ec2Config)| {
            let mut config = Ec2Config::new("eu-west-1", "ami-1");
            change(&mut config);
            config.validate().map_err(|error| error.to_string())
        };
        assert_eq!(said(|_| {}), Ok(()));
        let refused = |what: &str, change: fn(&mut Ec2Config)| {
            let refused = said(change).expect_err(what);
            assert!(refused.contains(what), "{refused}");
        };
        refused("login user", |config| {
            "a'; reboot".clone_into(&mut config.login_user);
        });
        refused("region", |config| config.region.clear());
        refused("gateway home", |config| {
            config.gateway.home = Some("relative".to_owned());
        });
        refused("state folder", |config| {
            "/var/$(id)".clone_into(&mut config.gateway.state);
        });
    }

    #[test]
    fn aws_is_where_the_region_says() {
        let url = |region: &str| Ec2Config::new(region, "ami-1").ssm_url().unwrap().to_string();
        assert_eq!(url("eu-west-1"), "https://ssm.eu-west-1.amazonaws.com/");
        assert_eq!(url("cn-north-1"), "https://ssm.cn-north-1.amazonaws.com.cn/");
        assert_eq!(Ec2Config::new("us-gov-west-1", "ami-1").partition(), "aws-us-gov");
    }
}

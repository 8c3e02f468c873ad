//! What of the configuration is about EC2.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use reef_commands::ports::RuntimeDriver;
use reef_runtimes::ec2::{CredentialSource, Ec2Config, Ec2Driver, Ec2Ports};
use zeroize::Zeroizing;

use crate::config::Config;

/// The driver, if EC2 is configured: a region and an image at least.
pub(crate) fn driver(config: &Config, ports: Ec2Ports) -> Result<Option<Arc<dyn RuntimeDriver>>> {
    let (Some(region), Some(ami)) = (&config.ec2_region, &config.ec2_ami) else {
        ensure!(
            config.ec2_region.is_none() && config.ec2_ami.is_none(),
            "ec2_region and ec2_ami go together"
        );
        return Ok(None);
    };
    let mut ec2 = Ec2Config::new(region, ami);
    let url = |name: &str, url: &Option<String>| match url {
        Some(url) => url.parse().map(Some).with_context(|| format!("{name}: {url}")),
        None => Ok(None),
    };
    ec2.ec2_endpoint = url("ec2_endpoint", &config.ec2_endpoint)?;
    ec2.ssm_endpoint = url("ec2_ssm_endpoint", &config.ec2_ssm_endpoint)?;
    ec2.instance_type.clone_from(&config.ec2_instance_type);
    ec2.subnet.clone_from(&config.ec2_subnet);
    ec2.instance_profile.clone_from(&config.ec2_instance_profile);
    ec2.login_user.clone_from(&config.ec2_login_user);
    ec2.wait_for_agent = config.ec2_wait_for_agent;
    ec2.gateway.unit.clone_from(&config.ec2_gateway_unit);
    ec2.gateway.user.clone_from(&config.ec2_gateway_user);
    ec2.gateway.home.clone_from(&config.ec2_gateway_home);
    ec2.gateway.port = config.ec2_gateway_port;
    ec2.credentials = credentials(config)?;
    let driver = Ec2Driver::new(ports, ec2).context("EC2")?;
    Ok(Some(Arc::new(driver)))
}

/// Keys of our own configuration, else what AWS's own variables name, else the role the server runs on.
fn credentials(config: &Config) -> Result<CredentialSource> {
    match (&config.ec2_access_key_id, &config.ec2_secret_access_key) {
        (Some(id), Some(secret)) => Ok(CredentialSource::Static {
            access_key_id: id.clone(),
            secret_access_key: Zeroizing::new(secret.clone()),
            session_token: None,
        }),
        (None, None) => Ok(CredentialSource::from_environment(|name| {
            std::env::var(name).ok()
        })),
        (Some(_), None) | (None, Some(_)) => {
            anyhow::bail!("ec2_access_key_id and ec2_secret_access_key go together")
        }
    }
}

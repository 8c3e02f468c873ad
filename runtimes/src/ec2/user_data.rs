//! What an instance does at its first boot: lets its owner in, and starts the agent that we reach it by.

use reef_commands::ports::DriverError;

use super::config::Ec2Config;

/// The script of a new instance. It holds the public key of its owner and nothing secret: user data can be
/// read by everything that runs on the instance.
pub(super) fn first_boot(config: &Ec2Config, key: Option<&str>) -> Result<String, DriverError> {
    let user = &config.login_user;
    let login = match key {
        Some(key) => {
            let key = one_line(key)?;
            format!(
                "id '{user}' >/dev/null 2>&1 || useradd --create-home --shell /bin/bash '{user}'\n\
                 home=$(getent passwd '{user}' | cut -d: -f6)\n\
                 install -d -m 700 -o '{user}' \"$home/.ssh\"\n\
                 touch \"$home/.ssh/authorized_keys\"\n\
                 grep -qxF '{key}' \"$home/.ssh/authorized_keys\" || echo '{key}' >> \"$home/.ssh/authorized_keys\"\n\
                 chown '{user}' \"$home/.ssh/authorized_keys\"\n\
                 chmod 600 \"$home/.ssh/authorized_keys\"\n"
            )
        }
        None => String::new(),
    };
    Ok(format!(
        "#!/bin/sh\nset -u\n{login}\
         systemctl enable --now amazon-ssm-agent 2>/dev/null \
         || systemctl enable --now snap.amazon-ssm-agent.amazon-ssm-agent.service 2>/dev/null \
         || snap start --enable amazon-ssm-agent\n"
    ))
}

/// A key that stays within its quotes.
fn one_line(key: &str) -> Result<&str, DriverError> {
    let key = key.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || " +/=@._-".contains(c);
    if key.is_empty() || !key.chars().all(plain) {
        return Err(DriverError::Permanent(
            "the SSH public key is not one line of authorized_keys".to_owned(),
        ));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Ec2Config {
        Ec2Config::new("eu-west-1", "ami-1")
    }

    #[test]
    fn the_owner_is_let_in_and_the_agent_started() {
        let script = first_boot(&config(), Some("ssh-ed25519 AAAAC3Nza ada@reef\n")).unwrap();
        assert!(script.starts_with("#!/bin/sh\n"));
        assert!(script.contains("echo 'ssh-ed25519 AAAAC3Nza ada@reef' >> \"$home/.ssh/authorized_keys\""));
        assert!(script.contains("systemctl enable --now amazon-ssm-agent"));
    }

    #[test]
    fn without_a_key_nobody_is() {
        assert!(!first_boot(&config(), None).unwrap().contains("authorized_keys"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", "a'b", "ssh-ed25519 A\nssh-ed25519 B", "$(id)"] {
            assert!(
                matches!(first_boot(&config(), Some(key)), Err(DriverError::Permanent(_))),
                "{key:?}"
            );
        }
    }
}

//! Specs of the key pair for logging in.

use super::{Did, Do, No, *};

fn key_made() -> Did {
    Did::SshKeyMade {
        public_key: "ssh-ed25519 AAAA rt_1".to_owned(),
        private_key: "sec_1".into(),
    }
}

#[test]
fn the_ssh_key_is_kept_once_and_given_away_once() {
    let keep = || Do::KeepSshKey {
        public_key: "ssh-ed25519 AAAA rt_1".to_owned(),
        private_key: "sec_1".into(),
    };
    let revealed = || Did::SshKeyRevealed {
        private_key: "sec_1".into(),
    };
    given::<Runtime>([requested()]).when(keep()).then([key_made()]);
    given::<Runtime>([requested(), key_made()]).when(keep()).then([]);
    given::<Runtime>([requested(), key_made()])
        .when(Do::RevealSshKey)
        .then([revealed()]);
    given::<Runtime>([requested(), key_made(), revealed()])
        .when(Do::RevealSshKey)
        .refused(No::SshKeyNotFound);
    given::<Runtime>([requested()])
        .when(Do::RevealSshKey)
        .refused(No::SshKeyNotFound);
    given::<Runtime>([
        requested(),
        key_made(),
        Did::DestructionStarted {},
        Did::Destroyed { ran_until: None },
    ])
    .when(Do::RevealSshKey)
    .refused(No::RuntimeNotFound);
}

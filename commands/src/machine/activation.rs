//! Activation: a person types the code on the machine, and the machine gets a token of its own.

use std::num::NonZeroU32;

use reef_domain::{
    Dialect, MachineId, RuntimeId,
    account::Account,
    machine::{Machine, MachineCommand, MachineRefusal},
    runtime::Tenancy,
};
use reef_projections::views::machine::MachineCredentials;
use ring::pbkdf2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LOCAL_PROVIDER;
use crate::{
    Audience, CommandError, Entropy, Outcome, Unit, UseCase,
    account::require_registered,
    digest_key,
    runtime::{NewRuntime, request_runtime},
};

/// Uses an activation code on the machine it was made for. The code alone is enough, no account's credential
/// is asked for. The answer has the node token, which is never shown again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateMachine {
    /// The code as it was shown; case and blanks around it do not matter.
    pub activation_code: String,
}

impl UseCase for ActivateMachine {
    const NAME: &'static str = "ActivateMachine";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "machines:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let unknown = || CommandError::from(MachineRefusal::CodeUnknown);
        let code = written(&self.activation_code).ok_or_else(unknown)?;
        let code_hash = digest_code(&code).await?;
        let views = &unit.services().views;
        let known = views.doc::<MachineCredentials>(&code_hash).await?;
        let machine_id = known
            .filter(|known| !known.is_token)
            .map(|known| known.machine_id);
        let machine_id: MachineId = machine_id.ok_or_else(unknown)?;
        // Removed meanwhile or another account's: as wrong as any other code.
        let machine = unit.edit::<Machine>(&machine_id).await.map_err(|error| {
            let hidden = matches!(error, CommandError::Unknown { .. } | CommandError::Foreign { .. });
            if hidden { unknown() } else { error }
        })?;
        let account_id = machine.account_id.clone().ok_or_else(unknown)?;
        let account = unit.owned::<Account>(&account_id).await?;
        require_registered(&account)?;
        let token = format!("reef_node_{}", unit.services().entropy.base62(43));
        let runtime_id: RuntimeId = unit.new_id("rt_");
        let activate = MachineCommand::Activate {
            code_hash,
            token_hash: digest_key(&token),
            runtime_id: runtime_id.clone(),
            now: unit.now(),
        };
        unit.decide::<Machine>(&machine_id, activate).await?;
        let runtime = NewRuntime {
            runtime_id: runtime_id.clone(),
            account_id,
            owner_user_id: machine.user_id.clone(),
            name: None,
            tenancy: Tenancy::Shared,
            provider: LOCAL_PROVIDER.to_owned(),
            region: None,
            image_ref: None,
            agent_id: None,
        };
        request_runtime(unit, runtime).await?;
        Ok(Outcome::of::<Machine>(&machine_id).showing(json!({
            "machine_id": machine_id,
            "name": machine.name,
            "runtime_id": runtime_id,
            "node_token": token,
        })))
    }
}

/// Letters and digits that nobody takes for one another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How much work it is to try one code: 40 bits are few where hashes can be read.
const ROUNDS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");
/// Domain of the hash; codes are looked up by it, so it is the same for all.
const SALT: &[u8] = b"reef/activation-code/1";

/// A new activation code, such as `TRPC-A1B2-C3D4`; in accounts of other APIs than Tropic's it begins with `REEF`.
pub fn new_code_text(entropy: &dyn Entropy, dialect: Dialect) -> String {
    let prefix = match dialect {
        Dialect::Tropic => "TRPC",
        Dialect::Native
        | Dialect::Agentbot
        | Dialect::Thermidora
        | Dialect::Expressclaw
        | Dialect::Agento => "REEF",
    };
    let mut random = [0_u8; 8];
    entropy.fill(&mut random);
    let letters: Vec<char> = random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect();
    let (first, second) = letters.split_at(4);
    format!(
        "{prefix}-{}-{}",
        String::from_iter(first),
        String::from_iter(second)
    )
}

/// The code as it was made, whatever a person made of it; `None`: it is none.
fn written(typed: &str) -> Option<String> {
    let typed = typed.trim().to_ascii_uppercase();
    let (prefix, letters) = typed.split_once('-')?;
    let letters = letters.replace('O', "0").replace(['I', 'L'], "1");
    let well_formed = matches!(prefix, "TRPC" | "REEF")
        && letters.len() == 9
        && letters.bytes().enumerate().all(|(index, byte)| match index {
            4 => byte == b'-',
            _ => LETTERS.contains(&byte),
        });
    well_formed.then(|| format!("{prefix}-{letters}"))
}

/// What is stored of a code and looked up: 64 lower-case hexadecimal digits. Slow on purpose, so it runs
/// beside the other requests.
pub async fn digest_code(code: &str) -> Result<String, CommandError> {
    let code = code.to_owned();
    let digest = tokio::task::spawn_blocking(move || {
        let mut hash = [0_u8; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            SALT,
            code.as_bytes(),
            &mut hash,
        );
        hex::encode(hash)
    });
    digest.await.map_err(|error| CommandError::Unavailable {
        reason: error.to_string(),
        unknown: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RandomEntropy;

    #[test]
    fn a_code_is_of_the_form_its_clients_know() {
        for (dialect, prefix) in [(Dialect::Tropic, "TRPC-"), (Dialect::Native, "REEF-")] {
            let code = new_code_text(&RandomEntropy, dialect);
            assert!(code.starts_with(prefix) && code.len() == 14, "{code}");
            assert_eq!(written(&code).as_ref(), Some(&code));
        }
    }

    #[test]
    fn what_people_make_of_a_code_is_understood() {
        assert_eq!(written(" trpc-oi1l-c3d4 \n").as_deref(), Some("TRPC-0111-C3D4"));
        for none in [
            "",
            "TRPC",
            "TRPC-A1B2C3D4",
            "TRPC-A1B2-C3D",
            "TRPC-A1B2-C3DU",
            "ABCD-A1B2-C3D4",
            "TRPC-A1B2-\u{e9}\u{e9}",
        ] {
            assert_eq!(written(none), None, "{none}");
        }
    }

    #[tokio::test]
    async fn the_hash_is_that_of_the_code_and_of_no_other() {
        let hash = digest_code("TRPC-A1B2-C3D4").await.unwrap();
        assert_eq!(hash.len(), 64);
        assert_eq!(digest_code("TRPC-A1B2-C3D4").await.unwrap(), hash);
        assert_ne!(digest_code("TRPC-A1B2-C3D5").await.unwrap(), hash);
    }
}

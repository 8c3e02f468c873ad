//! The key pair with which the owner of a shared runtime logs in to it.
//!
//! The private part goes to the vault, and from there to its owner once. Revealing is first of all an
//! event: it is appended under the sequence that the decision saw, with the key read but not yet given
//! away. So of two that ask at once one is answered; and from the append on everybody is refused, whatever
//! becomes of the answer, while the clean-up wipes what is kept until that is done. An answer that is lost
//! on its way is lost for good: it is not remembered under an idempotency key either, because whoever holds
//! that key could read it again.

use std::sync::Arc;

use reef_domain::{
    AccountId, Dialect, RuntimeId, UserId, VaultRef,
    account::Account,
    reservation::Reservation,
    runtime::{Runtime, RuntimeCommand, RuntimeRefusal},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::shared_runtime_reservation;
use crate::{
    Audience, CommandError, Outcome, Unit, UseCase,
    account::{acting_user, require_authority},
    ports::{VaultError, VaultOwner},
};

/// Whether owners of shared runtimes log in to them (contract/domain.md, section 4.7).
pub(super) fn has_ssh_key(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Tropic | Dialect::Native => true,
        Dialect::Agentbot | Dialect::Thermidora | Dialect::Expressclaw | Dialect::Agento => false,
    }
}

/// Whose the private key is in the vault: the user's, since the runtime has no id yet that would stay.
pub(crate) fn key_owner(user: &UserId) -> VaultOwner {
    VaultOwner::new("user", user)
}

/// The pair of one `ProvisionRuntime`: made and put into the vault once, however often it is decided.
#[derive(Debug, Clone, Default)]
pub struct PreparedKey(Arc<OnceCell<(String, VaultRef)>>);

impl PreparedKey {
    /// Has the runtime keep the pair.
    pub(super) async fn keep(
        &self,
        unit: &mut Unit<'_>,
        runtime_id: &RuntimeId,
        user: &UserId,
    ) -> Result<(), CommandError> {
        let services = unit.services();
        let (public_key, private_key) = self
            .0
            .get_or_try_init(|| async {
                let mut seed = Zeroizing::new([0; 32]);
                services.entropy.fill(&mut *seed);
                let (public, private) = pair(&seed, user)?;
                let place = services.vault.put(&key_owner(user), private.as_bytes()).await?;
                Ok::<_, CommandError>((public, place))
            })
            .await?
            .clone();
        let keep = RuntimeCommand::KeepSshKey {
            public_key,
            private_key,
        };
        unit.decide::<Runtime>(runtime_id, keep).await?;
        Ok(())
    }
}

/// A line of `authorized_keys`, and the private key as OpenSSH writes it.
fn pair(seed: &[u8; 32], user: &UserId) -> Result<(String, Zeroizing<String>), CommandError> {
    let corrupt = |error: ssh_key::Error| CommandError::Corrupt(format!("no SSH key could be made: {error}"));
    let key = PrivateKey::new(Ed25519Keypair::from_seed(seed).into(), user.as_str()).map_err(corrupt)?;
    let public = key.public_key().to_openssh().map_err(corrupt)?;
    Ok((public, key.to_openssh(LineEnding::LF).map_err(corrupt)?))
}

/// Gives the private SSH key of a shared runtime to its owner: once. What is kept of it is destroyed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealSshKeyOnce {
    /// The runtime; the user's shared one when absent.
    #[serde(default)]
    pub runtime_id: Option<RuntimeId>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose shared runtime; the caller's when absent, or else the account's owner's.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for RevealSshKeyOnce {
    const NAME: &'static str = "RevealSshKeyOnce";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let none = || CommandError::from(RuntimeRefusal::SshKeyNotFound);
        let runtime_id = match &self.runtime_id {
            Some(named) => named.clone(),
            None => self.shared_one(unit).await?.ok_or_else(none)?,
        };
        let runtime = unit.edit::<Runtime>(&runtime_id).await?;
        let (Some(account_id), Some(owner)) = (&runtime.account_id, &runtime.owner_user_id) else {
            return Err(none());
        };
        let account = unit.owned::<Account>(account_id).await?;
        require_authority(unit, &account, owner)?;
        unit.decide::<Runtime>(&runtime_id, RuntimeCommand::RevealSshKey)
            .await?;
        let key = runtime.ssh_key.as_ref().ok_or_else(none)?;
        let place = key.private_key.as_ref().ok_or_else(none)?;
        let private = match unit.services().vault.get(&key_owner(owner), place).await {
            Ok(private) => String::from_utf8_lossy(&private).into_owned(),
            Err(VaultError::Absent | VaultError::Destroyed) => return Err(none()),
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => return Err(error.into()),
        };
        let shown = json!({
            "runtime_id": runtime_id,
            "private_key": private,
            "public_key": key.public_key,
        });
        Ok(Outcome::of::<Runtime>(&runtime_id).showing(shown).unremembered())
    }
}

impl RevealSshKeyOnce {
    async fn shared_one(&self, unit: &mut Unit<'_>) -> Result<Option<RuntimeId>, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        let user = acting_user(unit, &account, self.user_id.as_ref())?;
        let held = unit
            .load::<Reservation>(shared_runtime_reservation(&user))
            .await?;
        Ok(held.holders.first().map(|id| RuntimeId::from(id.as_str())))
    }
}

#[cfg(test)]
mod tests;

//! Secrets that are the environment of a runtime: several at once, and the restart that a change needs.

use std::collections::BTreeMap;

use reef_domain::{
    AccountId, Decider, RuntimeId, VaultRef,
    account::Account,
    runtime::{Runtime, RuntimeCommand, Tenancy},
    secret::{
        MAX_SECRETS, OwnerKind, SecretOwner, Secrets, SecretsCommand, SecretsRefusal, is_environment_name,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{SecretValue, account_of};
use crate::{
    Audience, CommandError, Outcome, Unit, UseCase, ports::VaultOwner, secret_lookup::syncs_environment,
};

/// Sets several secrets of an account, user, agent or runtime, all of them or none; others stay. They can be replaced
/// and removed, never read back. Where secrets are the environment of a runtime, one that runs is restarted, and names
/// are those of environment variables.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreSecrets {
    /// Whose, `<kind>/<id>` such as `runtime/inst_1`.
    pub owner: SecretOwner,
    /// Name to value, at least one; a value has 1 to 65,536 bytes.
    pub secrets: BTreeMap<String, SecretValue>,
    /// The account; needed only from the operator, and only for a user's secrets.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Where the values were put: a second try of the same command puts them nowhere else.
    #[serde(skip)]
    #[schemars(skip)]
    placed: OnceCell<BTreeMap<String, VaultRef>>,
}

impl StoreSecrets {
    /// The command.
    pub fn new(owner: SecretOwner, secrets: impl IntoIterator<Item = (String, String)>) -> Self {
        let secrets = secrets.into_iter();
        Self {
            owner,
            secrets: secrets
                .map(|(name, value)| (name, SecretValue::from(value)))
                .collect(),
            account_id: None,
            placed: OnceCell::new(),
        }
    }

    fn store(&self, account_id: &AccountId, name: &str, vault_ref: VaultRef) -> SecretsCommand {
        SecretsCommand::Store {
            account_id: account_id.clone(),
            owner: self.owner.clone(),
            name: name.to_owned(),
            vault_ref,
        }
    }

    /// Refuses what cannot be stored before anything is in the vault.
    async fn check(&self, unit: &mut Unit<'_>, account_id: &AccountId) -> Result<(), CommandError> {
        if self.secrets.is_empty() || self.secrets.len() > MAX_SECRETS as usize {
            return Err(CommandError::malformed(
                "secrets",
                "1 to 200 secrets are stored at once",
            ));
        }
        let environment = is_environment(unit, &self.owner, account_id).await?.is_some();
        let mut secrets = Secrets::clone(&unit.load::<Secrets>(self.owner.to_string()).await?.state);
        for (name, value) in &self.secrets {
            value.check()?;
            if environment && !is_environment_name(name) {
                return Err(SecretsRefusal::NameInvalid.into());
            }
            if environment && value.expose().contains(&0) {
                return Err(CommandError::malformed(
                    "secrets",
                    "no environment variable holds a NUL",
                ));
            }
            for event in secrets.decide(self.store(account_id, name, "not placed yet".into()))? {
                secrets.evolve(&event);
            }
        }
        Ok(())
    }

    /// Puts every value into the vault, or none.
    async fn place(&self, unit: &Unit<'_>) -> Result<BTreeMap<String, VaultRef>, CommandError> {
        let vault = &unit.services().vault;
        let owner = VaultOwner(self.owner.to_string());
        let mut placed = BTreeMap::new();
        for (name, value) in &self.secrets {
            match vault.put(&owner, value.expose()).await {
                Ok(place) => placed.insert(name.clone(), place),
                Err(error) => {
                    for place in placed.values() {
                        if let Err(error) = vault.remove(&owner, place).await {
                            tracing::warn!(%error, "a value that nothing refers to stays in the vault");
                        }
                    }
                    return Err(error.into());
                }
            };
        }
        Ok(placed)
    }
}

impl UseCase for StoreSecrets {
    const NAME: &'static str = "StoreSecrets";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "secrets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = account_of(unit, &self.owner, self.account_id.as_ref()).await?;
        self.check(unit, &account_id).await?;
        let placed = self.placed.get_or_try_init(|| self.place(unit)).await?.clone();
        let stream = self.owner.to_string();
        for (name, place) in placed {
            let store = self.store(&account_id, &name, place);
            unit.decide::<Secrets>(&stream, store).await?;
        }
        let restarting = restart(unit, &self.owner, &account_id).await?;
        let shown = json!({ "stored": self.secrets.len(), "restarting": restarting.unwrap_or(false) });
        Ok(Outcome::of::<Secrets>(&stream).showing(shown))
    }
}

/// The runtime whose environment the owner's secrets are.
async fn is_environment(
    unit: &mut Unit<'_>,
    owner: &SecretOwner,
    account_id: &AccountId,
) -> Result<Option<RuntimeId>, CommandError> {
    if owner.kind != OwnerKind::Runtime {
        return Ok(None);
    }
    let id = RuntimeId::from(owner.id.as_str());
    let is_shared = unit.load::<Runtime>(&id).await?.tenancy == Tenancy::Shared;
    let dialect = unit.load::<Account>(account_id).await?.dialect;
    Ok(Some(id).filter(|_| is_shared && syncs_environment(dialect)))
}

/// Has a runtime whose environment changed restart. `None`: the secrets are nobody's environment; `false`: it does not
/// run, and has them when it starts.
pub(super) async fn restart(
    unit: &mut Unit<'_>,
    owner: &SecretOwner,
    account_id: &AccountId,
) -> Result<Option<bool>, CommandError> {
    let Some(id) = is_environment(unit, owner, account_id).await? else {
        return Ok(None);
    };
    unit.decide::<Runtime>(&id, RuntimeCommand::Restart).await?;
    Ok(Some(unit.load::<Runtime>(&id).await?.restarting))
}

//! Secrets: the value goes to the vault, the log gets its place there.

mod environment;
mod value;

use reef_domain::{
    AccountId, AgentId, RuntimeId, UserId, VaultRef,
    account::Account,
    agent::Agent,
    runtime::{Runtime, RuntimeStatus},
    secret::{OwnerKind, SecretOwner, Secrets, SecretsCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::{
    Audience, CommandError, CommandSpec, Outcome, Unit, UseCase, account::require_authority,
    ports::VaultOwner,
};

pub use environment::StoreSecrets;
pub use value::SecretValue;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<StoreSecret>(),
    CommandSpec::of::<StoreSecrets>(),
    CommandSpec::of::<RemoveSecret>(),
];

/// Sets a secret of an account, user, agent or runtime. It can be replaced and removed, never read back. Where secrets
/// are the environment of a runtime, one that runs is restarted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreSecret {
    /// Whose, `<kind>/<id>` such as `agent/agt_1`.
    pub owner: SecretOwner,
    /// Its name, such as `openai_api_key`.
    pub name: String,
    /// Its value, 1 to 65,536 bytes.
    pub value: SecretValue,
    /// The account; needed only from the operator, and only for a user's secret.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Where the value was put: a second try of the same command puts it nowhere else.
    #[serde(skip)]
    #[schemars(skip)]
    placed: OnceCell<VaultRef>,
}

impl StoreSecret {
    /// The command.
    pub fn new(owner: SecretOwner, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            owner,
            name: name.into(),
            value: SecretValue::from(value.into()),
            account_id: None,
            placed: OnceCell::new(),
        }
    }
}

impl UseCase for StoreSecret {
    const NAME: &'static str = "StoreSecret";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "secrets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = account_of(unit, &self.owner, self.account_id.as_ref()).await?;
        self.value.check()?;
        let stream = self.owner.to_string();
        let store = |vault_ref: VaultRef| SecretsCommand::Store {
            account_id: account_id.clone(),
            owner: self.owner.clone(),
            name: self.name.clone(),
            vault_ref,
        };
        // Refuse before anything is in the vault.
        let secrets = unit.load::<Secrets>(&stream).await?;
        reef_domain::Decider::decide(&*secrets.state, store("not placed yet".into()))?;
        let vault = &unit.services().vault;
        let owner = VaultOwner(stream.clone());
        let placed = self
            .placed
            .get_or_try_init(|| vault.put(&owner, self.value.expose()))
            .await?
            .clone();
        unit.decide::<Secrets>(&stream, store(placed)).await?;
        let outcome = Outcome::of::<Secrets>(&stream);
        Ok(
            match environment::restart(unit, &self.owner, &account_id).await? {
                Some(restarting) => outcome.showing(json!({ "restarting": restarting })),
                None => outcome,
            },
        )
    }
}

/// Removes a secret; its value is wiped from the vault. Where secrets are the environment of a runtime, one that runs is
/// restarted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveSecret {
    /// Whose, `<kind>/<id>`.
    pub owner: SecretOwner,
    /// Its name.
    pub name: String,
    /// The account; needed only from the operator, and only for a user's secret.
    #[serde(default)]
    pub account_id: Option<AccountId>,
}

impl UseCase for RemoveSecret {
    const NAME: &'static str = "RemoveSecret";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "secrets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = account_of(unit, &self.owner, self.account_id.as_ref()).await?;
        let stream = self.owner.to_string();
        unit.decide::<Secrets>(
            &stream,
            SecretsCommand::Remove {
                name: self.name.clone(),
            },
        )
        .await?;
        let outcome = Outcome::of::<Secrets>(&stream);
        Ok(
            match environment::restart(unit, &self.owner, &account_id).await? {
                Some(restarting) => outcome.showing(json!({ "restarting": restarting })),
                None => outcome,
            },
        )
    }
}

/// The account the owner is in; refuses an owner that does not exist or is not the caller's.
async fn account_of(
    unit: &mut Unit<'_>,
    owner: &SecretOwner,
    named: Option<&AccountId>,
) -> Result<AccountId, CommandError> {
    let unknown = || CommandError::Unknown {
        kind: owner.kind.name(),
        id: owner.id.clone(),
    };
    match owner.kind {
        OwnerKind::Account => {
            let account_id = AccountId::from(owner.id.as_str());
            let account = unit.owned::<Account>(&account_id).await?;
            // What is the account's serves all its users: an owner or admin sets it.
            if let Some(first) = account
                .users
                .keys()
                .find(|user| unit.caller().user_id.as_ref() != Some(*user))
            {
                require_authority(unit, &account, first)?;
            }
            Ok(account_id)
        }
        OwnerKind::User => {
            let account_id = unit.account(named)?;
            let account = unit.owned::<Account>(&account_id).await?;
            let user = UserId::from(owner.id.as_str());
            if !account.users.contains_key(&user) {
                return Err(unknown());
            }
            require_authority(unit, &account, &user)?;
            Ok(account_id)
        }
        OwnerKind::Agent => {
            let agent = unit.owned::<Agent>(AgentId::from(owner.id.as_str())).await?;
            agent.account_id.clone().ok_or_else(unknown)
        }
        OwnerKind::Runtime => {
            let runtime = unit.owned::<Runtime>(RuntimeId::from(owner.id.as_str())).await?;
            // What is being removed takes nothing new.
            let leaves = runtime.status == RuntimeStatus::Destroying;
            runtime.account_id.clone().filter(|_| !leaves).ok_or_else(unknown)
        }
    }
}

#[cfg(test)]
mod tests;

//! API keys: issued and shown once, revoked at once.

use reef_domain::{
    AccountId, ApiKeyId, RefusalKind, UserId,
    account::Account,
    api_key::{ApiKey, ApiKeyCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Audience, Caller, CommandError, CommandSpec, Outcome, Unit, UseCase,
    account::{acting_user, require_authority, require_registered},
    digest_key, new_key_text,
};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<IssueApiKey>(),
    CommandSpec::of::<RevokeApiKey>(),
];

/// How many characters of a key are kept to tell it from others.
const PREFIX_LEN: usize = 19;

/// Issues an API key; the key itself is in the answer and never shown again. It can do no more than the
/// credential it is issued with.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueApiKey {
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Who acts with it; the caller when absent, or else the account's owner.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Display name, 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// What it may be used for, such as `tasks:write`, `tasks:*` or `*`; all that the caller may when absent.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Id of the key; made when absent.
    #[serde(default)]
    pub key_id: Option<ApiKeyId>,
}

impl UseCase for IssueApiKey {
    const NAME: &'static str = "IssueApiKey";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "keys:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        require_registered(&account)?;
        let user_id = acting_user(unit, &account, self.user_id.as_ref())?;
        let scopes = self
            .scopes
            .clone()
            .unwrap_or_else(|| unit.caller().scopes.clone());
        require_held(unit.caller(), &scopes)?;
        let key_id = self.key_id.clone().unwrap_or_else(|| unit.new_id("key_"));
        let key = new_key_text(unit.services().entropy.as_ref(), account.dialect);
        let prefix: String = key.chars().take(PREFIX_LEN).collect();
        let issue = ApiKeyCommand::Issue {
            key_id: key_id.clone(),
            account_id,
            user_id,
            dialect: account.dialect,
            name: self.name.clone(),
            prefix: prefix.clone(),
            sha256: digest_key(&key),
            scopes,
        };
        unit.decide::<ApiKey>(&key_id, issue).await?;
        Ok(Outcome::of::<ApiKey>(&key_id).showing(json!({ "key_id": key_id, "key": key, "prefix": prefix })))
    }
}

/// Whether the credential has all of the scopes. `noun:*` is held only as such or through `*`.
fn require_held(caller: &Caller, scopes: &[String]) -> Result<(), CommandError> {
    match scopes.iter().find(|scope| !caller.may(scope)) {
        None => Ok(()),
        Some(scope) => Err(CommandError::refused(
            "scope_not_held",
            RefusalKind::Forbidden,
            format!("the credential itself does not have the scope {scope:?}"),
        )),
    }
}

/// Revokes an API key; the next request with it is refused, on every node.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// The key's id.
    pub key_id: ApiKeyId,
}

impl UseCase for RevokeApiKey {
    const NAME: &'static str = "RevokeApiKey";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "keys:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let key = unit.edit::<ApiKey>(&self.key_id).await?;
        if let (Some(account_id), Some(user_id)) = (&key.account_id, &key.user_id) {
            let account = unit.owned::<Account>(account_id).await?;
            require_authority(unit, &account, user_id)?;
        }
        unit.decide::<ApiKey>(&self.key_id, ApiKeyCommand::Revoke).await?;
        Ok(Outcome::of::<ApiKey>(&self.key_id))
    }
}

#[cfg(test)]
mod tests;

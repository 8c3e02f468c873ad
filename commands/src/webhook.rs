//! Webhooks: what accounts do with them, and what a delivery is made of.
//!
//! A secret is put into the vault under a data key of the webhook's own before the event that names its place; it
//! perishes with the webhook.

mod body;
mod deliver;
mod removal;
mod rotate;
mod secret;
mod signature;
mod switch;

use reef_domain::{
    AccountId, AgentId, Change, RefusalKind, RuntimeId, VaultRef, WebhookId,
    account::Account,
    agent::Agent,
    reservation::{Reservation, ReservationCommand},
    runtime::Runtime,
    webhook::{Webhook, WebhookCommand, WebhookForm, WebhookUpdate},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::{
    Audience, CommandError, CommandSpec, Outcome, Unit, UseCase, account::require_registered,
    ports::WebhookFailure,
};

pub use body::{ThermidoraBody, ThermidoraData, ThermidoraSender};
pub use deliver::{ReplayWebhook, ResendWebhookDelivery, TestWebhook};
pub(crate) use removal::delete_webhooks_of;
pub use rotate::RotateWebhookSecret;
pub use secret::{NotASecret, WebhookSecret, signing_secrets, vault_owner};
pub use signature::{Header, sign};
pub use switch::{DisableWebhook, EnableWebhook, disable_webhook};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<CreateWebhook>(),
    CommandSpec::of::<UpdateWebhook>(),
    CommandSpec::of::<EnableWebhook>(),
    CommandSpec::of::<DisableWebhook>(),
    CommandSpec::of::<RotateWebhookSecret>(),
    CommandSpec::of::<TestWebhook>(),
    CommandSpec::of::<ReplayWebhook>(),
    CommandSpec::of::<ResendWebhookDelivery>(),
    CommandSpec::of::<DeleteWebhook>(),
];

/// Most webhooks of one account.
pub const MAX_WEBHOOKS: u32 = 50;

/// What is sent, the same at every try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMessage {
    /// `webhook-id`: the same whenever the same event is delivered to the same webhook.
    pub id: String,
    /// What subscribers call the event.
    pub event: String,
    /// The body.
    pub body: String,
}

/// The stream that counts the webhooks of an account.
fn places(account: &AccountId) -> String {
    format!("webhooks/{account}")
}

/// Makes a webhook: what matches is delivered to its URL from now on, or from a position. The answer has the secret
/// that deliveries are signed with.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where to: an absolute https URL of at most 2048 bytes, without user info, that leads to no private address.
    pub url: String,
    /// Which events: stored event types such as `AgentStarted`, or `*`; in Thermidora's form `cron.completed`,
    /// `agent.message`, `agent.error` or `*`.
    pub events: Vec<String>,
    /// What a delivery looks like; `native` when absent.
    #[serde(default)]
    pub form: WebhookForm,
    /// Only events of these aggregate types, such as `agent`; of all when empty.
    #[serde(default)]
    pub aggregate_types: Vec<String>,
    /// Only what is about this runtime.
    #[serde(default)]
    pub runtime_id: Option<RuntimeId>,
    /// Only what is about this agent.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// What its owner says of it, at most 500 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// The secret to sign with; made when absent.
    #[serde(default)]
    pub secret: Option<WebhookSecret>,
    /// The first position to deliver; what is recorded from now on when absent.
    #[serde(default)]
    pub from: Option<u64>,
    /// Id of the webhook; made when absent.
    #[serde(default)]
    pub webhook_id: Option<WebhookId>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Which secret was put where: a second try of the same command puts it nowhere else.
    #[serde(skip)]
    #[schemars(skip)]
    placed: OnceCell<Placed>,
}

/// A secret in the vault.
#[derive(Debug, Clone)]
struct Placed {
    webhook_id: WebhookId,
    secret: WebhookSecret,
    at: VaultRef,
}

impl CreateWebhook {
    /// The command.
    pub fn new(url: impl Into<String>, events: Vec<String>) -> Self {
        Self {
            url: url.into(),
            events,
            form: WebhookForm::default(),
            aggregate_types: Vec::new(),
            runtime_id: None,
            agent_id: None,
            description: None,
            secret: None,
            from: None,
            webhook_id: None,
            account_id: None,
            placed: OnceCell::new(),
        }
    }

    fn create(
        &self,
        id: &WebhookId,
        account: &AccountId,
        secret: &WebhookSecret,
        at: VaultRef,
    ) -> WebhookCommand {
        WebhookCommand::Create {
            webhook_id: id.clone(),
            account_id: account.clone(),
            url: self.url.clone(),
            form: self.form,
            events: self.events.clone(),
            aggregate_types: self.aggregate_types.clone(),
            runtime_id: self.runtime_id.clone(),
            agent_id: self.agent_id.clone(),
            description: self.description.clone(),
            secret_ref: at,
            secret_hint: secret.hint(),
            from: self.from,
        }
    }
}

impl UseCase for CreateWebhook {
    const NAME: &'static str = "CreateWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        require_registered(&account)?;
        require_scope(
            unit,
            &account_id,
            self.runtime_id.as_ref(),
            self.agent_id.as_ref(),
        )
        .await?;
        require_reached(unit, self.from).await?;
        let known = self.placed.get().map(|placed| placed.webhook_id.clone());
        let id = known
            .or_else(|| self.webhook_id.clone())
            .unwrap_or_else(|| unit.new_id("wh_"));
        let claim = ReservationCommand::Claim {
            holder: id.to_string(),
            limit: MAX_WEBHOOKS,
        };
        unit.decide::<Reservation>(places(&account_id), claim).await?;
        let secret = match self.placed.get() {
            Some(placed) => placed.secret.clone(),
            None => own_or_new(unit, self.secret.as_ref()),
        };
        // Refuse before anything is in the vault.
        let webhook = unit.load::<Webhook>(&id).await?;
        let trial = self.create(&id, &account_id, &secret, "not placed yet".into());
        reef_domain::Decider::decide(&*webhook.state, trial)?;
        require_deliverable(unit, &self.url).await?;
        let placed = self.placed.get_or_try_init(|| place(unit, &id, secret)).await?;
        let create = self.create(&id, &account_id, &placed.secret, placed.at.clone());
        unit.decide::<Webhook>(&id, create).await?;
        let result = json!({ "webhook_id": id, "secret": placed.secret.expose() });
        Ok(Outcome::of::<Webhook>(&id).showing(result).subject(&id))
    }
}

fn own_or_new(unit: &Unit<'_>, given: Option<&WebhookSecret>) -> WebhookSecret {
    match given {
        Some(given) => given.clone(),
        None => WebhookSecret::generate(unit.services().entropy.as_ref()),
    }
}

async fn place(unit: &Unit<'_>, id: &WebhookId, secret: WebhookSecret) -> Result<Placed, CommandError> {
    let vault = &unit.services().vault;
    let at = vault.put(&vault_owner(id), secret.expose().as_bytes()).await?;
    Ok(Placed {
        webhook_id: id.clone(),
        secret,
        at,
    })
}

/// Whether runtime and agent are there, and the account's.
async fn require_scope(
    unit: &mut Unit<'_>,
    account: &AccountId,
    runtime: Option<&RuntimeId>,
    agent: Option<&AgentId>,
) -> Result<(), CommandError> {
    if let Some(id) = runtime {
        let owner = unit.owned::<Runtime>(id).await?.account_id.clone();
        require_same(account, owner.as_ref(), "runtime", id.as_str())?;
    }
    if let Some(id) = agent {
        let owner = unit.owned::<Agent>(id).await?.account_id.clone();
        require_same(account, owner.as_ref(), "agent", id.as_str())?;
    }
    Ok(())
}

/// Who may act for every account still cannot tie a webhook to another account's things.
fn require_same(
    account: &AccountId,
    owner: Option<&AccountId>,
    kind: &'static str,
    id: &str,
) -> Result<(), CommandError> {
    if owner == Some(account) {
        return Ok(());
    }
    Err(CommandError::Foreign {
        kind,
        id: id.to_owned(),
    })
}

/// Whether the log reaches up to just before that position.
async fn require_reached(unit: &Unit<'_>, from: Option<u64>) -> Result<(), CommandError> {
    match from {
        Some(from) if from > unit.services().log.head().await?.position + 1 => Err(CommandError::malformed(
            "from",
            "the log does not reach that position yet",
        )),
        Some(_) | None => Ok(()),
    }
}

/// Whether a delivery could go there now. A name that has no address yet, or a name server that does not answer,
/// keeps no webhook from being made: every try of a delivery is judged again.
async fn require_deliverable(unit: &Unit<'_>, url: &str) -> Result<(), CommandError> {
    let sender = unit.services().gateways.webhooks.as_ref();
    if url.starts_with("http://") && !sender.is_some_and(|sender| sender.allows_http()) {
        return Err(url_refused("a webhook's URL is https"));
    }
    let Some(sender) = sender else {
        return Ok(());
    };
    match sender.check(url).await {
        Err(WebhookFailure::Refused(reason)) => Err(url_refused(reason)),
        Ok(())
        | Err(
            WebhookFailure::Dns(_)
            | WebhookFailure::Connect(_)
            | WebhookFailure::Tls(_)
            | WebhookFailure::Timeout
            | WebhookFailure::Protocol(_),
        ) => Ok(()),
    }
}

fn url_refused(reason: impl Into<String>) -> CommandError {
    CommandError::refused("webhook_url_refused", RefusalKind::Invalid, reason)
}

/// Changes what is given, leaves the rest; `null` clears. What is not delivered yet goes to the new URL.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Where to.
    #[serde(default)]
    pub url: Option<String>,
    /// Which events.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Of which aggregate types; of all when empty.
    #[serde(default)]
    pub aggregate_types: Option<Vec<String>>,
    /// Of which runtime.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub runtime_id: Change<RuntimeId>,
    /// Of which agent.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub agent_id: Change<AgentId>,
    /// What its owner says of it, at most 500 characters.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
}

impl UseCase for UpdateWebhook {
    const NAME: &'static str = "UpdateWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let webhook = unit.edit::<Webhook>(&self.webhook_id).await?;
        let account = webhook
            .account_id
            .clone()
            .ok_or_else(|| unknown(&self.webhook_id))?;
        require_scope(unit, &account, set(&self.runtime_id), set(&self.agent_id)).await?;
        let update = WebhookUpdate {
            url: self.url.clone(),
            events: self.events.clone(),
            aggregate_types: self.aggregate_types.clone(),
            runtime_id: self.runtime_id.clone(),
            agent_id: self.agent_id.clone(),
            description: self.description.clone(),
        };
        unit.decide::<Webhook>(&self.webhook_id, WebhookCommand::Update(update))
            .await?;
        if let Some(url) = self.url.as_ref().filter(|url| **url != webhook.url) {
            require_deliverable(unit, url).await?;
        }
        Ok(Outcome::of::<Webhook>(&self.webhook_id))
    }
}

fn set<T>(change: &Change<T>) -> Option<&T> {
    match change {
        Change::Set(value) => Some(value),
        Change::Keep | Change::Clear => None,
    }
}

fn unknown(id: &WebhookId) -> CommandError {
    CommandError::Unknown {
        kind: "webhook",
        id: id.to_string(),
    }
}

/// Deletes a webhook: nothing more is delivered, also not what was to be tried again. Its secrets are wiped.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
}

impl UseCase for DeleteWebhook {
    const NAME: &'static str = "DeleteWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let webhook = unit.edit::<Webhook>(&self.webhook_id).await?;
        removal::delete(unit, &self.webhook_id, &webhook).await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id))
    }
}

#[cfg(test)]
mod tests;

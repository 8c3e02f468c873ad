//! Buying credits: a page at the payment provider, and the provider's word that it was paid.
//!
//! The page is opened before anything is stored, under an idempotency token made of the checkout's id: where
//! the provider fails nothing is stored, and a request that is repeated with its `Idempotency-Key` finds
//! the page it opened before. A page that was opened and not stored was shown to nobody, and lapses.
//!
//! What is granted is what our own event says was agreed, not what the provider's event says.

use reef_domain::{
    AccountId, CheckoutId, RefusalKind, UserId,
    account::Account,
    ledger::{Ledger, LedgerCommand, LedgerRefusal, price_cents},
};
use reef_projections::views::checkout::Checkouts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::{
    Audience, Bus, Caller, CommandError, Outcome, Request, Unit, UseCase,
    account::{acting_user, require_registered},
    digest_key,
    ports::{CheckoutRequest, EffectToken, PaymentError, PaymentEvent},
};

/// Longest URL a person is sent back to, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// Opens a payment page for credits; its URL is in the answer. The balance changes once it is paid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartCreditCheckout {
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Who buys; the caller when absent, or else the account's owner.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// How many credits, 1 to 1,000,000; 1000 cost 25 US dollars.
    pub quantity: u32,
    /// Where the person goes after paying; an absolute http or https URL of at most 2048 bytes.
    pub success_url: String,
    /// Where the person goes instead; an absolute http or https URL of at most 2048 bytes.
    pub cancel_url: String,
}

impl StartCreditCheckout {
    fn check(&self) -> Result<(), CommandError> {
        if !(1..=Ledger::MAX_PURCHASE_CREDITS).contains(&self.quantity) {
            let limit = Ledger::MAX_PURCHASE_CREDITS;
            return Err(LedgerRefusal::QuantityInvalid { limit }.into());
        }
        require_url("success_url", &self.success_url)?;
        require_url("cancel_url", &self.cancel_url)
    }
}

fn require_url(field: &str, text: &str) -> Result<(), CommandError> {
    let absolute =
        Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if absolute && text.len() <= MAX_URL_BYTES {
        return Ok(());
    }
    Err(CommandError::malformed(
        field,
        "not an absolute http or https URL of at most 2048 bytes",
    ))
}

/// The id of the purchase: that of the first try, where the client names the request.
fn checkout_id(unit: &Unit<'_>) -> CheckoutId {
    let name = match &unit.request().idempotency_key {
        Some(key) => digest_key(&format!("{}\n{key}", unit.request().idempotency_scope()))[..24].to_owned(),
        None => unit.services().entropy.alnum(24),
    };
    CheckoutId::from(format!("chk_{name}"))
}

impl UseCase for StartCreditCheckout {
    const NAME: &'static str = "StartCreditCheckout";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "credits:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        require_registered(&account)?;
        let user_id = acting_user(unit, &account, self.user_id.as_ref())?;
        self.check()?;
        let payments = unit.services().gateways.payments.as_ref();
        let payments = payments.ok_or_else(not_configured)?;
        let amount_cents = price_cents(self.quantity);
        if amount_cents < payments.minimum_cents() {
            return Err(too_small(payments.minimum_cents()));
        }
        let checkout_id = checkout_id(unit);
        let request = CheckoutRequest {
            checkout_id: checkout_id.clone(),
            account_id: account_id.clone(),
            user_id: user_id.clone(),
            credits: self.quantity,
            amount_cents,
            success_url: self.success_url.clone(),
            cancel_url: self.cancel_url.clone(),
        };
        let token = EffectToken(format!("checkout-{checkout_id}"));
        let session = payments.create_checkout(&request, &token).await?;
        let start = LedgerCommand::StartCheckout {
            account_id: account_id.clone(),
            checkout_id: checkout_id.clone(),
            user_id,
            credits: self.quantity,
            provider_ref: session.provider_ref,
        };
        unit.decide::<Ledger>(&account_id, start).await?;
        let result = json!({
            "checkout_id": checkout_id,
            "url": session.url,
            "credits": self.quantity,
            "price_cents": amount_cents,
        });
        Ok(Outcome::of::<Ledger>(&account_id).showing(result))
    }
}

fn not_configured() -> CommandError {
    CommandError::refused(
        "payments_not_configured",
        RefusalKind::NotReady,
        "no payment provider is configured",
    )
}

fn too_small(minimum_cents: u64) -> CommandError {
    let credits = (minimum_cents * 2).div_ceil(5);
    let (dollars, cents) = (minimum_cents / 100, minimum_cents % 100);
    CommandError::refused(
        "purchase_too_small",
        RefusalKind::Invalid,
        format!("the smallest purchase is {credits} credits (${dollars}.{cents:02})"),
    )
}

/// Adds the credits of a purchase that was paid. Again changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteCheckout {
    /// The purchase.
    pub checkout_id: CheckoutId,
    /// What the payment provider calls it: must be what it was called when it was started.
    pub provider_ref: String,
}

impl UseCase for CompleteCheckout {
    const NAME: &'static str = "CompleteCheckout";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "credits:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let known = unit
            .services()
            .views
            .doc::<Checkouts>(self.checkout_id.as_str())
            .await?;
        let account_id = known
            .map(|checkout| checkout.account_id)
            .ok_or_else(|| CommandError::Unknown {
                kind: "checkout",
                id: self.checkout_id.to_string(),
            })?;
        // Whose account it is, and whether that is closed by now, does not matter: it is paid.
        let complete = LedgerCommand::CompleteCheckout {
            checkout_id: self.checkout_id.clone(),
            provider_ref: self.provider_ref.clone(),
            entry_id: unit.new_id("txn_"),
        };
        unit.decide::<Ledger>(&account_id, complete).await?;
        Ok(Outcome::of::<Ledger>(&account_id))
    }
}

/// What came of a provider's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The credits were added.
    Granted,
    /// They were added before.
    AlreadyGranted,
    /// It is about nothing that was started here.
    NotOurs,
}

/// Applies an event of the payment provider whose signature was verified. An error means that the provider
/// has to deliver it again; an event that is not ours is none.
pub async fn apply_payment_event(bus: &Bus, event: PaymentEvent) -> Result<Applied, CommandError> {
    let (event_id, complete) = match event {
        PaymentEvent::Other { event_id, kind } => {
            tracing::debug!(event_id, kind, "payment event of no interest");
            return Ok(Applied::NotOurs);
        }
        PaymentEvent::Paid {
            event_id,
            checkout_id,
            provider_ref,
        } => {
            let complete = CompleteCheckout {
                checkout_id,
                provider_ref,
            };
            (event_id, complete)
        }
    };
    let request = Request::new(Caller::system("payments"), event_id);
    match bus.execute(&complete, request).await {
        Ok(answer) if answer.events.is_empty() => Ok(Applied::AlreadyGranted),
        Ok(_) => Ok(Applied::Granted),
        Err(error) if is_not_ours(&error) => {
            tracing::warn!(checkout_id = %complete.checkout_id, %error, "payment for no checkout of ours");
            Ok(Applied::NotOurs)
        }
        Err(error) => Err(error),
    }
}

fn is_not_ours(error: &CommandError) -> bool {
    let not_started =
        [LedgerRefusal::CheckoutNotFound, LedgerRefusal::CheckoutConflict].map(CommandError::from);
    matches!(error, CommandError::Unknown { .. }) || not_started.contains(error)
}

impl From<PaymentError> for CommandError {
    fn from(error: PaymentError) -> Self {
        let (code, kind) = match error {
            PaymentError::Refused(_) => ("payment_refused", RefusalKind::Invalid),
            PaymentError::Misconfigured(_) => ("payments_misconfigured", RefusalKind::NotReady),
            PaymentError::Unavailable(_) => ("payments_unavailable", RefusalKind::NotReady),
            PaymentError::BadSignature(_) => ("payment_signature_invalid", RefusalKind::Invalid),
            PaymentError::Malformed(_) => ("payment_event_invalid", RefusalKind::Invalid),
        };
        Self::refused(code, kind, error.to_string())
    }
}

#[cfg(test)]
mod tests;

//! Mail: sends each login code to the owner of its account, and then wipes it from the vault.
//!
//! A code that was replaced, used or has lapsed meanwhile is only wiped. A letter may be sent twice, with the same
//! code and the same `Message-ID`; a code is never wiped unsent while it could still be used.

use async_trait::async_trait;
use reef_domain::{
    AccountId, AnyEvent, Envelope, VaultRef,
    account::Account,
    login::{Login, LoginEvent},
};
use zeroize::Zeroizing;

use super::Context;
use crate::{
    follower::{Cause, EffectError, Intent, ProcessManager},
    login::code_owner,
    ports::{Letter, MailError, VaultError},
};

/// Name of the manager.
pub const NAME: &str = "mail";

/// The mail manager.
pub struct Mails(Context);

impl Mails {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The login code of an account, from its place in the vault.
    LoginCode(AccountId, VaultRef),
}

#[async_trait]
impl ProcessManager for Mails {
    type Action = Action;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Action>> {
        let AnyEvent::Login(event) = &envelope.event else {
            return Vec::new();
        };
        match event {
            LoginEvent::Requested { account_id, code, .. } => {
                // A key of its own: a letter that cannot be sent holds up no later one, which makes it void.
                let key = format!("login/{account_id}/{}", envelope.position);
                let action = Action::LoginCode(account_id.clone(), code.clone());
                vec![Intent::new(key, "send", action)]
            }
            LoginEvent::Verified {} | LoginEvent::Refused {} | LoginEvent::Voided { .. } => Vec::new(),
        }
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::LoginCode(account_id, place) => self.send_code(account_id, place, cause).await,
        }
    }
}

impl Mails {
    async fn send_code(
        &self,
        account_id: &AccountId,
        place: &VaultRef,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let services = self.0.bus.services();
        let owner = code_owner(account_id);
        let login = self.0.bus.state::<Login>(account_id).await?;
        if login.is_some_and(|login| login.awaits(place, services.clock.now())) {
            match services.vault.get(&owner, place).await {
                Ok(code) => {
                    let code = Zeroizing::new(String::from_utf8_lossy(&code).into_owned());
                    self.deliver(account_id, &code, cause).await?;
                }
                // It was sent and wiped before.
                Err(VaultError::Absent | VaultError::Destroyed) => return Ok(()),
                Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => {
                    return Err(error.into());
                }
            }
        }
        match services.vault.remove(&owner, place).await {
            Ok(()) | Err(VaultError::Destroyed | VaultError::Absent) => Ok(()),
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => Err(error.into()),
        }
    }

    async fn deliver(&self, account_id: &AccountId, code: &str, cause: &Cause) -> Result<(), EffectError> {
        let account = self.0.bus.state::<Account>(account_id).await?;
        let Some(to) = account.and_then(|account| account.owner_email.clone()) else {
            return Ok(());
        };
        let Some(mail) = &self.0.bus.services().gateways.mail else {
            let reason = "a login code is to be sent, and no mail server is configured on this node";
            return Err(EffectError::Transient(reason.to_owned()));
        };
        let text = format!(
            "Your login code is {code}\n\nIt works once and for ten minutes. If you did not ask for it, ignore \
             this message:\nwithout the code nobody can sign in.\n"
        );
        let letter = Letter {
            to,
            subject: "Your login code".to_owned(),
            text: Zeroizing::new(text),
        };
        mail.send(&letter, &cause.token())
            .await
            .map_err(|error| match error {
                MailError::Transient(reason) => EffectError::Transient(reason),
                MailError::Permanent(reason) => EffectError::Permanent(reason),
            })
    }
}

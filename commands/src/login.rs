//! Signing in with a code that is sent by mail.
//!
//! The code is in no event: it waits in the vault until the mail manager has sent it, and what the log keeps is a
//! digest that cannot be searched without the server's key. An e-mail that no account has leaves no trace.

use std::sync::Arc;

use reef_domain::{
    AccountId, Dialect, UserId,
    account::{Account, AccountStatus},
    login::{Login, LoginCommand, LoginEvent},
    reservation::Reservation,
};
use zeroize::Zeroizing;

use crate::{
    Answer, Bus, Caller, CommandError, Entropy, Request,
    account::email_reservation,
    ports::{AccountTokens, VaultOwner},
};

/// Whose a code is in the vault.
pub(crate) fn code_owner(account: &AccountId) -> VaultOwner {
    VaultOwner::new("account", account)
}

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The account.
    pub account_id: AccountId,
    /// Its owner.
    pub user_id: UserId,
}

/// Signing in to accounts of one dialect.
pub struct Logins<'a> {
    /// Commands and states.
    pub bus: &'a Bus,
    /// Digests codes.
    pub tokens: &'a Arc<dyn AccountTokens>,
    /// The wire API of the accounts.
    pub dialect: Dialect,
    /// What the events are filed under.
    pub correlation_id: &'a str,
}

impl Logins<'_> {
    /// Has a new code sent to the address, if an account that is in use has it.
    ///
    /// The code `too_many_login_codes` refuses those who asked too often.
    pub async fn request(&self, email: &str) -> Result<(), CommandError> {
        let Some(account_id) = self.account_of(email).await? else {
            return Ok(());
        };
        let services = self.bus.services();
        let code = new_code(&*services.entropy);
        let owner = code_owner(&account_id);
        let place = services.vault.put(&owner, code.as_bytes()).await?;
        let request = LoginCommand::Request {
            account_id: account_id.clone(),
            code_digest: self.digest(&account_id, &code),
            code: place.clone(),
            now: services.clock.now(),
        };
        let decided = self.decide(&account_id, request).await;
        if matches!(decided, Err(CommandError::Refused { .. })) {
            services.vault.remove(&owner, &place).await?;
        }
        decided.map(drop)
    }

    /// Who signed in, if that is the code that was sent to the address last, and works still.
    pub async fn verify(&self, email: &str, code: &str) -> Result<Option<SignedIn>, CommandError> {
        let Some(account_id) = self.account_of(email).await? else {
            return Ok(None);
        };
        let verify = LoginCommand::Verify {
            code_digest: self.digest(&account_id, code),
            now: self.bus.services().clock.now(),
        };
        let done = match self.decide(&account_id, verify).await {
            Ok(done) => done,
            Err(CommandError::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let verified = LoginEvent::Verified {};
        let verified = reef_domain::Event::event_type(&verified);
        if !done.events.iter().any(|event| event.kind == verified) {
            return Ok(None);
        }
        let account = self.bus.state::<Account>(&account_id).await?;
        let owner = account.and_then(|account| account.owner().cloned());
        Ok(owner.map(|user_id| SignedIn { account_id, user_id }))
    }

    /// The account in use whose owner has the address, compared without regard to case.
    async fn account_of(&self, email: &str) -> Result<Option<AccountId>, CommandError> {
        let reservation = email_reservation(self.dialect, email);
        let held = self.bus.state::<Reservation>(reservation).await?;
        let Some(holder) = held.and_then(|held| held.holders.first().cloned()) else {
            return Ok(None);
        };
        let account_id = AccountId::from(holder);
        let account = self.bus.state::<Account>(&account_id).await?;
        let in_use = account.is_some_and(|account| account.status == AccountStatus::Registered);
        Ok(in_use.then_some(account_id))
    }

    /// The same code of two accounts has two digests.
    fn digest(&self, account_id: &AccountId, code: &str) -> String {
        self.tokens.digest("login code", &format!("{account_id}/{code}"))
    }

    async fn decide(&self, account_id: &AccountId, command: LoginCommand) -> Result<Answer, CommandError> {
        let request = Request::new(Caller::system("login"), self.correlation_id);
        self.bus.decide::<Login>(account_id, command, &request).await
    }
}

/// Six random digits, each equally likely.
fn new_code(entropy: &dyn Entropy) -> Zeroizing<String> {
    const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < FAIR {
            return Zeroizing::new(format!("{:06}", number % 1_000_000));
        }
    }
}

#[cfg(test)]
mod tests;

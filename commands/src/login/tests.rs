//! Specs of signing in with a code.

use reef_domain::login::LoginCommand as Do;

use super::*;
use crate::{
    Gateways,
    account::SuspendAccount,
    digest_key,
    ports::{TokenError, TokenHolder, VaultError},
    spec::World,
};

/// Digests with a key that the log does not have.
struct Keyed;

impl AccountTokens for Keyed {
    fn issue(&self, _: &TokenHolder) -> Result<String, TokenError> {
        Err(TokenError::Unavailable("no tokens here".to_owned()))
    }

    fn verify(&self, _: &str) -> Result<TokenHolder, TokenError> {
        Err(TokenError::Invalid("no tokens here".to_owned()))
    }

    fn digest(&self, purpose: &str, secret: &str) -> String {
        digest_key(&format!("key/{purpose}/{secret}"))
    }
}

struct Stage {
    world: World,
    tokens: Arc<dyn AccountTokens>,
    account: AccountId,
}

impl Stage {
    async fn new() -> Self {
        let world = World::with(Gateways::default());
        let ada = world.account("ada", Dialect::Thermidora).await;
        Self {
            world,
            tokens: Arc::new(Keyed),
            account: ada.account,
        }
    }

    fn logins(&self) -> Logins<'_> {
        Logins {
            bus: &self.world.bus,
            tokens: &self.tokens,
            dialect: Dialect::Thermidora,
            correlation_id: "spec",
        }
    }

    /// The code that waits for being sent.
    async fn waiting(&self) -> String {
        let login: Login = self.world.state(&self.account).await;
        let place = login.pending.unwrap().code;
        let vault = &self.world.bus.services().vault;
        let code = vault.get(&code_owner(&self.account), &place).await.unwrap();
        String::from_utf8(code.to_vec()).unwrap()
    }
}

/// Another code than that.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn the_right_code_signs_in_once() {
    let stage = Stage::new().await;
    stage.logins().request("Ada@Example.com ").await.unwrap();
    let code = stage.waiting().await;
    assert!(
        code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
        "{code}"
    );
    let log = format!("{:?}", stage.world.store.events());
    assert!(
        !log.contains(&code) && !log.contains(&digest_key(&code)),
        "the log says nothing of it"
    );
    let verify = async |code: &str| stage.logins().verify("ada@example.com", code).await.unwrap();
    assert_eq!(verify(wrong(&code)).await, None);
    let signed_in = verify(&code).await.unwrap();
    assert_eq!(signed_in.account_id, stage.account);
    assert_eq!(verify(&code).await, None);
}

#[tokio::test]
async fn of_two_that_give_the_right_code_at_once_one_signs_in() {
    let stage = Stage::new().await;
    stage.logins().request("ada@example.com").await.unwrap();
    let code = stage.waiting().await;
    let logins = stage.logins();
    let (one, other) = tokio::join!(
        logins.verify("ada@example.com", &code),
        logins.verify("ada@example.com", &code)
    );
    assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1);
}

#[tokio::test]
async fn nobody_signs_in_to_what_is_not_there_or_not_in_use() {
    let stage = Stage::new().await;
    let before = stage.world.store.events().len();
    stage.logins().request("bob@example.com").await.unwrap();
    assert_eq!(
        stage.logins().verify("bob@example.com", "123456").await.unwrap(),
        None
    );
    let elsewhere = Logins {
        dialect: Dialect::Tropic,
        ..stage.logins()
    };
    elsewhere.request("ada@example.com").await.unwrap();
    assert_eq!(
        stage.world.store.events().len(),
        before,
        "an unknown e-mail leaves no trace"
    );
    stage.logins().request("ada@example.com").await.unwrap();
    let code = stage.waiting().await;
    let suspend = SuspendAccount {
        account_id: stage.account.clone(),
        reason: String::new(),
    };
    stage.world.operator(suspend).await.unwrap();
    assert_eq!(
        stage.logins().verify("ada@example.com", &code).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn what_is_refused_leaves_no_code_in_the_vault() {
    let stage = Stage::new().await;
    for _ in 0..Login::MAX_REQUESTS {
        stage.logins().request("ada@example.com").await.unwrap();
    }
    let refused = stage.logins().request("ada@example.com").await.unwrap_err();
    assert_eq!(refused.code(), "too_many_login_codes");
    let login: Login = stage.world.state(&stage.account).await;
    let place = login.pending.unwrap().code;
    let vault = &stage.world.bus.services().vault;
    let owner = code_owner(&stage.account);
    vault
        .get(&owner, &place)
        .await
        .expect("the one before still waits");
    // Decided alone, a code that is nowhere is as good as one that was wiped.
    let request = Do::Request {
        account_id: stage.account.clone(),
        code_digest: "x".to_owned(),
        code: "nowhere".into(),
        now: stage.world.bus.services().clock.now() + Login::LIFE * 10,
    };
    stage.logins().decide(&stage.account, request).await.unwrap();
    assert_eq!(
        vault.get(&owner, &"nowhere".into()).await.unwrap_err(),
        VaultError::Absent
    );
}

#[test]
fn codes_are_six_digits_of_every_sort() {
    let seen: std::collections::BTreeSet<char> = (0..200)
        .flat_map(|_| new_code(&crate::RandomEntropy).chars().collect::<Vec<_>>())
        .collect();
    assert_eq!(seen.len(), 10);
}

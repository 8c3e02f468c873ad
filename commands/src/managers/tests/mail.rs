//! Specs of mail: every intent may run again, and every step may fail.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use reef_domain::{
    AccountId, AnyEvent, Dialect, VaultRef,
    login::{Login, LoginCommand, LoginEvent},
};

use crate::{
    Caller, Drivers, Gateways, Request,
    follower::{Cause, EffectError, ProcessManager},
    login::code_owner,
    managers::{
        Context,
        mail::{Mails, NAME},
    },
    ports::{EffectToken, Letter, Mail, MailError, VaultError},
    spec::World,
};

/// A mail server that does as it is told.
#[derive(Default)]
struct Server {
    taken: Mutex<Vec<(Letter, String)>>,
    fails: Mutex<Option<MailError>>,
}

#[async_trait]
impl Mail for Server {
    async fn send(&self, letter: &Letter, token: &EffectToken) -> Result<(), MailError> {
        if let Some(error) = self.fails.lock().take() {
            return Err(error);
        }
        self.taken.lock().push((letter.clone(), token.0.clone()));
        Ok(())
    }
}

struct Stage {
    world: World,
    server: Arc<Server>,
    account: AccountId,
}

impl Stage {
    async fn new() -> Self {
        let server = Arc::new(Server::default());
        let world = World::with(Gateways {
            mail: Some(Arc::clone(&server) as _),
            ..Gateways::default()
        });
        let ada = world.account("ada", Dialect::Thermidora).await;
        Self {
            world,
            server,
            account: ada.account,
        }
    }

    /// A code is to be sent; its place.
    async fn request(&self, code: &str) -> VaultRef {
        let services = self.world.bus.services();
        let place = services
            .vault
            .put(&code_owner(&self.account), code.as_bytes())
            .await
            .unwrap();
        let request = LoginCommand::Request {
            account_id: self.account.clone(),
            code_digest: format!("digest of {code}"),
            code: place.clone(),
            now: services.clock.now(),
        };
        self.decide(request).await;
        place
    }

    async fn decide(&self, command: LoginCommand) {
        let request = Request::new(Caller::system("login"), "spec");
        let bus = &self.world.bus;
        bus.decide::<Login>(&self.account, command, &request)
            .await
            .unwrap();
    }

    /// Performs what the newest request of a code asks for.
    async fn perform(&self) -> Result<(), EffectError> {
        let manager = Mails::new(Context {
            bus: self.world.bus.clone(),
            drivers: Drivers::default(),
        });
        let events = self.world.store.events();
        let requested = |event: &AnyEvent| matches!(event, AnyEvent::Login(LoginEvent::Requested { .. }));
        let envelope = events.iter().rfind(|envelope| requested(&envelope.event));
        let envelope = Arc::clone(envelope.unwrap());
        let intents = manager.react(&envelope);
        assert_eq!(intents.len(), 1);
        let cause = Cause {
            manager: NAME,
            envelope,
            step: intents[0].step,
        };
        manager.perform(&intents[0].action, &cause).await
    }

    async fn is_wiped(&self, place: &VaultRef) -> bool {
        let vault = &self.world.bus.services().vault;
        matches!(
            vault.get(&code_owner(&self.account), place).await,
            Err(VaultError::Absent)
        )
    }

    fn sent(&self) -> Vec<(String, String)> {
        let taken = self.server.taken.lock();
        let sent = taken.iter();
        sent.map(|(letter, token)| (letter.text.to_string(), token.clone()))
            .collect()
    }
}

#[tokio::test]
async fn a_code_is_sent_once_and_wiped() {
    let stage = Stage::new().await;
    let place = stage.request("123456").await;
    stage.perform().await.unwrap();
    assert!(stage.is_wiped(&place).await);
    stage.perform().await.unwrap();
    let sent = stage.sent();
    assert_eq!(sent.len(), 1, "what was wiped is not sent again");
    assert!(sent[0].0.contains("123456"));
    let (letter, _) = stage.server.taken.lock()[0].clone();
    assert_eq!(letter.to, "ada@example.com");
    assert!(!letter.subject.contains("123456"), "subjects are read by many");
}

#[tokio::test]
async fn what_fails_is_tried_again_with_the_same_code() {
    let stage = Stage::new().await;
    let place = stage.request("123456").await;
    *stage.server.fails.lock() = Some(MailError::Transient("busy".to_owned()));
    assert_eq!(
        stage.perform().await,
        Err(EffectError::Transient("busy".to_owned()))
    );
    assert!(!stage.is_wiped(&place).await);
    stage.perform().await.unwrap();
    assert_eq!(stage.sent().len(), 1);
    *stage.server.fails.lock() = Some(MailError::Permanent("no such box".to_owned()));
    stage.request("654321").await;
    assert_eq!(
        stage.perform().await,
        Err(EffectError::Permanent("no such box".to_owned()))
    );
}

#[tokio::test]
async fn what_is_no_longer_of_use_is_wiped_unsent() {
    let stage = Stage::new().await;
    let place = stage.request("123456").await;
    let now = stage.world.bus.services().clock.now();
    let verify = LoginCommand::Verify {
        code_digest: "digest of 123456".to_owned(),
        now,
    };
    stage.decide(verify).await;
    stage.perform().await.unwrap();
    assert!(stage.is_wiped(&place).await && stage.sent().is_empty());
    let place = stage.request("111111").await;
    let late = LoginCommand::Verify {
        code_digest: String::new(),
        now: now + Login::LIFE,
    };
    stage.decide(late).await;
    stage.perform().await.unwrap();
    assert!(stage.is_wiped(&place).await && stage.sent().is_empty());
}

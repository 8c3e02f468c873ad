//! A small world for the specs of use cases: every port in memory, time that stands still.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reef_domain::{AccountId, Actor, ActorKind, Decider, Dialect, UserId, account::Role};
use reef_projections::Projection;
use serde_json::Value;

use crate::{
    Answer, Bus, Caller, CommandError, Gateways, RandomEntropy, Request, Services, UseCase,
    account::{AddUser, Plans, RegisterAccount},
    memory::MemoryStore,
    policy::CreatePolicy,
    ports::Clock,
};

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).expect("in range")
    }
}

/// Time as tokio's paused clock has it.
pub(crate) struct PausedClock {
    start: tokio::time::Instant,
}

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
        }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = chrono::TimeDelta::from_std(self.start.elapsed()).expect("in range");
        DateTime::from_timestamp(1_760_000_000, 0).expect("in range") + passed
    }
}

/// Every port in memory, and the bus over them.
pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) store: Arc<MemoryStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Gateways::default())
    }

    /// A world with services outside.
    pub(crate) fn with(gateways: Gateways) -> Self {
        Self::at(Arc::new(StandingClock), gateways)
    }

    /// A world with its own time.
    pub(crate) fn at(clock: Arc<dyn Clock>, gateways: Gateways) -> Self {
        let store = MemoryStore::new(Arc::clone(&clock));
        let bus = Bus::new(Services {
            log: store.clone(),
            views: store.clone(),
            vault: store.clone(),
            workspace: store.clone(),
            clock,
            entropy: Arc::new(RandomEntropy),
            log_lines: store.clone(),
            sightings: store.clone(),
            gateways,
            plans: Plans::default(),
        });
        Self { bus, store }
    }

    /// Sends a command as that caller.
    pub(crate) async fn by<C: UseCase>(&self, caller: &Caller, command: C) -> Result<Answer, CommandError> {
        self.bus
            .execute(&command, Request::new(caller.clone(), "spec"))
            .await
    }

    /// Sends a command as the operator.
    pub(crate) async fn operator<C: UseCase>(&self, command: C) -> Result<Answer, CommandError> {
        self.by(&Caller::operator(), command).await
    }

    /// An account with its owner.
    pub(crate) async fn account(&self, name: &str, dialect: Dialect) -> Member {
        let owner_email = format!("{name}@example.com");
        let register = RegisterAccount {
            name: name.to_owned(),
            owner_email,
            dialect,
            ..Default::default()
        };
        let answer = self.operator(register).await.unwrap();
        let user = answer.result.unwrap()["user_id"].as_str().unwrap().to_owned();
        Member::new(AccountId::from(answer.aggregate.id), UserId::from(user), dialect)
    }

    /// Another user of the account.
    pub(crate) async fn user(&self, of: &Member, role: Role) -> Member {
        let account_id = of.account.clone();
        let add = AddUser {
            account_id,
            user_id: None,
            email: None,
            name: None,
            role,
        };
        let answer = self.operator(add).await.unwrap();
        let user = answer.result.unwrap()["user_id"].as_str().unwrap().to_owned();
        Member::new(of.account.clone(), UserId::from(user), of.caller.dialect)
    }

    /// Makes so many policies, each an event of its own; their positions.
    pub(crate) async fn policies(&self, of: &Member, count: usize) -> Vec<u64> {
        let mut positions = Vec::new();
        for number in 0..count {
            let create = CreatePolicy {
                name: format!("p{number}"),
                rules: "ALLOW: read".to_owned(),
                ..CreatePolicy::default()
            };
            positions.push(self.by(&of.caller, create).await.unwrap().position);
        }
        positions
    }

    /// The document, typed.
    pub(crate) async fn doc<P: Projection>(&self, id: impl AsRef<str>) -> Option<P::Doc> {
        self.bus.services().views.doc::<P>(id.as_ref()).await.unwrap()
    }

    /// The state of an aggregate.
    pub(crate) async fn state<D: Decider>(&self, id: impl AsRef<str>) -> D {
        D::clone(&self.bus.state::<D>(id).await.unwrap().expect("it exists").state)
    }

    /// Types of all events so far.
    pub(crate) fn event_types(&self) -> Vec<&'static str> {
        self.store
            .events()
            .iter()
            .map(|envelope| envelope.event.event_type())
            .collect()
    }
}

/// A user with a credential.
pub(crate) struct Member {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) caller: Caller,
}

impl Member {
    fn new(account: AccountId, user: UserId, dialect: Dialect) -> Self {
        let caller = Caller {
            actor: Actor::new(ActorKind::User, user.as_str()),
            account_id: Some(account.clone()),
            user_id: Some(user.clone()),
            dialect,
            scopes: vec!["*".to_owned()],
        };
        Self {
            account,
            user,
            caller,
        }
    }

    /// The same user with a credential of these scopes only.
    pub(crate) fn with_scopes(&self, scopes: &[&str]) -> Caller {
        Caller {
            scopes: scopes.iter().map(ToString::to_string).collect(),
            ..self.caller.clone()
        }
    }
}

/// The code of what was refused.
#[track_caller]
pub(crate) fn code(result: Result<Answer, CommandError>) -> &'static str {
    result.expect_err("a refusal").code()
}

/// Names of the events of an answer.
pub(crate) fn kinds(answer: &Answer) -> Vec<&str> {
    answer.events.iter().map(|event| event.kind.as_str()).collect()
}

/// A command from its JSON body.
pub(crate) fn body<C: UseCase>(value: Value) -> C {
    serde_json::from_value(value).expect("a body of this command")
}

//! Who asks, and how the request wants to be treated.

use reef_domain::{AccountId, Actor, ActorKind, Dialect, UserId};

/// Whoever is behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The actor that events name.
    pub actor: Actor,
    /// The account the caller is confined to; `None`: the operator and our own process managers.
    pub account_id: Option<AccountId>,
    /// The person, where there is one.
    pub user_id: Option<UserId>,
    /// Dialect of the account.
    pub dialect: Dialect,
    /// Scopes of the credential; `*` is every scope.
    pub scopes: Vec<String>,
}

impl Caller {
    /// Whoever runs the server.
    pub fn operator() -> Self {
        Self::unconfined(Actor::new(ActorKind::Operator, "operator"))
    }

    /// A process manager of ours.
    pub fn system(manager: &str) -> Self {
        Self::unconfined(Actor::new(ActorKind::System, manager))
    }

    /// The software on a runtime.
    pub fn node(runtime: &str) -> Self {
        Self::unconfined(Actor::new(ActorKind::Node, runtime))
    }

    fn unconfined(actor: Actor) -> Self {
        Self {
            actor,
            account_id: None,
            user_id: None,
            dialect: Dialect::Native,
            scopes: vec!["*".to_owned()],
        }
    }

    /// Whether the credential has the scope: itself, `*`, or `<noun>:*` for `<noun>:<verb>`.
    pub fn may(&self, scope: &str) -> bool {
        let noun = scope.split(':').next().unwrap_or(scope);
        self.scopes.iter().any(|held| {
            held == "*" || held == scope || held.strip_suffix(":*").is_some_and(|prefix| prefix == noun)
        })
    }

    /// Whether this is somebody confined to an account.
    pub fn is_confined(&self) -> bool {
        self.account_id.is_some()
    }
}

/// One request for one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// `Idempotency-Key`: the same key and command give the same answer, once carried out.
    pub idempotency_key: Option<String>,
    /// `If-Match`: the sequence the command's aggregate must have.
    pub if_match: Option<u64>,
    /// What the events of this request are filed under.
    pub correlation_id: String,
    /// `event_id` of the event that led to this request, if one did.
    pub causation_id: Option<String>,
}

impl Request {
    /// A request without any wishes.
    pub fn new(caller: Caller, correlation_id: impl Into<String>) -> Self {
        Self {
            caller,
            idempotency_key: None,
            if_match: None,
            correlation_id: correlation_id.into(),
            causation_id: None,
        }
    }

    /// The same request under an idempotency key.
    #[must_use]
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Account and principal, as one text: whose the idempotency key is.
    pub(crate) fn idempotency_scope(&self) -> String {
        let account = self.caller.account_id.as_ref().map_or("-", AccountId::as_str);
        format!("{account}/{}", self.caller.actor)
    }
}

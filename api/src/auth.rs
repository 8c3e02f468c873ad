//! Who asks: the operator by its key, accounts by theirs.
//!
//! Credentials are looked up on every request, so a revoked key fails at once on every node.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use reef_commands::{
    Audience, Caller, digest_key,
    ports::{SessionTokens, TokenError, TokenHolder},
    sign_in,
};
use reef_domain::{AccountId, Actor, ActorKind, Dialect, UserId, account::AccountStatus};
use reef_projections::{
    Projection,
    views::{account::Accounts, api_key::Credentials},
};
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq as _;

use crate::{App, Problem, face::Face};

/// Who asks, as the edge found out.
#[derive(Debug, Clone)]
pub(crate) struct Principal(Arc<Who>);

#[derive(Debug)]
struct Who {
    caller: Caller,
    proof: Proof,
    key_id: Arc<str>,
}

/// What is looked at again while a stream is open.
enum Proof {
    /// Digest of a key, the operator's among them.
    Key(String),
    /// A session token: it expires.
    Session(String),
    /// A token of our own: it expires as well.
    Own(String),
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof")
    }
}

impl Principal {
    /// Somebody who signed in.
    fn of_session(caller: Caller, proof: Proof) -> Self {
        let key_id = format!("session:{}", caller.actor).into();
        Self(Arc::new(Who {
            caller,
            proof,
            key_id,
        }))
    }

    /// Themselves, if they belong to the dialect; elsewhere they look unknown.
    fn within(self, dialect: Option<Dialect>) -> Result<Self, Problem> {
        let at_home = dialect.is_none_or(|dialect| dialect == self.caller().dialect);
        at_home.then_some(self).ok_or_else(|| unauthorized(true))
    }

    /// Who acts, as commands see it.
    pub(crate) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// The account the credential is confined to; `None`: the operator.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.0.caller.account_id.as_ref()
    }

    /// Id of the key, for counting.
    pub(crate) fn key_id(&self) -> &Arc<str> {
        &self.0.key_id
    }

    /// Whether this is whoever runs the server.
    pub(crate) fn is_operator(&self) -> bool {
        self.account().is_none()
    }

    /// Refuses everybody but the operator.
    pub(crate) fn operator(&self) -> Result<(), Problem> {
        let refused = || Problem::of("forbidden", "Only the operator may do this.");
        self.is_operator().then_some(()).ok_or_else(refused)
    }

    /// Refuses a credential without the scope.
    pub(crate) fn require(&self, scope: &str) -> Result<(), Problem> {
        let refused = || {
            Problem::of(
                "forbidden",
                format!("The credential does not have the scope {scope}."),
            )
        };
        self.caller().may(scope).then_some(()).ok_or_else(refused)
    }

    /// Refuses who is not meant by the audience.
    pub(crate) fn belongs_to(&self, audience: Audience) -> Result<(), Problem> {
        match audience {
            Audience::Operator => self.operator(),
            Audience::Account => Ok(()),
        }
    }

    /// Whether what belongs to this account (`None`: to nobody) may be read.
    pub(crate) fn may_read(&self, owner: Option<&AccountId>) -> bool {
        self.account().is_none_or(|own| owner == Some(own))
    }

    /// Whether the credential still works. A database that does not answer revokes nothing.
    pub(crate) async fn still_holds(&self, state: &App) -> bool {
        if self.is_operator() {
            return true;
        }
        let looked = match (&self.0.proof, &state.services().gateways.tokens) {
            (Proof::Key(digest), _) => look_up(state, digest).await.map(drop),
            (Proof::Session(token), Some(tokens)) => sign_in(state, &**tokens, token).await.map(drop),
            (Proof::Session(_), None) => Err(unauthorized(true)),
            (Proof::Own(token), _) => match own_holder(state, token) {
                Some(holder) => signed_in(state, holder).await.map(drop),
                None => Err(unauthorized(true)),
            },
        };
        !looked.is_err_and(|problem| problem.status().is_client_error())
    }
}

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| unauthorized(false))
    }
}

/// The operator, as an extractor: everybody else is refused.
pub(crate) struct Operator;

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, Problem> {
        Principal::from_request_parts(parts, state).await?.operator()?;
        Ok(Self)
    }
}

pub(crate) fn unauthorized(presented: bool) -> Problem {
    let (detail, challenge) = if presented {
        (
            "The credential is not valid.",
            "Bearer realm=\"reef\", error=\"invalid_token\"",
        )
    } else {
        (
            "Send a key as `Authorization: Bearer <key>`.",
            "Bearer realm=\"reef\"",
        )
    };
    Problem::of("unauthorized", detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// The digest of the request's bearer token.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<String, Problem> {
    token(headers).map(digest_key)
}

/// What the request presents: in the API's own header, where it has one, else as a bearer token.
fn presented<'h>(headers: &'h HeaderMap, face: &Face) -> Result<&'h str, Problem> {
    let Some(own) = face.key_header.filter(|name| headers.contains_key(*name)) else {
        return token(headers);
    };
    let mut values = headers.get_all(own).into_iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (Some(Ok(text)), None) => Ok(text.trim()),
        _ => Err(unauthorized(true)),
    }
}

fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next().ok_or_else(|| unauthorized(false))?;
    let text = value.to_str().map_err(|_| unauthorized(true))?;
    match (text.split_once(' '), values.next()) {
        (Some((scheme, token)), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(unauthorized(true)),
    }
}

/// Finds out who asks. A dialect takes the credentials of its own accounts only; any other looks unknown there.
pub(crate) async fn authenticate(
    state: &App,
    headers: &HeaderMap,
    face: &Face,
) -> Result<Principal, Problem> {
    let dialect = face.dialect;
    let token = presented(headers, face)?;
    if let Some(holder) = is_session(token).then(|| own_holder(state, token)).flatten() {
        let principal = Principal::of_session(signed_in(state, holder).await?, Proof::Own(token.to_owned()));
        return principal.within(dialect);
    }
    if let Some(tokens) = state
        .services()
        .gateways
        .tokens
        .as_ref()
        .filter(|_| is_session(token))
    {
        let proof = Proof::Session(token.to_owned());
        let principal = Principal::of_session(sign_in(state, &**tokens, token).await?, proof);
        return principal.within(dialect);
    }
    let digest = digest_key(token);
    let operator = state.config().operator_key_sha256.as_bytes();
    if dialect.is_none() && bool::from(digest.as_bytes().ct_eq(operator)) {
        let caller = Caller::operator();
        return Ok(Principal(Arc::new(Who {
            caller,
            proof: Proof::Key(digest),
            key_id: "operator".into(),
        })));
    }
    let principal = look_up(state, &digest).await?.within(dialect)?;
    state
        .last_used
        .note(principal.key_id(), state.services().clock.now());
    Ok(principal)
}

/// Whether the token has the form of a signed session token: three parts with points between them. Keys have
/// none.
fn is_session(token: &str) -> bool {
    token.split('.').count() == 3
}

/// Whom a session token of an issuer outside stands for; the first time, an account is opened for them.
async fn sign_in(state: &App, tokens: &dyn SessionTokens, token: &str) -> Result<Caller, Problem> {
    let identity = tokens.verify(token).await.map_err(|error| match error {
        TokenError::Invalid(reason) => {
            tracing::debug!(reason, "a session token was refused");
            unauthorized(true)
        }
        TokenError::Unavailable(reason) => {
            tracing::warn!(reason, "session tokens cannot be verified");
            Problem::of("unavailable", "Session tokens cannot be verified now.").retry_after(5)
        }
    })?;
    let caller = sign_in::resolve(&state.parts.bus, &identity).await;
    caller.map_err(|error| match error.code() {
        "account_suspended" => suspended(),
        "account_closed" => closed(),
        _ => error.into(),
    })
}

/// For whom a token of our own stands; `None`: it is none, or works no longer.
fn own_holder(state: &App, token: &str) -> Option<TokenHolder> {
    let tokens = state.services().gateways.own_tokens.as_ref()?;
    match tokens.verify(token) {
        Ok(holder) => Some(holder),
        Err(error) => {
            tracing::debug!(%error, "not a token of ours");
            None
        }
    }
}

/// Who holds a token of ours, as commands see it, while the account is in use.
async fn signed_in(state: &App, holder: TokenHolder) -> Result<Caller, Problem> {
    in_use(state, &holder.account_id).await?;
    Ok(Caller {
        actor: Actor::new(ActorKind::User, holder.user_id.as_str()),
        account_id: Some(holder.account_id),
        user_id: Some(holder.user_id),
        dialect: holder.dialect,
        scopes: vec!["*".to_owned()],
    })
}

/// Refuses whoever belongs to an account that is not in use.
async fn in_use(state: &App, account: &AccountId) -> Result<(), Problem> {
    let standing: Option<Standing> = part::<Accounts, _>(state, account.as_str()).await?;
    match standing.map(|account| account.status) {
        Some(AccountStatus::Registered) => Ok(()),
        Some(AccountStatus::Suspended) => Err(suspended()),
        Some(AccountStatus::Closed) | None => Err(closed()),
    }
}

fn suspended() -> Problem {
    Problem::of("account_suspended", "The account is suspended.")
}

fn closed() -> Problem {
    Problem::of("account_closed", "The account is closed.")
}

/// Of a credential's document, what a request needs.
#[derive(Deserialize)]
struct Credential {
    key_id: Arc<str>,
    account_id: AccountId,
    user_id: UserId,
    dialect: Dialect,
    scopes: Vec<String>,
}

/// Of an account's document, what a request needs.
#[derive(Deserialize)]
struct Standing {
    status: AccountStatus,
}

/// Part of a document. Every request reads two, so what it does not need is not decoded.
async fn part<P: Projection, T: DeserializeOwned>(state: &App, id: &str) -> Result<Option<T>, Problem> {
    let Some(doc) = state.views_port().get(P::NAME, id).await? else {
        return Ok(None);
    };
    serde_json::from_str(&doc.payload)
        .map(Some)
        .map_err(|error| Problem::internal(&error))
}

async fn look_up(state: &App, digest: &str) -> Result<Principal, Problem> {
    let credential: Option<Credential> = part::<Credentials, _>(state, digest).await?;
    let credential = credential.ok_or_else(|| unauthorized(true))?;
    in_use(state, &credential.account_id).await?;
    let caller = Caller {
        actor: Actor::new(ActorKind::ApiKey, Arc::clone(&credential.key_id)),
        account_id: Some(credential.account_id),
        user_id: Some(credential.user_id),
        dialect: credential.dialect,
        scopes: credential.scopes,
    };
    Ok(Principal(Arc::new(Who {
        caller,
        proof: Proof::Key(digest.to_owned()),
        key_id: credential.key_id,
    })))
}

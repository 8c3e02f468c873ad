//! One request of an account's user, as handlers of dialects see it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    extract::FromRequestParts,
    http::{Method, request::Parts},
};
use reef_commands::{Answer, Bus, Request, UseCase, ports::Doc};
use reef_domain::{AccountId, UserId};
use reef_projections::{Filter, Projection, Query};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    App, Problem,
    answer::idempotency_key,
    auth::Principal,
    client,
    edge::RequestId,
    past,
    problem::{foreign, not_found},
};

/// Documents per read of a list.
const PAGE: u32 = 1000;

/// Who asks, and what for the core may be asked. Everything is confined to the caller's account.
pub(crate) struct Call {
    state: App,
    principal: Principal,
    account: AccountId,
    user: UserId,
    request_id: RequestId,
    idempotency_key: Option<String>,
    address: IpAddr,
}

impl FromRequestParts<App> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let Extension(request_id) = Extension::<RequestId>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::internal(&error))?;
        let caller = principal.caller();
        let (Some(account), Some(user)) = (caller.account_id.clone(), caller.user_id.clone()) else {
            return Err(Problem::of("forbidden", "Only users of accounts may do this."));
        };
        let trusted = &state.config().trusted_proxies;
        Ok(Self {
            // Other methods may be repeated as they are.
            idempotency_key: if parts.method == Method::POST {
                idempotency_key(&parts.headers)?
            } else {
                None
            },
            address: client::address(&parts.extensions, &parts.headers, trusted),
            state: state.clone(),
            principal,
            account,
            user,
            request_id,
        })
    }
}

impl Call {
    /// The account.
    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    /// The user.
    pub(crate) fn user(&self) -> &UserId {
        &self.user
    }

    /// Where the request comes from.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// The same, to be let in by: nothing where the request came over no connection.
    pub(crate) fn caller_ip(&self) -> Option<IpAddr> {
        Some(self.address).filter(|address| !address.is_unspecified())
    }

    /// What handlers reach besides.
    pub(crate) fn state(&self) -> &App {
        &self.state
    }

    /// The bus, for reading states.
    pub(crate) fn bus(&self) -> &Bus {
        &self.state.parts.bus
    }

    /// The request to carry a command out once per idempotency key, for whoever does that.
    pub(crate) fn request<C: UseCase>(&self) -> Result<Request, Problem> {
        self.principal.belongs_to(C::AUDIENCE)?;
        self.principal.require(C::SCOPE)?;
        let mut request = Request::new(self.principal.caller().clone(), self.request_id.as_str());
        request.idempotency_key.clone_from(&self.idempotency_key);
        Ok(request)
    }

    /// Carries the command out, once per idempotency key.
    pub(crate) async fn execute<C: UseCase>(&self, command: &C) -> Result<Answer, Problem> {
        let request = self.request::<C>()?;
        Ok(self.bus().execute(command, request).await?)
    }

    /// Carries a command out that can be repeated as it is; an idempotency key would only tie it to a state.
    pub(crate) async fn repeat<C: UseCase>(&self, command: &C) -> Result<Answer, Problem> {
        self.principal.belongs_to(C::AUDIENCE)?;
        self.principal.require(C::SCOPE)?;
        let request = Request::new(self.principal.caller().clone(), self.request_id.as_str());
        Ok(self.bus().execute(command, request).await?)
    }

    /// Whether the credential may read the view.
    pub(crate) fn may_read<P: Projection>(&self) -> Result<(), Problem> {
        self.principal.require(&format!("{}:read", P::NAME))
    }

    /// The document of that id. It must exist and be the caller's, or be catalogue data.
    pub(crate) async fn own<P: Projection>(&self, kind: &str, id: &str) -> Result<P::Doc, Problem> {
        match self.look::<P>(kind, id).await? {
            Some(payload) => decode(&payload),
            None => Err(not_found(kind, id)),
        }
    }

    /// The document of that id, if there is one.
    pub(crate) async fn find<P: Projection>(&self, kind: &str, id: &str) -> Result<Option<P::Doc>, Problem> {
        let payload = self.look::<P>(kind, id).await?;
        payload.map(|payload| decode(&payload)).transpose()
    }

    async fn look<P: Projection>(&self, kind: &str, id: &str) -> Result<Option<Arc<str>>, Problem> {
        self.may_read::<P>()?;
        // What no database could hold is unknown, not an error.
        if !(1..=512).contains(&id.len()) || id.chars().any(char::is_control) {
            return Ok(None);
        }
        let Some(doc) = self.state.views_port().get(P::NAME, id).await? else {
            return Ok(None);
        };
        match &doc.account_id {
            Some(owner) if *owner != self.account => Err(foreign(kind, id)),
            _ => Ok(Some(doc.payload)),
        }
    }

    /// The document that a command was about, as the command left it: also when its answer is a remembered one.
    pub(crate) async fn left<P: Projection>(&self, answer: &Answer) -> Result<P::Doc, Problem> {
        let id = &answer.aggregate.id;
        if answer.replayed {
            self.was::<P>(id, answer.position).await
        } else {
            self.own::<P>(&answer.aggregate.kind, id).await
        }
    }

    /// The document as it was at a position.
    pub(crate) async fn was<P: Projection>(&self, id: &str, position: u64) -> Result<P::Doc, Problem> {
        let view = self.state.views.get(P::NAME);
        let view = view.ok_or_else(|| Problem::internal(&format!("there is no view {}", P::NAME)))?;
        let past = past::document(&self.state, &**view, id, position).await?;
        let past = past.ok_or_else(|| Problem::internal(&format!("{id} was not there at {position}")))?;
        decode(&past.row.payload)
    }

    /// Everything of the account that matches, newest first, read as `T`: the document or a part of it.
    pub(crate) async fn all<P: Projection, T: DeserializeOwned>(
        &self,
        filters: Vec<Filter>,
    ) -> Result<Vec<T>, Problem> {
        parts(&self.documents::<P>(filters).await?)
    }

    /// The newest documents of the account that match, so many at most, and how many match in all.
    pub(crate) async fn newest<P: Projection>(
        &self,
        filters: Vec<Filter>,
        limit: u32,
    ) -> Result<(Vec<P::Doc>, u64), Problem> {
        self.may_read::<P>()?;
        let query = Query {
            account_id: Some(self.account.clone()),
            filters,
            after: None,
            limit,
        };
        Ok(self.state.views_port().newest_of::<P>(&query).await?)
    }

    /// Everything of the account that matches, as it is stored: for [`parts`].
    pub(crate) async fn documents<P: Projection>(&self, filters: Vec<Filter>) -> Result<Vec<Doc>, Problem> {
        self.may_read::<P>()?;
        let mut query = Query {
            account_id: Some(self.account.clone()),
            filters,
            after: None,
            limit: PAGE,
        };
        let mut all = Vec::new();
        loop {
            let page = self.state.views_port().list(P::NAME, &query).await?;
            if all.is_empty() {
                all = page.data;
            } else {
                all.extend(page.data);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Documents of these ids, in one read; those that are gone, or another's, are left out.
    pub(crate) async fn many<P: Projection, T: DeserializeOwned>(
        &self,
        ids: &[String],
    ) -> Result<Vec<T>, Problem> {
        self.may_read::<P>()?;
        let docs = self.state.views_port().get_many(P::NAME, ids).await?;
        docs.iter()
            .filter(|doc| doc.account_id.as_ref().is_none_or(|owner| *owner == self.account))
            .map(|doc| decode(&doc.payload))
            .collect()
    }
}

/// Documents read as `T`: a part of them, which leaves out what the answer does not need and may borrow the rest.
pub(crate) fn parts<'a, T: Deserialize<'a>>(docs: &'a [Doc]) -> Result<Vec<T>, Problem> {
    docs.iter().map(|doc| decode(&doc.payload)).collect()
}

fn decode<'a, T: Deserialize<'a>>(payload: &'a str) -> Result<T, Problem> {
    serde_json::from_str(payload).map_err(|error| Problem::internal(&error))
}

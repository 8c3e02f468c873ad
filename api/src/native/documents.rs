//! Documents of the views: lists, single ones, and how they were.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
};
use bytes::Bytes;
use reef_commands::ports::{Doc, EventQuery};
use reef_domain::AccountId;
use reef_projections::{AnyView, Filter, Query};

use super::views;
use crate::{
    App, Problem,
    answer::{Answered, ETag},
    auth::Principal,
    feed::account_filter,
    page,
    params::Params,
    past::{self, PastDocument},
    problem::not_found,
    sealed,
};

/// `GET /v1/views/{view}`.
pub(super) async fn list(
    State(state): State<App>,
    principal: Principal,
    Path(name): Path<String>,
    mut params: Params,
) -> Result<Answered, Problem> {
    let view = views::readable(&state, &name, &principal)?;
    let query = query(view, &mut params, &principal)?;
    let mut known = views::filters(view);
    known.extend(["limit", "after"]);
    params.finish(&known)?;
    let found = state.views_port().list(view.name(), &query).await?;
    let position = found.position;
    let text = if sealed::are_in(view.name()) {
        let mut opened = Vec::with_capacity(found.data.len());
        for doc in &found.data {
            opened.push(sealed::opened(&state, view.name(), &doc.payload).await?);
        }
        page::page(opened, found.next, position)
    } else {
        page::page(found.data.iter().map(|doc| &doc.payload), found.next, position)
    };
    Ok(Answered::json(text).at(position))
}

fn query(view: &dyn AnyView, params: &mut Params, principal: &Principal) -> Result<Query, Problem> {
    let limit = params.number("limit", 1..=500, 50)?;
    let after = params.position("after")?;
    let mut filters = Vec::new();
    if let Some(name) = view.parent()
        && let Some(parent) = params.text(name)?
    {
        filters.push(Filter::Parent(parent));
    }
    if let Some(status) = params.text("status")? {
        filters.push(Filter::Status(status));
    }
    for field in view.filters() {
        if let Some(text) = params.text(field)? {
            filters.push(Filter::Field((*field).to_owned(), text));
        }
    }
    // Where the parent is the account, the parent's filter has taken the parameter; the account still narrows.
    Ok(Query {
        account_id: account_filter(params, principal)?,
        filters,
        after,
        limit,
    })
}

/// `GET /v1/views/{view}/{id}`.
pub(super) async fn get(
    State(state): State<App>,
    principal: Principal,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Answered, Problem> {
    let view = views::readable(&state, &name, &principal)?;
    let until = past::at(&state, &mut params).await?;
    params.finish(&["at"])?;
    let unknown = || not_found(singular(view.name()), &id);
    if !is_storable(&id) {
        return Err(unknown());
    }
    let head = state.head();
    let found = match until {
        None => state
            .views_port()
            .get(view.name(), &id)
            .await?
            .map(Found::Present),
        Some(until) => past::document(&state, view, &id, until).await?.map(Found::Past),
    };
    let found = found
        .filter(|found| found.is_for(&principal))
        .ok_or_else(unknown)?;
    let tag = found.tag(&state, view).await?;
    let position = until.unwrap_or_else(|| head.max(found.position()));
    if tag.is_known(&headers) {
        return Ok(Answered::not_modified().tagged(&tag).at(position));
    }
    let body = if sealed::are_in(view.name()) {
        sealed::opened(&state, view.name(), found.payload()).await?.into()
    } else {
        found.into_body()
    };
    Ok(Answered::json(body).tagged(&tag).at(position))
}

/// A document as it is or was.
enum Found {
    Present(Doc),
    Past(PastDocument),
}

impl Found {
    fn is_for(&self, principal: &Principal) -> bool {
        match self {
            Self::Present(doc) => doc.account_id.is_none() || principal.may_read(doc.account_id.as_ref()),
            Self::Past(doc) => {
                let owner = doc.row.account_id.as_deref().map(AccountId::from);
                owner.is_none() || principal.may_read(owner.as_ref())
            }
        }
    }

    fn position(&self) -> u64 {
        match self {
            Self::Present(doc) => doc.position,
            Self::Past(_) => 0,
        }
    }

    fn payload(&self) -> &str {
        match self {
            Self::Present(doc) => &doc.payload,
            Self::Past(doc) => &doc.row.payload,
        }
    }

    fn into_body(self) -> Bytes {
        match self {
            Self::Present(doc) => Bytes::from_owner(Text(doc.payload)),
            Self::Past(doc) => doc.row.payload.into(),
        }
    }

    async fn tag(&self, state: &App, view: &dyn AnyView) -> Result<ETag, Problem> {
        match self {
            Self::Present(doc) => tag(state, view, doc).await,
            Self::Past(doc) => Ok(ETag::Sequence(doc.sequence)),
        }
    }
}

/// The document's text as the bytes of a body, without a copy.
struct Text(std::sync::Arc<str>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The sequence of the aggregate at the document's last change, so that it can be given to `If-Match`.
async fn tag(state: &App, view: &dyn AnyView, doc: &Doc) -> Result<ETag, Problem> {
    if let Some(sequence) = state.sequences.get(&doc.position) {
        return Ok(ETag::Sequence(sequence));
    }
    let query = EventQuery {
        after: doc.position.saturating_sub(1),
        limit: 1,
        ..EventQuery::default()
    };
    let events = state.log().read(&query).await?;
    let source = view.source(&doc.id, doc.parent_id.as_deref());
    let told = events.first().zip(source).filter(|(envelope, source)| {
        envelope.position == doc.position
            && envelope.aggregate_type == source.aggregate_type
            && *envelope.aggregate_id == *source.aggregate_id
    });
    let Some((envelope, _)) = told else {
        return Ok(ETag::Position(doc.position));
    };
    state.sequences.insert(doc.position, envelope.sequence);
    Ok(ETag::Sequence(envelope.sequence))
}

/// Ids that no database could hold are unknown, not errors.
pub(super) fn is_storable(id: &str) -> bool {
    (1..=512).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// What one document of the view is called.
fn singular(view: &str) -> &str {
    match view {
        "policies" => "policy",
        "ledger_entries" => "ledger_entry",
        "secrets" => "secrets",
        "settings" => "settings",
        view => view.strip_suffix('s').unwrap_or(view),
    }
}

//! Which events somebody wants, and may have.

use reef_commands::ports::EventQuery;
use reef_domain::{AccountId, AnyEvent};

use super::frame::Frame;
use crate::{Problem, auth::Principal, params::Params};

/// Names of the parameters that [`EventFilter::take`] takes.
pub(crate) const PARAMETERS: [&str; 4] = ["types", "aggregate_type", "aggregate_id", "account_id"];

/// A filter over events.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    account: Option<AccountId>,
    types: Vec<String>,
    aggregate_type: Option<String>,
    aggregate_id: Option<String>,
}

impl EventFilter {
    /// Takes the filter's parameters; the credential's account narrows it.
    pub(crate) fn take(params: &mut Params, principal: &Principal) -> Result<Self, Problem> {
        let types = params
            .text("types")?
            .map(|text| text.split(',').map(ToOwned::to_owned).collect());
        let types: Vec<String> = types.unwrap_or_default();
        if let Some(unknown) = types.iter().find(|name| !is_event_type(name)) {
            return Err(Problem::parameter(
                "types",
                format!("There is no event type {unknown:?}."),
            ));
        }
        let aggregate_type = params.text("aggregate_type")?;
        if let Some(unknown) = aggregate_type
            .as_ref()
            .filter(|name| aggregate_type_named(name).is_none())
        {
            return Err(Problem::parameter(
                "aggregate_type",
                format!("There is no aggregate type {unknown:?}."),
            ));
        }
        let account = account_filter(params, principal)?;
        Ok(Self {
            account,
            types,
            aggregate_type,
            aggregate_id: params.text("aggregate_id")?,
        })
    }

    /// The query for events after a position.
    pub(crate) fn query(&self, after: u64, limit: u32) -> EventQuery {
        EventQuery {
            after,
            until: None,
            limit,
            account_id: self.account.clone(),
            types: self.types.clone(),
            aggregate_type: self.aggregate_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
        }
    }

    /// Whether the frame is wanted.
    pub(super) fn wants(&self, frame: &Frame) -> bool {
        (self.account.is_none() || self.account == frame.account)
            && (self.types.is_empty() || self.types.iter().any(|name| name == frame.event_type))
            && self
                .aggregate_type
                .as_deref()
                .is_none_or(|name| name == frame.aggregate_type)
            && self
                .aggregate_id
                .as_deref()
                .is_none_or(|id| id == &*frame.aggregate_id)
    }
}

/// The account whose things are asked for: the credential's own; the operator may name any or none.
pub(crate) fn account_filter(
    params: &mut Params,
    principal: &Principal,
) -> Result<Option<AccountId>, Problem> {
    let named = params.text("account_id")?.map(AccountId::from);
    match (principal.account(), named) {
        (Some(own), Some(named)) if *own != named => {
            Err(Problem::of("forbidden", "The credential is of another account.").at("account_id"))
        }
        (Some(own), _) => Ok(Some(own.clone())),
        (None, named) => Ok(named),
    }
}

fn is_event_type(name: &str) -> bool {
    AnyEvent::CATALOGUE
        .iter()
        .any(|(_, types)| types.iter().any(|(known, _)| *known == name))
}

/// The aggregate type of that name.
pub(crate) fn aggregate_type_named(name: &str) -> Option<&'static str> {
    AnyEvent::CATALOGUE
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == name)
}

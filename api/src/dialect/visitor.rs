//! One request of somebody without a credential, as handlers of dialects see it.

use axum::{Extension, extract::FromRequestParts, http::request::Parts};
use reef_commands::Bus;

use crate::{App, Problem, edge::RequestId};

/// Somebody who has yet to say who they are.
pub(crate) struct Visitor {
    state: App,
    request_id: RequestId,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, Problem> {
        let Extension(request_id) = Extension::<RequestId>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            state: state.clone(),
            request_id,
        })
    }
}

impl Visitor {
    /// What handlers reach besides.
    pub(crate) fn state(&self) -> &App {
        &self.state
    }

    /// The bus.
    pub(crate) fn bus(&self) -> &Bus {
        &self.state.parts.bus
    }

    /// What events of this request are filed under.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.as_str()
    }
}

//! The edge: what every request passes on its way in and every answer on its way out.
//!
//! One layer for all of it, because each layer costs an allocation per request: request id, span, credential,
//! rate limit, time limit, panics, problem documents, headers and figures.

mod request_id;

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use tracing::{Instrument as _, Span, field::Empty};

use crate::{
    App, Problem,
    auth::{self, Principal},
    client,
    face::{Face, Pace},
    limit::{Allowance, Counted, Own},
};

pub(crate) use request_id::RequestId;

/// Who gets through to a group of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, uncounted: load balancers ask often.
    Open,
    /// Everybody, counted by address.
    Counted,
    /// Whoever has a credential.
    Credential,
}

/// How the edge treats a group of routes.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) state: App,
    /// Which API it belongs to.
    pub(crate) face: &'static Face,
    pub(crate) access: Access,
    /// How long a handler may take; `None`: it sees to that itself.
    pub(crate) patience: Option<Duration>,
    /// A limit that is counted for these routes alone.
    pub(crate) own: Option<Own>,
}

/// The layer.
pub(crate) async fn edge(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers(), &*edge.state.services().entropy);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = request.method().clone();
    let span =
        tracing::info_span!("request", %method, route, request_id = %id, account = Empty, status = Empty);
    request.extensions_mut().insert(id.clone());
    let mut allowance = None;
    let response = answer(&edge, request, next, &mut allowance, &span)
        .instrument(span.clone())
        .await;
    let mut response = written(response, &id, edge.face);
    head(&mut response, &id, edge.access, &method);
    if let (Some(allowance), Some(tell)) = (allowance, edge.face.tell) {
        tell(allowance, response.headers_mut());
    }
    account_for(&span, &method, route, response.status(), started.elapsed());
    response
}

async fn answer(
    edge: &Edge,
    mut request: Request,
    next: Next,
    allowance: &mut Option<Allowance>,
    span: &Span,
) -> Response {
    if let Err(problem) = admit(edge, &mut request, allowance, span).await {
        return problem.into_response();
    }
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let answered = match edge.patience {
        Some(patience) => match tokio::time::timeout(patience, answered).await {
            Ok(answered) => answered,
            Err(_) => return Problem::of("timeout", "The server did not answer in time.").into_response(),
        },
        None => answered.await,
    };
    answered.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Problem::internal(&text.as_deref().unwrap_or("a handler panicked")).into_response()
    })
}

/// Finds out who asks, and counts the request.
async fn admit(
    edge: &Edge,
    request: &mut Request,
    allowance: &mut Option<Allowance>,
    span: &Span,
) -> Result<(), Problem> {
    let state = &edge.state;
    if edge.access == Access::Open {
        return Ok(());
    }
    let from = client::address(
        request.extensions(),
        request.headers(),
        &state.config().trusted_proxies,
    );
    let from = Counted::Address(client::network(from));
    let whose = match edge.access {
        Access::Open | Access::Counted => from,
        Access::Credential => match auth::authenticate(state, request.headers(), edge.face).await {
            Ok(principal) => {
                span.record(
                    "account",
                    principal.account().map_or("-", |account| account.as_str()),
                );
                let whose = counted(edge.face, &principal);
                request.extensions_mut().insert(principal);
                whose
            }
            Err(problem) => {
                // Guessing keys is counted too.
                count(edge, &from, allowance)?;
                return Err(problem);
            }
        },
    };
    count(edge, &whose, allowance)
}

/// Whose requests those of the principal are counted with.
fn counted(face: &Face, principal: &Principal) -> Counted {
    let caller = principal.caller();
    match (face.pace, &caller.account_id, &caller.user_id) {
        (Pace::PerUser(_), Some(account), Some(user)) => Counted::User(account.clone(), user.clone()),
        (Pace::PerAccount(_), Some(account), _) => Counted::Account(account.clone()),
        (Pace::PerUser(_) | Pace::PerAccount(_) | Pace::Configured, ..) => {
            Counted::Credential(principal.key_id().clone())
        }
    }
}

fn count(edge: &Edge, whose: &Counted, allowance: &mut Option<Allowance>) -> Result<(), Problem> {
    let state = &edge.state;
    let wait_s = match edge.face.pace {
        Pace::Configured => state.limiter.as_ref().map_or(0, |limiter| {
            let counted = limiter.count(whose);
            *allowance = Some(counted);
            counted.wait_s
        }),
        Pace::PerUser(limit) | Pace::PerAccount(limit) => state.windows.as_ref().map_or(0, |windows| {
            windows.count(edge.face.dialect, whose, limit, edge.own.as_ref(), Instant::now())
        }),
    };
    if wait_s == 0 {
        return Ok(());
    }
    let detail = format!("Too many requests. The next one is let through in {wait_s} s.");
    Err(Problem::of("rate_limited", detail).retry_after(wait_s))
}

/// The answer with its body: problems are written here, and errors of the framework become problems.
fn written(mut response: Response, id: &RequestId, face: &Face) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return (face.render)(&problem, id);
    }
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::of("method_not_allowed", "The route has no such method."),
        StatusCode::NOT_FOUND => Problem::of("unknown_route", "There is no such route."),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of("body_too_large", "The body is too large."),
        status if status.is_server_error() => Problem::internal(&status),
        status => Problem::new(status, "bad_request", "The request cannot be read."),
    };
    let mut answer = (face.render)(&problem, id);
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// Headers of every answer.
fn head(response: &mut Response, id: &RequestId, access: Access, method: &Method) {
    let headers = response.headers_mut();
    headers.insert("x-request-id", id.header());
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if access == Access::Credential && !headers.contains_key(header::CACHE_CONTROL) {
        let kept = if *method == Method::GET {
            "private, no-cache"
        } else {
            "no-store"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
}

/// Figures and the server's own log.
fn account_for(span: &Span, method: &Method, route: &str, status: StatusCode, took: Duration) {
    span.record("status", status.as_u16());
    let method = known(method);
    let route = route.to_owned();
    metrics::counter!("reef_http_requests_total", "method" => method, "route" => route.clone(), "status" => status_text(status)).increment(1);
    metrics::histogram!("reef_http_request_seconds", "method" => method, "route" => route).record(took);
    let ms = took.as_millis();
    if status.is_server_error() {
        tracing::warn!(parent: span, ms, "answered");
    } else {
        tracing::debug!(parent: span, ms, "answered");
    }
}

/// Clients choose methods freely; figures must stay bounded.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_text(status: StatusCode) -> String {
    status.as_str().to_owned()
}

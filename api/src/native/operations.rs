//! Health, figures and documentation.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use serde_json::json;

use crate::{App, Problem, answer::Answered, auth::Principal};

/// `GET /`.
pub(super) async fn front() -> Redirect {
    Redirect::temporary("/docs")
}

/// `GET /healthz`: the process lives.
pub(super) async fn healthz() -> Answered {
    Answered::json(r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the log answers, the views answer, and the server is not draining.
pub(super) async fn readyz(State(state): State<App>) -> Result<Answered, Problem> {
    let not_ready = |what: &str| Problem::of("unavailable", format!("Not ready: {what}.")).retry_after(1);
    if state.parts.shutdown.is_cancelled() {
        return Err(not_ready("the server is draining"));
    }
    let head = state
        .log()
        .head()
        .await
        .map_err(|_| not_ready("the log does not answer"))?;
    let asked = state.views_port().get("accounts", "readyz").await;
    asked.map_err(|_| not_ready("the views do not answer"))?;
    Ok(Answered::of(&json!({ "status": "ready", "position": head.position }))?.at(head.position))
}

/// `GET /metrics`.
pub(super) async fn metrics(
    State(state): State<App>,
    principal: Option<axum::Extension<Principal>>,
) -> Result<Answered, Problem> {
    if let Some(axum::Extension(principal)) = principal {
        principal.operator()?;
    }
    let handle = state.parts.metrics.as_ref();
    let handle = handle.ok_or_else(|| Problem::of("unknown_route", "This server keeps no figures."))?;
    Ok(Answered::new(
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        handle.render(),
    ))
}

/// `GET /openapi.json`.
pub(super) async fn openapi(State(state): State<App>, headers: HeaderMap) -> Response {
    revalidated(
        &headers,
        &state.openapi.etag,
        "application/json",
        state.openapi.text.clone(),
    )
}

/// `GET /docs`.
pub(super) async fn docs(State(state): State<App>, headers: HeaderMap) -> Response {
    revalidated(
        &headers,
        &state.openapi.etag,
        "text/html; charset=utf-8",
        state.docs.html.clone(),
    )
}

/// What changes with the program only: clients that have it are told so.
pub(crate) fn revalidated(
    headers: &HeaderMap,
    etag: &HeaderValue,
    kind: &'static str,
    body: bytes::Bytes,
) -> Response {
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Answered::new(HeaderValue::from_static(kind), body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}

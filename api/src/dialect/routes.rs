//! The routes of a dialect: each registered once, with its handler, its limit and its documentation.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    handler::Handler,
    http::HeaderMap,
    middleware,
    routing::{MethodFilter, MethodRouter, get, on},
};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::{
    App, Problem,
    edge::{Access, Edge, edge},
    face::Face,
    limit::Own,
    native::revalidated,
    openapi::{About, Document, Family, Place, Route, Schemas, Who},
};

/// The header under which a request is carried out once.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A dialect's API as it is put together.
pub(crate) struct Api {
    face: &'static Face,
    family: &'static Family,
    about: About,
    group: &'static str,
    routes: Vec<Route>,
    handlers: Vec<MethodRouter<App>>,
    pub(crate) schemas: Schemas,
}

impl Api {
    /// An API without routes.
    pub(crate) fn new(face: &'static Face, family: &'static Family, about: About) -> Self {
        Self {
            face,
            family,
            about,
            group: "",
            routes: Vec::new(),
            handlers: Vec::new(),
            schemas: Schemas::default(),
        }
    }

    /// The routes that follow belong to this group.
    pub(crate) fn group(&mut self, name: &'static str) -> &mut Self {
        self.group = name;
        self
    }

    /// A route of this API, to be [added](Self::add): `method` in lower case, `path` below the base path.
    pub(crate) fn route(&self, method: &'static str, path: &str, id: &str, summary: &str) -> Route {
        let mut route = Route::new(self.family, method, self.group, path, id, summary);
        for (name, _) in path.match_indices('{') {
            let name = path[name + 1..].split('}').next().unwrap_or_default();
            let about = match name {
                "userId" => "The caller's own id.",
                "slug" => "Its slug.",
                "name" | "key" => "Its name.",
                _ => "Its id.",
            };
            route = route.path_parameter(name, about);
        }
        route
    }

    /// The schema of a wire type, for answers and bodies.
    pub(crate) fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.of::<T>()
    }

    /// The schema of a list of a wire type.
    pub(crate) fn list_of<T: JsonSchema>(&mut self) -> Value {
        json!({ "type": "array", "items": self.schema::<T>() })
    }

    /// Serves the route with this handler, and documents it.
    pub(crate) fn add<H, T>(&mut self, route: Route, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.handlers.push(on(filter(route.method), handler));
        self.routes.push(route);
    }

    /// Everything that is served and documented.
    #[cfg(test)]
    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The router, below the base path: the routes, the document, and what answers where there is no route.
    pub(crate) fn into_router(self, state: &App) -> Router<App> {
        let config = state.config();
        let (usual, long) = (
            config.request_timeout,
            config.request_timeout + config.reply_timeout,
        );
        let around = |access, own, patience| Edge {
            state: state.clone(),
            face: self.face,
            access,
            patience: Some(patience),
            own,
        };
        let mut router = Router::new();
        for (route, handler) in self.routes.iter().zip(self.handlers) {
            let access = match route.who {
                Who::Anybody => Access::Counted,
                Who::Credential | Who::Operator => Access::Credential,
            };
            let own = route.limit.map(|per_minute| Own {
                operation: route.id.as_str().into(),
                per_minute,
            });
            let layer = middleware::from_fn_with_state(
                around(access, own, if route.waits { long } else { usual }),
                edge,
            );
            router = router.route(&route.path, handler.layer(layer));
        }
        let document = Arc::new(Document::new(&self.about, self.routes, self.schemas));
        let open = Router::new()
            .route(
                "/openapi.json",
                get(async move |_: State<App>, headers: HeaderMap| {
                    revalidated(
                        &headers,
                        &document.etag,
                        "application/json",
                        document.text.clone(),
                    )
                }),
            )
            .fallback(unknown_route)
            .layer(middleware::from_fn_with_state(
                around(Access::Counted, None, usual),
                edge,
            ));
        router.merge(open)
    }
}

async fn unknown_route() -> Problem {
    Problem::of("unknown_route", "There is no such route.")
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "post" => MethodFilter::POST,
        "put" => MethodFilter::PUT,
        "patch" => MethodFilter::PATCH,
        "delete" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

impl Route {
    /// The request is carried out once per idempotency key.
    pub(crate) fn once(self) -> Self {
        self.header(
            IDEMPOTENCY_KEY,
            "1 to 255 visible ASCII characters: the same key and body get the same answer.",
            "^[\\u0021-\\u007e]{1,255}$",
        )
    }

    /// Whether it has a parameter there.
    pub(crate) fn has(&self, place: Place) -> bool {
        self.parameters.iter().any(|parameter| parameter.place == place)
    }
}

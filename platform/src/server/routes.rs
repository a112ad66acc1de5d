//! The operations of the API, and the layers around them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, header};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Router, middleware as layers};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{self, CorsLayer};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi as OpenApiDocument;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::app::{App, AppContext};
use super::middleware;
use super::observe::Observer;
use super::openapi::ApiDescription;
use super::problem::ProblemResponse;
use super::settings::Settings;
use crate::api::{DAMAGED_AGENTS, ProblemKind};
use crate::store::Store;

mod agents;
mod feed;
mod lookup;
mod pages;
mod public;
mod rankings;
mod rankings_part;
mod reasons;
mod results;
mod rounds;
mod submission;
mod upload;

/// What the API needs in addition to its store and its settings.
pub(super) struct RouterContext {
    /// The address that the server listens on.
    pub(super) address: SocketAddr,
    /// What notes its requests.
    pub(super) observer: Arc<Observer>,
}

/// Returns the API as a service.
pub(super) fn router(
    store: Store,
    settings: Settings,
    RouterContext { address, observer }: RouterContext,
) -> Router {
    let (operations, document) = operations();
    let app = App::new(store, settings, AppContext { address, document: &document, observer });
    operations
        .route("/", get(pages::leaderboard))
        .route("/reference", get(pages::reference))
        .route("/openapi.json", get(pages::openapi_json))
        .route("/feed.atom", get(feed::rounds))
        .route("/style.css", get(pages::style))
        .route("/arena.js", get(pages::script))
        .route("/favicon.svg", get(pages::icon))
        .route("/favicon.ico", get(pages::icon))
        .route("/agents/{miner_id}/reasons", post(reasons::page))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer((
            layers::from_fn_with_state(app.clone(), middleware::finish),
            cors(),
            layers::from_fn_with_state(app.clone(), middleware::guard),
            CatchPanicLayer::custom(|_| ProblemResponse::internal().into_response()),
        ))
        .with_state(app)
}

/// The operations that the API description covers, and the description.
fn operations() -> (Router<App>, OpenApiDocument) {
    let body_limit = DefaultBodyLimit::max;
    OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(public::healthz))
        .routes(routes!(public::all_tasks))
        .routes(routes!(public::one_task))
        .routes(routes!(rounds::list))
        .routes(routes!(rounds::one))
        .routes(routes!(rounds::events))
        .routes(routes!(agents::list))
        .routes(routes!(agents::one, agents::withdraw))
        .routes(routes!(agents::source))
        .routes(routes!(upload::rotate_token))
        .routes(routes!(submission::status))
        .routes(routes!(submission::publish_progress))
        .routes(routes!(results::of_agent))
        .routes(routes!(results::publish))
        .routes(routes!(rankings::latest, rankings::publish))
        .routes(routes!(upload::agent).layer(body_limit(upload::MAX_BODY_BYTES)))
        .split_for_parts()
}

/// Any site may read public data. Nothing that requires a token or changes something is offered.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(cors::Any)
        // The answer is the same for every origin.
        .vary([])
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::LINK, HeaderName::from_static(DAMAGED_AGENTS)])
        .max_age(Duration::from_hours(1))
}

async fn not_found() -> ProblemResponse {
    ProblemResponse::new(
        ProblemKind::NotFound,
        "not found: see /tasks, /agents, /rankings and POST /upload/agent",
    )
}

async fn method_not_allowed() -> ProblemResponse {
    ProblemResponse::new(
        ProblemKind::MethodNotAllowed,
        "method not allowed: the Allow header lists the methods of this URL",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn description_has_version_3_1_and_explains_every_operation() {
        let document = serde_json::to_value(operations().1).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for used in ["Problem", "Violation", "AgentView", "Rankings"] {
            assert!(document["components"]["schemas"][used].is_object(), "{used}");
        }
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 16, "{:?}", paths.keys());
        let mut names = BTreeSet::new();
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(name.contains('_') && names.insert(name), "{method} {path}: {name}");
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
                for status in ["4XX", "5XX"] {
                    let content = &operation["responses"][status]["content"];
                    let schema = &content["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}");
                }
            }
        }
    }
}

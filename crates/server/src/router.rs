//! Which address leads to which endpoint, and what every request passes on its way there.

use crate::api;
use crate::failure::Failure;
use crate::server::Server;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use protocol::{EPOCH_HEADER, ProblemKind, REQUEST_ID_HEADER};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument as _;

/// All endpoints.
pub(crate) fn router(server: Arc<Server>) -> Router {
    let folder = Router::new()
        .route("/changes", get(api::folders::changes::get))
        .route("/views", post(api::folders::views::register))
        .route("/trash", get(api::folders::trash::list))
        .route("/trash/restore", post(api::folders::trash::restore))
        .route("/restore", post(api::folders::restore::restore))
        .route("/space", get(api::folders::space::get))
        .route("/uploads", post(api::folders::uploads::open))
        .route("/uploads/{upload}", delete(api::folders::uploads::abandon))
        .route("/chunks/missing", post(api::folders::chunks::missing))
        .route("/chunks/fetch", post(api::folders::chunks::fetch))
        .route("/commits", post(api::folders::commits::create))
        .route("/nodes/{node}/children", get(api::folders::nodes::children))
        .route("/nodes/{node}/differences", get(api::folders::nodes::differences))
        .route("/nodes/{node}/content", get(api::folders::nodes::content))
        .route("/nodes/{node}/versions", get(api::folders::nodes::versions))
        .route("/nodes/{node}/versions/{version}", put(api::folders::nodes::pin))
        .route("/nodes/{node}/restore", post(api::folders::nodes::restore));
    let v1 = Router::new()
        .route("/server", get(api::server::get))
        .route("/devices", post(api::devices::link))
        .route("/devices/self", delete(api::devices::unlink))
        .route("/folders", get(api::folders::list))
        .route("/events", get(api::events::connect))
        .nest("/folders/{folder}", folder);
    Router::new()
        .nest("/api/v1", v1)
        .route("/healthz", get(api::health::healthz))
        .route("/readyz", get(api::health::readyz))
        .route("/metrics", get(api::health::metrics))
        .fallback(|| async { Failure::not_found() })
        .method_not_allowed_fallback(|| async { Failure::new(ProblemKind::MethodNotAllowed) })
        .layer(middleware::from_fn_with_state(Arc::clone(&server), around))
        .with_state(server)
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Gives the request its id and its place in the log, and the answer the headers that all have.
async fn around(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!("{:x}", REQUESTS.fetch_add(1, Ordering::Relaxed));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let span = tracing::info_span!(
        "request",
        id,
        %method,
        path = request.uri().path(),
        user = tracing::field::Empty,
        device = tracing::field::Empty,
    );
    let mut response = async {
        if request.uri().path().len() > 1024 {
            return Failure::not_found().into_response();
        }
        next.run(request).await
    }
    .instrument(span.clone())
    .await;

    let status = response.status().as_u16();
    server.metrics.request(method.as_str(), &route, status);
    span.in_scope(|| {
        tracing::debug!(status, milliseconds = started.elapsed().as_millis() as u64, "answered");
    });
    let headers = response.headers_mut();
    let mut set = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set(EPOCH_HEADER, &server.epoch().to_string());
    set(REQUEST_ID_HEADER, &id);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

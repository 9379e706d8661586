//! Which address leads to which endpoint, and what every request passes on its way there.

use crate::api;
use crate::caller::PeerAddress;
use crate::failure::{Failure, REQUEST_ID};
use crate::guests;
use crate::openapi;
use crate::page;
use crate::server::Server;
use crate::setup;
use crate::share;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use protocol::{EPOCH_HEADER, ProblemKind, REQUEST_ID_HEADER};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is in a folder.
fn in_folder() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(api::folders::changes::get))
        .routes(routes!(api::folders::views::register))
        .routes(routes!(api::folders::trash::list))
        .routes(routes!(api::folders::trash::restore))
        .routes(routes!(api::links::list::of_folder, api::links::make::make))
        .routes(routes!(api::folders::restore::restore))
        .routes(routes!(api::folders::space::get))
        .routes(routes!(api::folders::grants::get, api::folders::grants::set))
        .routes(routes!(api::folders::grants::candidates))
        .routes(routes!(api::folders::activity::list))
        .routes(routes!(api::folders::conflicts::list))
        .routes(routes!(api::folders::conflicts::settle))
        .routes(routes!(api::folders::uploads::open))
        .routes(routes!(api::folders::uploads::abandon))
        .routes(routes!(api::folders::days::list))
        .routes(routes!(api::folders::zip::get, api::folders::zip::post))
        .routes(routes!(api::folders::chunks::missing::missing))
        .routes(routes!(api::folders::chunks::fetch::fetch))
        .routes(routes!(api::folders::commits::create))
        .routes(routes!(api::folders::nodes::children::children))
        .routes(routes!(api::folders::nodes::differences::differences))
        .routes(routes!(api::folders::nodes::content::content))
        .routes(routes!(api::folders::nodes::preview::preview))
        .routes(routes!(api::folders::nodes::versions::versions))
        .routes(routes!(api::folders::nodes::versions::pin))
        .routes(routes!(api::folders::nodes::restore::restore))
}

/// What administrators do.
fn administration() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(api::administration::status::get))
        .routes(routes!(api::links::policy::set))
        .routes(routes!(api::administration::settings::get, api::administration::settings::put))
        .routes(routes!(api::administration::storage::get))
        .routes(routes!(api::administration::address::test))
        .routes(routes!(api::administration::users::list, api::administration::users::create))
        .routes(routes!(
            api::administration::users::get,
            api::administration::users::change,
            api::administration::users::remove
        ))
        .routes(routes!(api::administration::users::home))
        .routes(routes!(api::administration::groups::list, api::administration::groups::create))
        .routes(routes!(
            api::administration::groups::get,
            api::administration::groups::change,
            api::administration::groups::remove
        ))
        .routes(routes!(api::administration::folders::list, api::administration::folders::create))
        .routes(routes!(api::administration::folders::get, api::administration::folders::change))
        .routes(routes!(api::administration::folders::hold))
        .routes(routes!(api::administration::devices::list))
        .routes(routes!(api::administration::devices::unlink))
        .routes(routes!(api::administration::devices::wipe))
        .routes(routes!(api::administration::devices::waiting, api::administration::devices::settle))
        .routes(routes!(api::administration::overview::get))
        .routes(routes!(api::administration::growth::get))
        .routes(routes!(api::administration::activity::get))
        .routes(routes!(api::administration::issues::list))
        .routes(routes!(api::administration::work::get, api::administration::work::start))
        .routes(routes!(api::administration::log::list))
        .routes(routes!(api::administration::log::export::export))
        .routes(routes!(api::administration::log::proof::prove))
        .routes(routes!(api::administration::log::retention::get, api::administration::log::retention::set))
        .routes(routes!(api::administration::second_factor::get, api::administration::second_factor::set))
        .routes(routes!(api::administration::second_factor::remove))
        .routes(routes!(api::administration::single_sign_on::get, api::administration::single_sign_on::put))
        .routes(routes!(api::administration::networks::get, api::administration::networks::put))
}

/// What guards the own account.
fn account() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(api::account::get))
        .routes(routes!(api::account::second_factor::begin))
        .routes(routes!(api::account::second_factor::turn_on))
        .routes(routes!(api::account::second_factor::turn_off))
        .routes(routes!(api::account::second_factor::renew_codes))
        .routes(routes!(api::account::app_passwords::list, api::account::app_passwords::create))
        .routes(routes!(api::account::app_passwords::revoke))
        .routes(routes!(api::account::passkeys::list, api::account::passkeys::register))
        .routes(routes!(api::account::passkeys::begin))
        .routes(routes!(api::account::passkeys::rename, api::account::passkeys::remove))
        .routes(routes!(
            api::account::single_sign_on::get,
            api::account::single_sign_on::connect,
            api::account::single_sign_on::disconnect
        ))
        .routes(routes!(api::account::single_sign_on::begin))
}

/// Every address, each from the description beside its endpoint; there is no other way for one to get in.
fn endpoints() -> OpenApiRouter<Arc<Server>> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(api::server::get))
        .routes(routes!(api::document::get))
        .routes(routes!(api::setup::get, api::setup::claim))
        .routes(routes!(api::setup::echo))
        .routes(routes!(api::address::get))
        .routes(routes!(api::devices::link, api::devices::own::list))
        .routes(routes!(api::devices::unlink))
        .routes(routes!(api::devices::own::unlink))
        .routes(routes!(api::devices::own::wipe))
        .routes(routes!(api::devices::own::wiped))
        .routes(routes!(api::password::change))
        .routes(routes!(api::devices::codes::ask))
        .routes(routes!(api::devices::codes::poll))
        .routes(routes!(api::devices::codes::find))
        .routes(routes!(api::devices::codes::decide))
        .routes(routes!(api::session::get, api::session::open, api::session::close))
        .routes(routes!(api::links::list::mine))
        .routes(routes!(api::links::list::one, api::links::change::change, api::links::change::revoke))
        .routes(routes!(api::links::policy::get))
        .routes(routes!(api::links::shared::with_me))
        .routes(routes!(api::folders::list))
        .routes(routes!(api::search::search))
        .routes(routes!(api::events::connect))
        .routes(routes!(api::session::finish))
        .routes(routes!(api::account::passkeys::begin_sign_in))
        .routes(routes!(api::account::passkeys::sign_in))
        .routes(routes!(api::session::single_sign_on::get, api::session::single_sign_on::sign_in))
        .routes(routes!(api::session::single_sign_on::begin_sign_in))
        .nest("/account", account())
        .nest("/admin", administration())
        .nest("/folders/{folder}", in_folder());
    OpenApiRouter::with_openapi(openapi::frame())
        .nest("/api/v1", v1)
        .routes(routes!(share::page::style))
        .routes(routes!(share::look::look))
        .routes(routes!(share::password::password))
        .routes(routes!(share::download::download))
        .routes(routes!(share::upload::upload))
        .routes(routes!(api::health::healthz))
        .routes(routes!(api::health::readyz))
        .routes(routes!(api::health::metrics))
}

/// All endpoints, and what every request passes.
pub(crate) fn router(server: Arc<Server>) -> Router {
    let (endpoints, _) = endpoints().split_for_parts();
    endpoints
        .fallback(page::serve)
        .method_not_allowed_fallback(|| async { Failure::new(ProblemKind::MethodNotAllowed) })
        .layer(middleware::from_fn_with_state(Arc::clone(&server), around))
        .with_state(server)
}

/// The API document (OpenAPI 3.1), as it is served and as `docs/openapi.json` has it.
pub fn api_document() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| openapi::text(&openapi::complete(endpoints().get_openapi())));
    &TEXT
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// An id that no other request of this server has, short enough to be read aloud. It begins with when the program did, so
/// that it names one request in the log of years.
fn new_id(server: &Server) -> String {
    format!("{:x}-{:x}", server.started_seconds, REQUESTS.fetch_add(1, Ordering::Relaxed))
}

/// Gives the request its id and its place in the log, and the answer the headers that all have.
async fn around(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = new_id(&server);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let span = tracing::info_span!(
        "request",
        id,
        %method,
        path = request.uri().path(),
        client = request.extensions().get::<PeerAddress>().map(|peer| tracing::field::display(peer.0)),
        user = tracing::field::Empty,
        device = tracing::field::Empty,
    );
    let answering = async {
        if request.uri().path().len() > 1024 {
            return Failure::not_found().into_response();
        }
        if let Err(refused) = setup::admit(&server, request.extensions().get::<MatchedPath>()).await {
            return refused.into_response();
        }
        if let Err(refused) = guests::admit(&server, &mut request).await {
            return refused;
        }
        next.run(request).await
    };
    let mut response = REQUEST_ID.scope(id.clone(), answering.instrument(span.clone())).await;

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

#[cfg(test)]
mod tests {
    #[test]
    fn every_address_comes_from_the_description_beside_its_endpoint() {
        let (code, _) = include_str!("router.rs").split_once("#[cfg(test)]").unwrap();
        for way in ["route", "route_service", "nest_service", "merge"] {
            assert!(
                !code.contains(&format!(".{way}(")),
                "`.{way}(…)` adds an address that the API document does not have: give the endpoint a \
                 `#[utoipa::path(…)]` as its neighbours under api/ have, add it with `.routes(routes!(…))`, and run \
                 `cargo xtask openapi`"
            );
        }
    }
}

//! Guests: who asks from a network from which nothing but links is reached.
//!
//! It is decided before anything else is: no address but those of links, and of what watches whether the server runs, is
//! answered from there, whatever token is shown.

use crate::caller::{Generation, PeerAddress};
use crate::failure::Failure;
use crate::server::Server;
use crate::share::refusal::{PageRefusal, Why};
use crate::share::texts;
use axum::extract::{MatchedPath, Request};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use protocol::ProblemKind;
use std::sync::Arc;

/// Whether an endpoint is for guests, too.
pub(crate) fn is_for_guests(route: &str) -> bool {
    route.starts_with("/s/") || matches!(route, "/healthz" | "/readyz")
}

/// Lets a request pass, or answers it. The generation of rights that it was decided at goes with it.
pub(crate) async fn admit(server: &Arc<Server>, request: &mut Request) -> Result<(), Response> {
    let route = request.extensions().get::<MatchedPath>();
    if route.is_some_and(|route| is_for_guests(route.as_str())) {
        return Ok(());
    }
    let from = request.extensions().get::<PeerAddress>().map(|peer| peer.origin(server));
    let from = from.unwrap_or(model::Origin::Unknown);
    let (generation, reach) = server.reach().await.map_err(Failure::into_response)?;
    if reach.is_guest(from) {
        return Err(refuse(request));
    }
    request.extensions_mut().insert(Generation(generation));
    Ok(())
}

/// A page for browsers that come to look, else a problem.
fn refuse(request: &Request) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        let texts = texts::of(request.headers());
        return PageRefusal { why: Why::Guest, texts, base: None }.into_response();
    }
    let detail = "From this network nothing but links is reached.";
    Failure::new(ProblemKind::Forbidden).detail(detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_for_guests_and_nothing_that_only_begins_alike() {
        assert!(["/s/{token}", "/s/style.css", "/healthz", "/readyz"].into_iter().all(is_for_guests));
        for route in ["/", "/api/v1/session", "/metrics", "/shared", "/settings", "/healthz/x"] {
            assert!(!is_for_guests(route), "{route}");
        }
    }
}

//! The web page: what is asked for beside the API.
//!
//! *Always:* the page runs no script and no style but its own files, is framed by nobody and sends nothing anywhere else.
//! Files whose name has their hash in it are kept for ever; the page itself is asked for again each time. An address that
//! is neither a file nor a place of the page is not found, as elsewhere.

use crate::failure::Failure;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use protocol::ProblemKind;
use web::Asset;

/// What the page's own router knows (`crates/web/ui/src/router.svelte.ts`), by the first part of the address.
const PLACES: &[&str] = &[
    "files",
    "past",
    "search",
    "trash",
    "shared",
    "overview",
    "devices",
    "people",
    "shared-folders",
    "all-devices",
    "activity",
    "issues",
    "log",
    "account",
    "settings",
    "setup",
    "sign-in",
];

/// Nothing but the page's own files; and texts become markup or scripts only by the two rules named at the end: Svelte's
/// for its templates, and one for the address of the worker that names chunks.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
    worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html driftless-worker";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("referrer-policy", "no-referrer"),
    ("vary", "accept-encoding"),
];

/// A file of the page, the page itself at its places, else a problem.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    let is_place = path.is_empty() || PLACES.contains(&first);
    let found = web::asset(path).or_else(|| is_place.then(web::index));
    match (found, method) {
        (None, _) => Failure::not_found().into_response(),
        (Some(asset), Method::GET | Method::HEAD) => answer(asset, &headers),
        (Some(_), _) => Failure::new(ProblemKind::MethodNotAllowed).into_response(),
    }
}

fn answer(asset: &'static Asset, asked: &HeaderMap) -> Response {
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let packed = asset.brotli.filter(|_| takes_brotli(text(header::ACCEPT_ENCODING)));
    let known =
        text(header::IF_NONE_MATCH).split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.tag);
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let keep = if asset.is_hashed() { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    // Weak: the packed form and the plain one have the same.
    let tag = HeaderValue::from_str(&format!("W/{}", asset.tag)).expect("it is made of hexadecimal digits");
    headers.insert(header::ETAG, tag);
    if known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    *answer.body_mut() = Body::from(Bytes::from_static(packed.unwrap_or(asset.bytes)));
    answer
}

/// Whether `br` is among what a browser takes, and not only to say that it is not taken.
fn takes_brotli(accepted: &str) -> bool {
    accepted.split(',').any(|one| {
        let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        coding.trim().eq_ignore_ascii_case("br") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::takes_brotli;

    #[test]
    fn brotli_goes_to_those_who_take_it() {
        for good in ["br", "gzip, deflate, br, zstd", "gzip;q=0.5 , BR ;q=0.1"] {
            assert!(takes_brotli(good), "{good}");
        }
        for bad in ["", "gzip", "brr", "br;q=0", "br;q=0.000", "*"] {
            assert!(!takes_brotli(bad), "{bad}");
        }
    }
}

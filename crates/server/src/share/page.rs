//! The frame that all pages for strangers have, and their style.

use super::texts::Texts;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// The type of every page.
pub(crate) const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// No scripts, and nothing from elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("referrer-policy", "no-referrer"),
    ("x-robots-tag", "noindex, nofollow"),
    ("vary", "accept-language, cookie"),
];

/// Gives an answer what all answers to strangers have.
pub(crate) fn html_headers(mut answer: Response) -> Response {
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A page.
pub(crate) fn html(status: StatusCode, texts: &Texts, title: &str, body: &Markup) -> Response {
    let text = html! {
        (DOCTYPE)
        html lang=(texts.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href="/s/style.css";
                title { (title) " – Driftless" }
            }
            body {
                header { span.brand { "Driftless" } }
                main { (body) }
            }
        }
    };
    let mut answer = html_headers(Response::new(Body::from(text.into_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    answer
}

/// How the pages for strangers look
///
/// The same for all of them.
#[utoipa::path(
    get,
    path = "/s/style.css",
    operation_id = "get_share_style",
    tag = "links",
    responses(
        (status = 200, description = "The style.", body = protocol::schema::Html, content_type = "text/css; charset=utf-8", headers(("cache-control" = String, description = "Kept for an hour.")))
    )
)]
pub(crate) async fn style() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("style.css"))
}

//! The cookie in which a browser keeps its token, and when it is believed.
//!
//! A session is a device like others, whose token no script of the page ever sees. A browser sends cookies with requests that
//! other sites have it make; so a cookie counts as not shown unless the request says that the server's own page makes it:
//! by Fetch Metadata (<https://www.w3.org/TR/fetch-metadata/>), which scripts cannot forge, and by `Origin` from browsers
//! that do not have it. `SameSite=Strict` is the second lock on the same door.

use crate::caller::PeerAddress;
use crate::server::Server;
use auth::Token;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};

/// With this prefix browsers take it over TLS only, from this very host and for all of it: no neighbour can set one.
pub(crate) const SECURE_NAME: &str = "__Host-driftless";
/// On the server's own machine without TLS, where not all browsers take the other.
const PLAIN_NAME: &str = "driftless";

/// Whether the browser's way to here is, or must be, encrypted. Plain HTTP is answered on this machine and for trusted
/// proxies; who comes from elsewhere through one of those gets a cookie that no unencrypted way carries.
fn is_secure(server: &Server, peer: PeerAddress) -> bool {
    server.settings.tls.is_some() || !peer.0.to_canonical().is_loopback()
}

fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The token in the cookie of a request that the page makes.
pub(crate) fn shown(parts: &Parts, server: &Server) -> Option<Token> {
    let peer = parts.extensions.get::<PeerAddress>()?;
    let token = named(&parts.headers, name(is_secure(server, *peer)))?;
    is_from_the_page(&parts.method, &parts.headers, &parts.uri).then(|| Token::parse(token)).flatten()
}

/// The cookie of this name; none if there are several.
fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn is_from_the_page(method: &Method, headers: &HeaderMap, uri: &Uri) -> bool {
    let only_looks = matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE);
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none`: the person typed the address, or opened a download again.
        return site == "same-origin" || (only_looks && site == "none");
    }
    match headers.get(header::ORIGIN) {
        Some(origin) => is_own(origin, headers, uri),
        None => only_looks,
    }
}

fn is_own(origin: &HeaderValue, headers: &HeaderMap, uri: &Uri) -> bool {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = asked.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let from = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((from, asked), (Some((_, from)), Some(asked)) if from.eq_ignore_ascii_case(asked))
}

/// Whether another site has the browser make this request, as far as the browser says.
pub(crate) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin")
}

/// Hands a token over, for so many seconds.
pub(crate) fn give(server: &Server, peer: PeerAddress, token: &Token, seconds: i64) -> HeaderValue {
    written(server, peer, &token.text(), seconds)
}

/// Takes it back.
pub(crate) fn take(server: &Server, peer: PeerAddress) -> HeaderValue {
    written(server, peer, "", 0)
}

/// With this prefix browsers take it over TLS only; it may be bound to a path, unlike the other.
const SECURE_LINK_NAME: &str = "__Secure-driftless-link";
/// On the server's own machine without TLS.
const PLAIN_LINK_NAME: &str = "driftless-link";

fn link_name(secure: bool) -> &'static str {
    if secure { SECURE_LINK_NAME } else { PLAIN_LINK_NAME }
}

/// The note of a link's shown password that a stranger's browser brings along.
pub(crate) fn link_note<'a>(parts: &'a Parts, server: &Server) -> Option<&'a str> {
    let peer = parts.extensions.get::<PeerAddress>()?;
    named(&parts.headers, link_name(is_secure(server, *peer)))
}

/// Gives a stranger's browser such a note, for the link's own addresses alone. Other sites may lead there (`Lax`): whoever
/// follows a link again is not asked again.
pub(crate) fn give_link_note(
    server: &Server,
    peer: PeerAddress,
    path: &str,
    note: &str,
    seconds: i64,
) -> HeaderValue {
    let secure = is_secure(server, peer);
    let (name, only_encrypted) = (link_name(secure), if secure { "; Secure" } else { "" });
    let text =
        format!("{name}={note}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{only_encrypted}");
    let mut cookie = HeaderValue::from_str(&text).expect("notes and paths are of visible ASCII");
    cookie.set_sensitive(true);
    cookie
}

/// A browser's half of a sign-in by a provider. The page itself shows it, so that no other site needs to be let through.
fn attempt_name(secure: bool) -> &'static str {
    if secure { "__Host-driftless-sign-in" } else { "driftless-sign-in" }
}

/// The half that a request of the page shows.
pub(crate) fn attempt<'a>(headers: &'a HeaderMap, server: &Server, peer: PeerAddress) -> Option<&'a str> {
    named(headers, attempt_name(is_secure(server, peer)))
}

/// Gives a browser its half.
pub(crate) fn give_attempt(server: &Server, peer: PeerAddress, half: &str, seconds: i64) -> HeaderValue {
    let secure = is_secure(server, peer);
    strict(attempt_name(secure), half, seconds, secure)
}

/// Takes it back.
pub(crate) fn take_attempt(server: &Server, peer: PeerAddress) -> HeaderValue {
    give_attempt(server, peer, "", 0)
}

fn written(server: &Server, peer: PeerAddress, value: &str, seconds: i64) -> HeaderValue {
    let secure = is_secure(server, peer);
    strict(name(secure), value, seconds, secure)
}

fn strict(name: &str, value: &str, seconds: i64, secure: bool) -> HeaderValue {
    let only_encrypted = if secure { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{only_encrypted}");
    let mut cookie = HeaderValue::from_str(&text).expect("tokens and names are of visible ASCII");
    cookie.set_sensitive(true);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed(method: &Method, said: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        is_from_the_page(method, &headers, &Uri::from_static("/api/v1/folders"))
    }

    const UPGRADE: (&str, &str) = ("upgrade", "websocket");

    #[test]
    fn the_page_itself_may_do_everything() {
        let own = ("sec-fetch-site", "same-origin");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            assert!(believed(&method, &[own]));
        }
        assert!(believed(&Method::GET, &[own, UPGRADE]));
    }

    #[test]
    fn other_sites_may_do_nothing() {
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                assert!(!believed(
                    &method,
                    &[("sec-fetch-site", site), ("origin", "http://a"), ("host", "a")]
                ));
            }
        }
    }

    #[test]
    fn a_person_who_types_an_address_may_look() {
        let typed = ("sec-fetch-site", "none");
        assert!(believed(&Method::GET, &[typed]));
        assert!(!believed(&Method::POST, &[typed]));
        assert!(!believed(&Method::GET, &[typed, UPGRADE]));
    }

    #[test]
    fn browsers_without_fetch_metadata_are_judged_by_the_origin() {
        let host = ("host", "cloud.example:8443");
        assert!(believed(&Method::GET, &[host]));
        assert!(!believed(&Method::POST, &[host]));
        assert!(!believed(&Method::GET, &[host, UPGRADE]));
        assert!(believed(&Method::POST, &[host, ("origin", "https://cloud.example:8443")]));
        for bad in
            ["https://evil.example", "https://cloud.example", "null", "https://cloud.example:8443.evil"]
        {
            assert!(!believed(&Method::POST, &[host, ("origin", bad)]), "{bad}");
        }
    }

    #[test]
    fn a_cookie_has_its_whole_name_and_stands_once() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_static("a=b; xdriftless=1; driftless=2; __Host-driftless=3");
        headers.insert(header::COOKIE, line);
        assert_eq!(named(&headers, PLAIN_NAME), Some("2"));
        assert_eq!(named(&headers, SECURE_NAME), Some("3"));
        headers.append(header::COOKIE, HeaderValue::from_static("driftless=4"));
        assert_eq!(named(&headers, PLAIN_NAME), None);
    }
}

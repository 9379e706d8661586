//! Whose word about a client's address is believed.
//!
//! A proxy in front of the server tells in `X-Forwarded-For` or `Forwarded` (RFC 7239) for whom it asks. Anybody can send
//! such a header, so it counts only from proxies that the administrator named, and of a chain only what they added: the
//! right-most address that is no trusted proxy is the client.
//!
//! Proxies mostly write one of the two headers and pass the other on as it came. So where both are there and do not agree,
//! neither is believed: the proxy's own address is all that is known.

mod seen;

pub(crate) use seen::Seen;

use axum::http::HeaderMap;
use model::Network;
use std::net::{IpAddr, SocketAddr};

/// The most addresses of a chain that are looked at, from its end.
const HOPS_MAX: usize = 32;

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl FromIterator<Network> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl TrustedProxies {
    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The networks.
    pub fn networks(&self) -> impl Iterator<Item = Network> + '_ {
        self.0.iter().copied()
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who asks: the peer itself, or for whom a trusted proxy says that it asks.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let (old, new) = (values(headers, "x-forwarded-for"), values(headers, "forwarded"));
        let by_old = old.map(|text| self.walk(peer, text.as_deref().map(forwarded_for)));
        let by_new = new.map(|text| self.walk(peer, text.as_deref().map(forwarded)));
        match (by_old, by_new) {
            (None, None) => peer,
            (Some(client), None) | (None, Some(client)) => client,
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) => peer,
        }
    }

    /// Goes back through a chain of addresses, from the nearest on, as long as they are trusted proxies'. An address that
    /// cannot be read ends the way: who is behind it is not known, so the last one known it is.
    fn walk(&self, peer: IpAddr, chain: Option<Vec<Option<IpAddr>>>) -> IpAddr {
        let mut known = peer;
        for hop in chain.unwrap_or_default().into_iter().rev().take(HOPS_MAX) {
            let Some(address) = hop else { return known };
            known = address;
            if !self.contains(address) {
                return known;
            }
        }
        known
    }
}

/// All values of a header as one list, as HTTP says; `Some(None)` if one of them is no text.
fn values(headers: &HeaderMap, name: &str) -> Option<Option<String>> {
    let mut all = headers.get_all(name).iter().peekable();
    all.peek()?;
    let texts: Option<Vec<&str>> = all.map(|value| value.to_str().ok()).collect();
    Some(texts.map(|texts| texts.join(",")))
}

/// `1.2.3.4, 2001:db8::1, [2001:db8::1]:4711`.
fn forwarded_for(text: &str) -> Vec<Option<IpAddr>> {
    text.split(',').map(|part| address(part.trim())).collect()
}

/// `for=1.2.3.4;proto=https, for="[2001:db8::1]:4711"`. A list whose quotes do not close says nothing at all: what a client
/// began may have swallowed what the proxy added.
fn forwarded(text: &str) -> Vec<Option<IpAddr>> {
    let Some(elements) = split_unquoted(text, ',') else { return vec![None] };
    let for_whom = |element: &str| {
        let pairs = split_unquoted(element, ';')?;
        let mut found = pairs.into_iter().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
        });
        let value = found.next()?;
        // Two of them: one is a lie.
        if found.next().is_some() {
            return None;
        }
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        address(bare)
    };
    elements.into_iter().map(for_whom).collect()
}

/// Splits a text where a sign stands outside of quotes; none if quotes do not close.
fn split_unquoted(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (place, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if sign == at && !quoted => {
                parts.push(&text[begin..place]);
                begin = place + sign.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (!quoted).then_some(parts)
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let found = bare.parse::<IpAddr>().ok().or_else(with_port)?;
    Some(found.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn trusted() -> TrustedProxies {
        ["10.0.0.0/8", "192.0.2.1", "fd00::/8"].iter().map(|text| text.parse::<Network>().unwrap()).collect()
    }

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        trusted().client(peer.parse().unwrap(), &map).to_string()
    }

    const OLD: &str = "x-forwarded-for";
    const NEW: &str = "forwarded";

    #[test]
    fn a_header_from_anybody_else_is_ignored() {
        assert_eq!(client("203.0.113.9", &[(OLD, "198.51.100.7")]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &[(NEW, "for=198.51.100.7")]), "203.0.113.9");
        let nobody = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(OLD, HeaderValue::from_static("198.51.100.7"));
        assert_eq!(nobody.client("127.0.0.1".parse().unwrap(), &headers).to_string(), "127.0.0.1");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_is_the_client() {
        for (value, wanted) in [
            ("198.51.100.7", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7", "198.51.100.7"),
            ("127.0.0.1,10.0.0.1, 198.51.100.7 , 10.9.9.9,192.0.2.1", "198.51.100.7"),
            ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
            ("2001:db8::5", "2001:db8::5"),
            ("[2001:db8::5]:443, [fd00::1]", "2001:db8::5"),
            ("198.51.100.7:51234", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(client("10.0.0.1", &[(OLD, value)]), wanted, "{value}");
        }
        assert_eq!(client("::ffff:10.0.0.1", &[(OLD, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[(OLD, "1.1.1.1"), (OLD, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_newer_header_says_the_same() {
        for (value, wanted) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("for=1.1.1.1, For=\"198.51.100.7:80\";proto=https;by=10.0.0.1", "198.51.100.7"),
            ("proto=https; for=\"[2001:db8::5]:4711\", for=10.3.3.3", "2001:db8::5"),
            ("for=198.51.100.7;host=\"a, b;for=1.1.1.1\"", "198.51.100.7"),
        ] {
            assert_eq!(client("10.0.0.1", &[(NEW, value)]), wanted, "{value}");
        }
    }

    #[test]
    fn where_a_chain_cannot_be_read_the_last_known_address_counts() {
        for value in [
            "",
            ",",
            "unknown",
            "198.51.100.7, unknown",
            "198.51.100.7, ",
            "1.2.3",
            "a".repeat(9_000).as_str(),
        ] {
            assert_eq!(client("10.0.0.1", &[(OLD, value)]), "10.0.0.1", "{value}");
        }
        assert_eq!(client("10.0.0.1", &[(OLD, "198.51.100.7, _hidden, 10.5.5.5")]), "10.5.5.5");
        for value in
            ["", "for=", "for=_x", "by=198.51.100.7", "for=198.51.100.7, by=1.1.1.1", "=", "for=\"[::1"]
        {
            assert_eq!(client("10.0.0.1", &[(NEW, value)]), "10.0.0.1", "{value}");
        }
        assert_eq!(client("10.0.0.1", &[(OLD, "198.51.100.7\u{e9}")]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_began_does_not_swallow_what_the_proxy_adds() {
        for begun in ["for=6.6.6.6, for=\"", "for=6.6.6.6;x=\"\\", "for=\"6.6.6.6"] {
            let value = format!("{begun}, for=198.51.100.7");
            assert_eq!(client("10.0.0.1", &[(NEW, &value)]), "10.0.0.1", "{value}");
        }
        assert_eq!(client("10.0.0.1", &[(NEW, "for=6.6.6.6;for=198.51.100.7")]), "10.0.0.1");
    }

    #[test]
    fn two_headers_that_differ_are_both_disbelieved() {
        let spoofed = [(NEW, "for=6.6.6.6"), (OLD, "198.51.100.7")];
        assert_eq!(client("10.0.0.1", &spoofed), "10.0.0.1");
        let agreed = [(NEW, "for=198.51.100.7"), (OLD, "6.6.6.6, 198.51.100.7")];
        assert_eq!(client("10.0.0.1", &agreed), "198.51.100.7");
    }

    #[test]
    fn a_chain_is_followed_to_a_bound() {
        let long = format!("198.51.100.7{}", ", 10.0.0.9".repeat(5_000));
        assert_eq!(client("10.0.0.1", &[(OLD, &long)]), "10.0.0.9");
    }
}

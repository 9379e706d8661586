//! What administrators choose, and what it must look like.

use crate::fetch::{is_this_machine, may_be_asked};
use http::Uri;
use protocol::v1::{SSO_GROUPS_MAX, SSO_SCOPES_MAX, SSO_TEXT_BYTES_MAX, SingleSignOnSettings};

/// The longest name of a scope.
const SCOPE_BYTES_MAX: usize = 128;

/// What somebody wants, in its one form; else what is wrong with it.
///
/// # Errors
/// In words for who wants it.
pub fn checked(wanted: SingleSignOnSettings) -> Result<SingleSignOnSettings, &'static str> {
    let mut wanted = wanted;
    wanted.issuer = wanted.issuer.trim().to_owned();
    wanted.client_id = wanted.client_id.trim().to_owned();
    wanted.button = wanted.button.trim().to_owned();
    wanted.groups_claim = wanted.groups_claim.trim().to_owned();
    check_issuer(&wanted.issuer)?;
    let texts = [&wanted.client_id, &wanted.groups_claim]
        .into_iter()
        .chain(wanted.groups.iter().map(|mapping| &mapping.there))
        .chain(&wanted.administrators);
    if texts.into_iter().any(|text| !is_text(text)) {
        return Err("the client's name, the claim and groups have 1 to 255 bytes and no control characters");
    }
    if !auth::sign_in::is_device_name(&wanted.button) {
        return Err("the button's text has 1 to 64 bytes and no control characters");
    }
    if wanted.groups.len() > SSO_GROUPS_MAX {
        return Err("there are too many groups");
    }
    wanted.scopes.retain(|scope| scope != "openid");
    if wanted.scopes.len() > SSO_SCOPES_MAX || !wanted.scopes.iter().all(|scope| is_scope(scope)) {
        return Err("a scope is a word without quotes, and there are few");
    }
    Ok(wanted)
}

fn check_issuer(issuer: &str) -> Result<(), &'static str> {
    const FORM: &str = "an issuer is `https://`, a name and perhaps a path, as the provider says it of itself; `http://` only \
                        for a provider on this machine";
    let is_odd = |sign: char| sign.is_whitespace() || sign.is_control() || "?#@\\".contains(sign);
    if issuer.len() > SSO_TEXT_BYTES_MAX || issuer.contains(is_odd) || !issuer.is_ascii() {
        return Err(FORM);
    }
    let uri: Uri = issuer.parse().map_err(|_| FORM)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let plain = uri.scheme_str() == Some("http") && is_this_machine(host);
    if host.is_empty() || !may_be_asked(issuer, plain) {
        return Err(FORM);
    }
    Ok(())
}

fn is_text(text: &str) -> bool {
    (1..=SSO_TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// RFC 6749, 3.3.
fn is_scope(scope: &str) -> bool {
    (1..=SCOPE_BYTES_MAX).contains(&scope.len())
        && scope.bytes().all(|sign| matches!(sign, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for good in [
            "https://id.example.org",
            "https://id.example.org/",
            "https://id.example.org:8443/realms/home",
            "http://127.0.0.1:9000",
            "http://localhost:9000/oidc",
            "http://[::1]:9000",
        ] {
            assert_eq!(check_issuer(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "id.example.org",
            "http://id.example.org",
            "http://192.168.1.5",
            "https://",
            "https://user@id.example.org",
            "https://id.example.org?x",
            "https://id.example.org#x",
            "https://id.example.org/ x",
            "javascript:alert(1)",
            "file:///etc/passwd",
            &format!("https://id.example.org/{}", "x".repeat(255)),
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_scope_is_one_word() {
        assert!(is_scope("profile") && is_scope("urn:zitadel:iam:org:project:roles"));
        for bad in ["", "a b", "a\"", "a\\", "\u{e9}", "a\n", &"x".repeat(129)] {
            assert!(!is_scope(bad), "{bad}");
        }
    }
}

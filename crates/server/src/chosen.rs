//! What is chosen over HTTP and kept in the database, and what it must look like.

use axum::http::Uri;
use metadata::setting::Setting;
use metadata::{Snapshot, Transaction};
use protocol::v1::{ADDRESS_BYTES_MAX, ChosenSettings};
use std::net::Ipv6Addr;

/// The name of the public address among all settings.
pub(crate) const PUBLIC_ADDRESS: &str = "public_address";

/// What is chosen now.
pub(crate) fn chosen(snapshot: &dyn Snapshot) -> metadata::Result<ChosenSettings> {
    let text = |setting| {
        let stored: Option<Vec<u8>> = snapshot.setting(setting)?;
        Ok::<_, metadata::Error>(
            stored.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.is_empty()),
        )
    };
    Ok(ChosenSettings { public_address: text(Setting::PublicAddress)? })
}

/// Chooses, as it was checked by [`checked`].
pub(crate) fn choose(transaction: &dyn Transaction, wanted: &ChosenSettings) -> metadata::Result<()> {
    let ChosenSettings { public_address } = wanted;
    transaction.put_setting(Setting::PublicAddress, public_address.as_deref().unwrap_or_default().as_bytes())
}

/// Names what is chosen, for `ETag`.
pub(crate) fn tag(chosen: &ChosenSettings) -> String {
    let text = serde_json::to_vec(chosen).expect("it has string keys only");
    blake3::hash(&text).to_hex()[..32].to_owned()
}

/// What somebody wants, in its one form; else what is wrong with it.
pub(crate) fn checked(wanted: ChosenSettings) -> Result<ChosenSettings, &'static str> {
    let address = wanted.public_address.filter(|text| !text.trim().is_empty());
    let public_address =
        address.map(|text| address_of(&text).map(|address| address.to_string())).transpose()?;
    Ok(ChosenSettings { public_address })
}

/// An address at which a server may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) is_encrypted: bool,
    /// A name or an IP address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// How HTTP names it: without the port where it is the usual one.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_encrypted, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.is_encrypted { "https" } else { "http" }, self.authority())
    }
}

/// Reads an address: a scheme, a host, perhaps a port, and nothing else.
pub(crate) fn address_of(text: &str) -> Result<Address, &'static str> {
    const FORM: &str = "an address is `https://` or `http://`, a name, and a port if it is not the usual one: \
                        https://files.example.org, without a path";
    let text = text.trim();
    if text.len() > ADDRESS_BYTES_MAX || text.contains(['#', '?', '@', '\\']) {
        return Err(FORM);
    }
    let uri: Uri = text.parse().map_err(|_| FORM)?;
    let is_encrypted = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(FORM),
    };
    let named = uri.host().unwrap_or_default();
    let behind = uri.authority().and_then(|all| all.as_str().strip_prefix(named)).ok_or(FORM)?;
    let port = match behind.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| FORM)?,
        None => {
            if is_encrypted {
                443
            } else {
                80
            }
        }
    };
    let host = host_of(named).ok_or(FORM)?;
    if !matches!(uri.path(), "" | "/") || port == 0 {
        return Err(FORM);
    }
    Ok(Address { is_encrypted, host, port })
}

fn host_of(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        return Some(inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    labels.split('.').all(is_label).then(|| labels.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, form) in [
            ("https://files.example.org", "https://files.example.org"),
            (" HTTPS://Files.Example.org:443/ ", "https://files.example.org"),
            ("http://192.168.1.5:7440", "http://192.168.1.5:7440"),
            ("http://nas:80", "http://nas"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://[::1]", "https://[::1]"),
        ] {
            assert_eq!(address_of(text).map(|address| address.to_string()), Ok(form.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_address_is_refused() {
        for bad in [
            "",
            "files.example.org",
            "//files.example.org",
            "ftp://files.example.org",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https://user:secret@files.example.org",
            "https://files.example.org/path",
            "https://files.example.org/?q",
            "https://files.example.org#x",
            "https://files.example.org:0",
            "https://files.example.org:",
            "https://files.example.org:99999",
            "https://<img src=x>",
            "https://a\r\nb",
            "https://a..b",
            "https://-a",
            "https://[::1",
            "https://[fe80::1%25eth0]",
            &format!("https://{}.example", "x".repeat(300)),
        ] {
            assert!(address_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_address_is_no_address() {
        for none in [None, Some(String::new()), Some("  ".to_owned())] {
            assert_eq!(checked(ChosenSettings { public_address: none }), Ok(ChosenSettings::default()));
        }
    }
}

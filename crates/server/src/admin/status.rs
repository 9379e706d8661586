//! How the server can be reached.

use crate::server::Server;
use protocol::admin::{AdminAnswer, CertificateEntry, StatusReport};

pub(super) fn status(server: &Server) -> AdminAnswer {
    let settings = &server.settings;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    AdminAnswer::Status(StatusReport {
        version: settings.version.clone(),
        address: server.listening.get().map(|address| format!("{scheme}://{address}")),
        certificate: settings.tls.as_ref().map(|tls| CertificateEntry {
            file: tls.certificate_path().display().to_string(),
            fingerprint: tls.fingerprint().to_string(),
            self_signed: tls.is_self_signed(),
        }),
        trusted_proxies: settings.trusted_proxies.networks().map(|network| network.to_string()).collect(),
    })
}

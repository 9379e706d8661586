//! How the server can be reached.

use crate::server::Server;
use crate::tls::{Tls, Validity};
use model::Timestamp;
use protocol::RfcTime;
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
            key: Some(tls.key_path().display().to_string()),
            from: validity(tls).map(|validity| moment(validity.from_seconds)),
            until: validity(tls).map(|validity| moment(validity.until_seconds)),
        }),
        trusted_proxies: settings.trusted_proxies.networks().map(|network| network.to_string()).collect(),
        forwarding: server.proxies_seen.report(),
    })
}

/// Clients that pinned the server's own certificate do not care how long it holds.
fn validity(tls: &Tls) -> Option<Validity> {
    tls.validity().filter(|_| !tls.is_self_signed())
}

fn moment(seconds: i64) -> RfcTime {
    RfcTime(Timestamp::from_parts(seconds, 0))
}

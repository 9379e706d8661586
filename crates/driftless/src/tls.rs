//! Whether the server speaks TLS, and with which certificate: the rule behind `serve --tls auto`.
//!
//! On this machine alone: plain HTTP. To be reached from elsewhere: certificate files if some are given, else a proxy that
//! ends TLS if one is trusted, else a certificate of the server's own. Plain HTTP for everybody there never is.

use crate::data::{Data, full_path};
use crate::settings::{ServerSettings, TlsMode};
use anyhow::{bail, ensure};
use protocol::admin::{CertificateEntry, StatusReport};
use server::Tls;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// How the server speaks.
#[derive(Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    SelfSigned,
    Files { certificate: PathBuf, key: PathBuf },
}

/// The certificate to be shown, if any.
pub(crate) fn choose(
    chosen: &ServerSettings,
    listen: SocketAddr,
    data: &Data,
) -> anyhow::Result<Option<Arc<Tls>>> {
    Ok(match mode(chosen, listen)? {
        Mode::Plain => None,
        Mode::SelfSigned => Some(Tls::self_signed(&directory(data))?),
        Mode::Files { certificate, key } => Some(Tls::files(&certificate, &key)?),
    })
}

fn mode(chosen: &ServerSettings, listen: SocketAddr) -> anyhow::Result<Mode> {
    let files = match (&chosen.tls.certificate, &chosen.tls.key) {
        (Some(certificate), Some(key)) => {
            Some(Mode::Files { certificate: full_path(certificate)?, key: full_path(key)? })
        }
        (None, None) => None,
        _ => bail!("a certificate needs its key: give both --tls-cert and --tls-key"),
    };
    let elsewhere = !listen.ip().to_canonical().is_loopback();
    // A proxy on this machine does not explain an address that others reach, too.
    let behind_proxy = chosen.trusted_proxies.iter().any(|network| !network.0.is_loopback());
    match (chosen.tls.mode, files) {
        (TlsMode::Auto | TlsMode::Files, Some(files)) => Ok(files),
        (TlsMode::Files, None) => bail!("--tls files needs --tls-cert and --tls-key"),
        (TlsMode::Off | TlsMode::SelfSigned, Some(_)) => {
            bail!("certificate files are given, but --tls says not to use them; leave one of them out")
        }
        (TlsMode::SelfSigned, None) => Ok(Mode::SelfSigned),
        (TlsMode::Auto, None) if elsewhere && !behind_proxy => Ok(Mode::SelfSigned),
        (TlsMode::Auto, None) => Ok(Mode::Plain),
        (TlsMode::Off, None) => {
            ensure!(
                !elsewhere || behind_proxy,
                "{listen} can be reached from elsewhere, and what plain HTTP carries could be read on its way. Leave out \
                 `--tls off` (the server then makes a certificate of its own, which clients remember), give --tls-cert and \
                 --tls-key, or name the proxy that ends TLS with --trusted-proxy"
            );
            Ok(Mode::Plain)
        }
    }
}

fn directory(data: &Data) -> PathBuf {
    data.directory().join("tls")
}

/// Adds the server's own certificate to the report of a server that does not run.
pub(crate) fn complete(report: &mut StatusReport, data: &Data) -> anyhow::Result<()> {
    if report.address.is_some() || report.certificate.is_some() {
        return Ok(());
    }
    let directory = directory(data);
    if let Some(fingerprint) = Tls::self_signed_fingerprint(&directory)? {
        report.certificate = Some(CertificateEntry {
            file: directory.display().to_string(),
            fingerprint: fingerprint.to_string(),
            self_signed: true,
            key: None,
            from: None,
            until: None,
        });
    }
    Ok(())
}

/// Reads the certificate's files again whenever the process is told to (`SIGHUP`), until it ends.
pub(crate) async fn reload_when_told(tls: Option<Arc<Tls>>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut told) = signal(SignalKind::hangup()) else { return };
    while told.recv().await.is_some() {
        if let Some(tls) = tls.clone() {
            // A panic there is logged by the runtime; the certificate of before stays.
            let _ = tokio::task::spawn_blocking(move || tls.reload()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn chosen(line: &str) -> anyhow::Result<Mode> {
        let words = ["driftless", "serve"].into_iter().chain(line.split_whitespace());
        let crate::cli::Command::Serve(arguments) = crate::cli::Cli::parse_from(words).command else {
            unreachable!("it says serve")
        };
        let nowhere = tempfile::tempdir()?;
        let chosen = crate::settings::load::<ServerSettings>(arguments.settings, nowhere.path())?.settings;
        mode(&chosen, chosen.listen)
    }

    #[test]
    fn tls_is_off_on_this_machine_and_on_elsewhere() {
        for (line, wanted) in [
            ("", Mode::Plain),
            ("--listen [::1]:1", Mode::Plain),
            ("--tls self-signed", Mode::SelfSigned),
            ("--listen 0.0.0.0:7440", Mode::SelfSigned),
            ("--listen [::]:7440", Mode::SelfSigned),
            ("--listen 192.0.2.1:7440 --trusted-proxy 192.0.2.2", Mode::Plain),
            ("--listen 192.0.2.1:7440 --trusted-proxy 192.0.2.2 --tls off", Mode::Plain),
            (
                "--listen 192.0.2.1:7440 --trusted-proxy 192.0.2.2,fd00::/8 --tls self-signed",
                Mode::SelfSigned,
            ),
            ("--listen 192.0.2.1:7440 --trusted-proxy 127.0.0.1", Mode::SelfSigned),
        ] {
            assert_eq!(chosen(line).unwrap(), wanted, "{line}");
        }
        let files = Mode::Files { certificate: "/c".into(), key: "/k".into() };
        for line in
            ["--tls-cert /c --tls-key /k", "--tls files --tls-cert /c --tls-key /k --listen 0.0.0.0:1"]
        {
            assert_eq!(chosen(line).unwrap(), files, "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_explained() {
        for (line, word) in [
            ("--listen 0.0.0.0:7440 --tls off", "--trusted-proxy"),
            ("--listen 0.0.0.0:7440 --tls off --trusted-proxy 127.0.0.0/8", "--trusted-proxy"),
            ("--tls files", "--tls-cert"),
            ("--tls-cert /c", "both"),
            ("--tls off --tls-cert /c --tls-key /k", "leave one"),
        ] {
            let said = chosen(line).unwrap_err().to_string();
            assert!(said.contains(word), "{line}: {said}");
        }
    }
}

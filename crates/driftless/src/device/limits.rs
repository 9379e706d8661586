//! How fast this device may send and receive.

use super::ask;
use crate::cli::OwnRate;
use crate::output;
use anyhow::bail;
use client::Home;
use client::control::{self, ControlAnswer, ControlRequest, TrafficStatus};
use protocol::admin::Limit;
use std::process::ExitCode;

/// Changes what is given, and shows what holds. A daemon that runs takes it over at once.
pub(super) async fn limits(
    home: &Home,
    upload: Option<OwnRate>,
    download: Option<OwnRate>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let chosen = |rate: OwnRate| rate.0.map_or(Limit::Unlimited, Limit::To);
    let (upload, download) = (upload.map(chosen), download.map(chosen));
    if !control::is_running(home).await {
        let lock = home.lock()?;
        let mut configuration = home.read()?;
        configuration.limits.change(upload, download);
        home.write(&configuration, &lock)?;
        let rates = configuration.limits;
        let status = TrafficStatus {
            upload_rate: rates.upload_rate,
            download_rate: rates.download_rate,
            ..TrafficStatus::default()
        };
        if json {
            output::json(&status)?;
        } else {
            output::line(&own(&status));
            output::remark("the daemon does not run; what the server allows is not known");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ControlAnswer::Limits(status) = ask(home, &ControlRequest::Limits { upload, download }).await? else {
        bail!("the daemon's answer is not understood")
    };
    if json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&own(&status));
    output::line(&format!(
        "the server takes at most {} and sends at most {}, for all devices of the account",
        rate(status.server_upload_rate),
        rate(status.server_download_rate)
    ));
    output::line(&format!(
        "the server takes files of at most {}; {} transfers at a time: {} running, {} waiting",
        output::bytes(status.file_bytes),
        status.transfers,
        status.running,
        status.waiting
    ));
    Ok(ExitCode::SUCCESS)
}

fn own(status: &TrafficStatus) -> String {
    format!(
        "this device sends at most {} and receives at most {}",
        rate(status.upload_rate),
        rate(status.download_rate)
    )
}

fn rate(rate: Option<u64>) -> String {
    rate.map_or_else(|| "as fast as it goes".to_owned(), |rate| format!("{}/s", output::bytes(rate)))
}

/// One line for `status`, if anything bounds the traffic or waits.
pub(super) fn in_short(status: &TrafficStatus) -> Option<String> {
    let bound = |what: &str, rate: Option<u64>| rate.map(|rate| format!("{what} {}/s", output::bytes(rate)));
    let mut parts: Vec<String> = [
        bound("sends", status.upload_rate),
        bound("receives", status.download_rate),
        bound("server takes", status.server_upload_rate),
        bound("server sends", status.server_download_rate),
    ]
    .into_iter()
    .flatten()
    .collect();
    if status.waiting > 0 {
        parts.push(format!("{} transfers waiting", status.waiting));
    }
    if let Some(seconds) = status.retry_after_seconds {
        parts.push(format!("the server is busy, again in {seconds} s"));
    }
    (!parts.is_empty()).then(|| format!("limits: {}", parts.join(", ")))
}

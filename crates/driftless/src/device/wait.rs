//! `driftless wait`: until every pair is in step; on a terminal with what it is waiting for.

use crate::output;
use crate::progress::{self, Progress, of_bytes};
use anyhow::bail;
use client::Home;
use client::control::{self, ControlAnswer, ControlRequest, DaemonStatus, Direction, Waited};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How `wait` ends besides success.
const TIME_UP: u8 = 2;
const HELD: u8 = 3;
const ISSUES: u8 = 4;
const NO_ACCESS: u8 = 5;

/// How often it is looked what is being waited for.
const LOOK: Duration = Duration::from_millis(400);

/// Waits for the daemon to be there, and then for every pair to be in step.
pub(super) async fn wait(home: &Home, timeout: Duration, json: bool) -> anyhow::Result<ExitCode> {
    let progress = Progress::begin("waiting for the daemon");
    let waited = tokio::select! {
        waited = until_in_step(home, timeout) => waited?,
        () = look(home, &progress) => unreachable!("it looks for ever"),
    };
    drop(progress);
    match waited {
        Some(waited) => show(waited, json),
        None => {
            output::error("time is up, and the daemon does not run");
            Ok(ExitCode::from(TIME_UP))
        }
    }
}

/// None if no daemon was there.
async fn until_in_step(home: &Home, timeout: Duration) -> anyhow::Result<Option<Waited>> {
    let begun = Instant::now();
    loop {
        let left = timeout.saturating_sub(begun.elapsed());
        let milliseconds = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        match control::ask(home, &ControlRequest::Wait { milliseconds }, left).await {
            Ok(ControlAnswer::Waited(waited)) => return Ok(Some(waited)),
            Ok(ControlAnswer::Failed(reason)) => bail!("{reason}"),
            Ok(_) => bail!("the daemon's answer is not understood"),
            // A daemon that stops while it is asked may come back.
            Err(_) if begun.elapsed() < timeout => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(_) => return Ok(None),
        }
    }
}

/// Says again and again what is being waited for, if somebody sees it.
async fn look(home: &Home, progress: &Progress) {
    while progress::is_seen() {
        tokio::time::sleep(LOOK).await;
        let asked = control::ask(home, &ControlRequest::Status, Duration::ZERO).await;
        match asked {
            Ok(ControlAnswer::Status(status)) => progress.say(&in_short(&status)),
            _ => progress.say("waiting for the daemon"),
        }
    }
    std::future::pending::<()>().await;
}

fn in_short(status: &DaemonStatus) -> String {
    let pending: usize = status.pairs.iter().map(|pair| pair.pending).sum();
    let mut parts = Vec::new();
    for way in [Direction::Up, Direction::Down] {
        let transfers = status.pairs.iter().flat_map(|pair| &pair.transfers);
        let (done, total) = transfers
            .filter(|transfer| transfer.direction == way)
            .fold((0, 0), |sum, transfer| (sum.0 + transfer.done_bytes, sum.1 + transfer.total_bytes));
        if total > 0 {
            let word = if way == Direction::Up { "sending" } else { "receiving" };
            parts.push(format!("{word} {}", of_bytes(done, total)));
        }
    }
    if pending > 0 {
        parts.push(format!("{pending} changes to go"));
    }
    for pair in status.pairs.iter().filter(|pair| pair.state != "in_step" && pair.state != "syncing") {
        parts.push(format!("{}: {}", pair.folder, pair.state));
    }
    if parts.is_empty() { "looking".to_owned() } else { parts.join(", ") }
}

fn show(waited: Waited, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&waited)?;
    }
    Ok(match waited {
        Waited::InStep => ExitCode::SUCCESS,
        Waited::TimeUp(reason) => {
            output::error(&format!("time is up: {reason}"));
            ExitCode::from(TIME_UP)
        }
        Waited::Held(reason) => {
            output::error(&format!("{reason}; see `driftless holds`"));
            ExitCode::from(HELD)
        }
        Waited::NoAccess(reason) => {
            output::error(&reason);
            ExitCode::from(NO_ACCESS)
        }
        Waited::Issues(issues) => {
            for issue in issues {
                output::error(&format!("{}: {}", issue.path.display(), issue.reason));
            }
            ExitCode::from(ISSUES)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::control::{PairStatus, Transfer};

    #[test]
    fn what_is_waited_for_is_said_in_a_line() {
        let transfer = |direction, done_bytes| Transfer {
            direction,
            path: "a".into(),
            files: 1,
            done_bytes,
            total_bytes: 2048,
        };
        let pair = PairStatus {
            folder: "docs".into(),
            state: "syncing".into(),
            pending: 7,
            transfers: vec![transfer(Direction::Up, 1024), transfer(Direction::Up, 0)],
            ..PairStatus::default()
        };
        let paused = PairStatus { folder: "photos".into(), state: "paused".into(), ..PairStatus::default() };
        let mut status = DaemonStatus { pairs: vec![pair, paused], ..DaemonStatus::default() };
        assert_eq!(in_short(&status), "sending 1.0 KiB of 4.0 KiB, 7 changes to go, photos: paused");
        status.pairs.clear();
        assert_eq!(in_short(&status), "looking");
    }
}

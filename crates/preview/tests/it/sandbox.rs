//! What a decoder that fell to its file can do: nothing.

use crate::world::{CHILD, decoders, runtime};
use preview::Bounds;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const KILLED_BY_SECCOMP: i32 = 31;
const KILLED_FOR_TIME: [i32; 2] = [9, 24];

fn attempt(what: &str) -> Output {
    Command::new(CHILD).arg(what).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_locked_child_can_compute_and_panic() {
    for harmless in ["compute", "panic"] {
        let output = attempt(harmless);
        assert!(output.status.success(), "{harmless}: {}", output.status);
        assert_eq!(output.stdout, b"done");
    }
}

#[test]
fn a_locked_child_that_tries_to_get_out_is_ended() {
    let attempts = [
        "open",
        "write",
        "read a leaked file",
        "connect",
        "listen",
        "run a program",
        "start a thread",
        "kill its parent",
    ];
    for what in attempts {
        let output = attempt(what);
        assert_eq!(output.status.signal(), Some(KILLED_BY_SECCOMP), "{what}: {}", output.status);
        assert_eq!(output.stdout, b"", "{what}");
    }
    assert!(!std::path::Path::new("/tmp/driftless-escaped").exists());
}

#[test]
fn a_locked_child_that_takes_too_much_is_ended() {
    // Four gigabytes, or endless recursion: ended by itself.
    for what in ["take memory", "recurse"] {
        let output = attempt(what);
        assert!(output.status.signal().is_some(), "{what}: {}", output.status);
        assert_eq!(output.stdout, b"", "{what}");
    }
    let begun = Instant::now();
    let ended = attempt("go on for ever").status.signal();
    assert!(ended.is_some_and(|signal| KILLED_FOR_TIME.contains(&signal)), "{ended:?}");
    assert!(begun.elapsed() >= Duration::from_secs(preview::sandbox::SECONDS_MAX - 1));
}

#[test]
fn a_child_dies_with_who_started_it_and_with_who_waited_for_it() {
    let bounds = Bounds { patience: Duration::from_millis(500), ..Bounds::default() };
    runtime().block_on(async {
        let decoders = decoders(bounds);
        // Never fed: the child waits for its file, and its time by the clock runs out.
        let (_give, given) = tokio::sync::mpsc::channel(1);
        let request = preview::Request { size: preview::Size::Large, page: 0, length: 10 };
        let slow = decoders.turn().await.unwrap().make(request, given).await;
        assert!(matches!(slow, Err(preview::Failed::Refused(preview::Refusal::TooSlow))), "{slow:?}");
        // Its end is noticed: no process of it is left, not even a dead one.
        let children = || std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        let begun = Instant::now();
        while !children().is_empty() && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(children(), "");
    });
}

#[test]
fn the_sandbox_is_whole_here() {
    runtime().block_on(decoders(Bounds::default()).probe()).unwrap();
}

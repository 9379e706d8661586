//! What a decoder that fell to its file can do: nothing.

use crate::world::{CHILD, decoders, decoders_as, runtime};
use preview::{Bounds, Failed, Strictness};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const KILLED_BY_SECCOMP: i32 = 31;
const ABORTED: i32 = 6;
const KILLED_FOR_TIME: [i32; 2] = [9, 24];

/// What a child may not do, whoever tells it to.
const ESCAPES: [&str; 10] = [
    "open",
    "list",
    "write",
    "read a leaked file",
    "connect",
    "listen",
    "run a program",
    "start a thread",
    "look for its parent",
    "end its parent",
];

/// An attempt, and the file that is written if it is that. Without environment, as the real child.
fn attempt(walls: &str, what: &str) -> (Output, bool) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("escaped");
    let mut command = Command::new(CHILD);
    command.args(["attempt", walls, what]).arg(&file).env_clear().stdin(Stdio::null());
    (command.output().unwrap(), file.exists())
}

#[test]
fn a_locked_child_can_compute_and_panic() {
    for harmless in ["compute", "panic"] {
        let (output, _) = attempt("all walls", harmless);
        assert!(output.status.success(), "{harmless}: {}", output.status);
        assert_eq!(output.stdout, b"done");
    }
}

#[test]
fn a_locked_child_that_tries_to_get_out_is_ended() {
    for what in ESCAPES {
        let (output, has_written) = attempt("all walls", what);
        assert_eq!(output.status.signal(), Some(KILLED_BY_SECCOMP), "{what}: {}", output.status);
        assert_eq!((&*output.stdout, has_written), (b"".as_slice(), false), "{what}");
    }
}

#[test]
fn without_walls_the_same_attempts_get_out() {
    // But for the last one, which would end this test.
    for what in &ESCAPES[..9] {
        let (output, has_written) = attempt("no walls", what);
        assert_eq!(output.stdout, b"done", "{what}: {}", output.status);
        assert_eq!(has_written, *what == "write");
    }
}

#[test]
fn landlock_holds_by_itself() {
    for what in ["open", "list", "write", "run a program", "connect"] {
        let (output, has_written) = attempt("landlock alone", what);
        assert_eq!(
            (&*output.stdout, has_written),
            (b"denied".as_slice(), false),
            "{what}: {}",
            output.status
        );
    }
}

#[test]
fn a_locked_child_that_takes_too_much_is_ended() {
    // Four gigabytes, or endless recursion: it gives itself up.
    for what in ["take memory", "recurse"] {
        let (output, _) = attempt("all walls", what);
        assert_eq!(output.status.signal(), Some(ABORTED), "{what}: {}", output.status);
        assert_eq!(output.stdout, b"", "{what}");
    }
    let begun = Instant::now();
    let ended = attempt("all walls", "go on for ever").0.status.signal();
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
        assert!(matches!(slow, Err(Failed::Refused(preview::Refusal::TooSlow))), "{slow:?}");
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
    let probed = runtime().block_on(decoders(Bounds::default()).probe());
    probed.expect("previews need Linux 5.13 or newer with Landlock, and seccomp");
}

#[test]
fn without_landlock_nothing_is_decoded_unless_that_was_chosen() {
    let old = "decode on an old kernel";
    let strict = decoders_as(&[old], Strictness::Whole, Bounds::default());
    let probed = runtime().block_on(strict.probe());
    assert!(matches!(probed, Err(Failed::NotSandboxed("Landlock is not there"))), "{probed:?}");
    let chosen = decoders_as(&[old, "without landlock"], Strictness::WithoutLandlock, Bounds::default());
    runtime().block_on(chosen.probe()).unwrap();
}

//! The child of the tests: it decodes as the program's does, or, asked to, locks itself in alike and then tries to get out.

use preview::{Strictness, sandbox};
use std::hint::black_box;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let Some(attempt) = std::env::args().nth(1) else {
        return if preview::child::run(Strictness::Whole).is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    };
    // Opened before, as if it had leaked into the child: it must be of no use either.
    let leaked = std::fs::File::open("/etc/hostname").expect("a file to leak");
    let Ok(()) = sandbox::lock(Strictness::Whole) else { return ExitCode::from(3) };
    attempt_to(&attempt, &leaked);
    // Closing it is checked by a call of its own in the tests' builds, which is none of those allowed.
    std::mem::forget(leaked);
    // The signal that the attempt came to its end, whatever came of it.
    let _ = std::io::stdout().write_all(b"done");
    ExitCode::SUCCESS
}

fn attempt_to(what: &str, leaked: &std::fs::File) {
    match what {
        "compute" => {
            let numbers: std::collections::HashMap<u64, Vec<u8>> =
                (0..1_000).map(|n| (n, vec![1; 10_000])).collect();
            black_box(numbers);
        }
        "panic" => {
            let _ = std::panic::catch_unwind(|| panic!("on purpose"));
        }
        "open" => drop(black_box(std::fs::File::open("/etc/passwd"))),
        "write" => drop(black_box(std::fs::write("/tmp/driftless-escaped", b"out"))),
        "read a leaked file" => drop(black_box(std::io::read_to_string(leaked))),
        "connect" => drop(black_box(TcpStream::connect("127.0.0.1:1"))),
        "listen" => drop(black_box(std::net::UdpSocket::bind("127.0.0.1:0"))),
        "run a program" => drop(black_box(Command::new("/bin/true").status())),
        "start a thread" => drop(black_box(std::thread::Builder::new().spawn(|| {}))),
        "kill its parent" => {
            let parent = rustix::process::getppid().expect("it has a parent");
            let _ = rustix::process::kill_process(parent, rustix::process::Signal::TERM);
        }
        "take memory" => {
            let mut taken: Vec<Vec<u8>> = Vec::new();
            while taken.len() < 64 {
                taken.push(black_box(vec![1; 64 << 20]));
            }
        }
        "go on for ever" => loop {
            black_box(0);
        },
        "recurse" => {
            black_box(deeper(1));
        }
        other => unreachable!("no such attempt: {other}"),
    }
}

#[allow(unconditional_recursion, reason = "it is meant to run out of stack")]
fn deeper(level: u64) -> u64 {
    let here = black_box([level; 512]);
    deeper(level + 1) + here[0]
}

//! The child of the tests: it decodes as the program's does, or, asked to, locks itself in alike and then tries to get out.

use preview::{Strictness, sandbox};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["decode"] => decode(Strictness::Whole),
        ["decode on an old kernel"] => {
            be_an_old_kernel();
            decode(Strictness::Whole)
        }
        ["decode on an old kernel", "without landlock"] => {
            be_an_old_kernel();
            decode(Strictness::WithoutLandlock)
        }
        ["attempt", walls, what, file] => attempt(walls, what, Path::new(file)),
        _ => panic!("no such arguments: {arguments:?}"),
    }
}

fn decode(wanted: Strictness) -> ExitCode {
    if preview::child::run(wanted).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Calls of Landlock are answered from here on as by a kernel that has never heard of it.
fn be_an_old_kernel() {
    let unknown =
        [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];
    let filter: BpfProgram = SeccompFilter::new(
        unknown.into_iter().map(|call| (call, vec![])).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
        std::env::consts::ARCH.try_into().expect("a known processor"),
    )
    .and_then(TryInto::try_into)
    .expect("a filter");
    seccompiler::apply_filter(&filter).expect("a filter that is applied");
}

/// Locks itself in, as far as is said, and tries to get out. What came of it goes to the standard output, if it comes to that.
fn attempt(walls: &str, what: &str, file: &Path) -> ExitCode {
    // Opened before, as if it had leaked into the child: it must be of no use either.
    let leaked = File::open("/etc/hostname").expect("a file to leak");
    let is_locked = match walls {
        "no walls" => true,
        // It has to hold by itself: behind seccomp it would not be seen to be missing.
        "landlock alone" => sandbox::landlock().is_ok(),
        "all walls" => sandbox::lock(Strictness::Whole).is_ok(),
        other => panic!("no such walls: {other}"),
    };
    if !is_locked {
        return ExitCode::from(3);
    }
    let said = match attempt_to(what, &leaked, file) {
        Ok(()) => "done",
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "denied",
        Err(_) => "failed",
    };
    // Closing it is checked by a call of its own in the tests' builds, which is none of those allowed.
    std::mem::forget(leaked);
    let _ = io::stdout().write_all(said.as_bytes());
    ExitCode::SUCCESS
}

#[allow(unsafe_code, reason = "no library makes this call for another process, and that is what is tried")]
fn abort_other(process: i32) {
    // SAFETY: three numbers; no memory is touched.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, process, process, libc::SIGABRT) };
}

fn attempt_to(what: &str, leaked: &File, file: &Path) -> io::Result<()> {
    match what {
        "compute" => {
            let numbers: std::collections::HashMap<u64, Vec<u8>> =
                (0..1_000).map(|n| (n, vec![1; 10_000])).collect();
            black_box(numbers);
        }
        "panic" => {
            let _ = std::panic::catch_unwind(|| panic!("on purpose"));
        }
        "open" => drop(File::open("/etc/passwd")?),
        "list" => drop(std::fs::read_dir("/")?),
        "write" => std::fs::write(file, b"out")?,
        "read a leaked file" => drop(io::read_to_string(leaked)?),
        "connect" => match TcpStream::connect("127.0.0.1:1") {
            // Somebody was reached and did not want to.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            reached => drop(reached?),
        },
        "listen" => drop(UdpSocket::bind("127.0.0.1:0")?),
        "run a program" => drop(Command::new("/bin/true").status()?),
        "start a thread" => drop(std::thread::Builder::new().spawn(|| {})?),
        "look for its parent" => {
            let parent = rustix::process::getppid().expect("it has a parent");
            rustix::process::test_kill_process(parent)?;
        }
        "end its parent" => {
            let parent = rustix::process::getppid().expect("it has a parent").as_raw_nonzero().get();
            abort_other(parent);
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
    Ok(())
}

#[allow(unconditional_recursion, reason = "it is meant to run out of stack")]
fn deeper(level: u64) -> u64 {
    let here = black_box([level; 512]);
    deeper(level + 1) + here[0]
}

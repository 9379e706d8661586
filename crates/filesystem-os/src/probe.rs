//! What a file system can do: tried out in the stage, not assumed.

use crate::node;
use crate::system::Lease;
use filesystem::Capabilities;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, fchmod, futimens, openat, renameat_with,
    symlinkat, unlinkat,
};
use rustix::io::{Errno, pwrite};

/// What a file system can do, with what only this adapter has to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probed {
    pub(crate) capabilities: Capabilities,
    /// A rename can refuse to replace; without it, a hard link is made, which refuses as well.
    pub(crate) no_replace: bool,
}

/// Names used while probing; none can be a staged file's.
const NAMES: [&str; 6] = ["probe-a", "probe-b", "PROBE-a", "probe-\u{e9}", "probe-e\u{301}", "probe-link"];

/// Tries out the file system of the stage.
pub(crate) fn probe(stage: &OwnedFd) -> Result<Probed, Errno> {
    clear(stage);
    let result = try_out(stage);
    clear(stage);
    result
}

fn clear(stage: &OwnedFd) {
    for name in NAMES {
        // Mostly there is nothing; what cannot be removed now is tried again the next time.
        let _ = unlinkat(stage, name, AtFlags::empty());
    }
}

fn make(stage: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(stage, name, flags, Mode::RUSR | Mode::WUSR)
}

fn exists(stage: &OwnedFd, name: &str) -> bool {
    openat(stage, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

fn try_out(stage: &OwnedFd) -> Result<Probed, Errno> {
    let file = make(stage, "probe-a")?;
    let case_insensitive = exists(stage, "PROBE-a");
    let granularity = mtime_granularity(&file)?;
    let executable = keeps_executable(&file);
    let writers = tells_writers(stage, file);
    drop(make(stage, "probe-b")?);
    let exchange = renameat_with(stage, "probe-a", stage, "probe-b", RenameFlags::EXCHANGE).is_ok();
    let refusal = renameat_with(stage, "probe-a", stage, "probe-b", RenameFlags::NOREPLACE);
    let accented = make(stage, "probe-\u{e9}").is_ok();
    let links = symlinkat("target", stage, "probe-link").is_ok();
    let (_, fingerprint) = node::look_open(&openat(
        stage,
        "probe-b",
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?)?;
    Ok(Probed {
        capabilities: Capabilities {
            case_insensitive,
            normalisation_insensitive: accented && exists(stage, "probe-e\u{301}"),
            exchange,
            generations: node::is_from_system(&fingerprint.handle),
            writers,
            links,
            executable,
            mtime_granularity_ns: granularity,
        },
        no_replace: refusal == Err(Errno::EXIST),
    })
}

/// What the file system can store, or, where the system stamps changes more coarsely than that, its tick.
fn mtime_granularity(file: &OwnedFd) -> Result<u64, Errno> {
    const SECOND: u64 = 1_000_000_000;
    const TICK: u64 = 10_000_000;
    let odd = Timespec { tv_sec: 1_000_000_001, tv_nsec: 987_654_321 };
    futimens(file, &Timestamps { last_access: odd, last_modification: odd })?;
    let stat = node::stat(file.as_fd(), c"")?;
    let stored = match (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec) {
        (1_000_000_001, 987_654_321) => 1,
        (1_000_000_001, 987_654_300) => 100,
        (1_000_000_001, 987_654_000) => 1_000,
        (1_000_000_001, nanoseconds) if nanoseconds != 0 => TICK,
        (1_000_000_001, _) => SECOND,
        _ => 2 * SECOND,
    };
    // Two changes, each looked at: since Linux 6.13 some file systems then make sure that they differ.
    let mut seen = Vec::new();
    for round in 0..8 {
        pwrite(file, &[round], 0)?;
        let mtime = node::stat(file.as_fd(), c"")?.stx_mtime;
        seen.push((mtime.tv_sec, mtime.tv_nsec));
    }
    let tells_apart = seen.windows(2).all(|pair| pair[0] != pair[1]);
    Ok(if tells_apart { stored } else { stored.max(TICK) })
}

fn keeps_executable(file: &OwnedFd) -> bool {
    let is_set = |mode| {
        fchmod(file, mode).is_ok()
            && node::stat(file.as_fd(), c"").is_ok_and(|stat| stat.stx_mode & 0o100 != 0)
    };
    is_set(Mode::RWXU) && !is_set(Mode::RUSR | Mode::WUSR)
}

/// A lease has to be refused while the file is open for writing, and granted when it is not.
fn tells_writers(stage: &OwnedFd, writer: OwnedFd) -> bool {
    let Ok(reader) =
        openat(stage, "probe-a", OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    else {
        return false;
    };
    let is_refused = Lease::take(&reader).is_err_and(|errno| errno == Errno::AGAIN);
    drop(writer);
    is_refused && Lease::take(&reader).is_ok()
}

//! Whether fanotify works here: tried out, not assumed.

use super::event::{Event, Events};
use super::{BUFFER_BYTES, poll_some};
use crate::disk::OsDisk;
use crate::node;
use crate::system::{HandleRef, open_by_handle};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, read};
use std::fmt;
use std::time::{Duration, Instant};

/// The event of this name in the directory of cookies shows that fanotify works here.
const TRIAL: &str = "trial";
const TRIAL_WAIT: Duration = Duration::from_secs(5);

/// Why fanotify cannot be used.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) what: &'static str,
    pub(crate) errno: Errno,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, std::io::Error::from(self.errno))
    }
}

impl std::error::Error for Unfit {}

pub(crate) fn unfit(what: &'static str) -> impl Fn(Errno) -> Unfit {
    move |errno| Unfit { what, errno }
}

/// A handle must lead back to its node.
pub(crate) fn check_handle(disk: &OsDisk, handle: HandleRef<'_>) -> Result<(), Errno> {
    let root = disk.beneath().root();
    let opened = open_by_handle(root, handle, OFlags::PATH | OFlags::DIRECTORY)?;
    let (stat, other) = (node::stat(root, c"")?, node::stat(opened.as_fd(), c"")?);
    let is_same = stat.stx_ino == other.stx_ino
        && (stat.stx_dev_major, stat.stx_dev_minor) == (other.stx_dev_major, other.stx_dev_minor);
    if is_same { Ok(()) } else { Err(Errno::STALE) }
}

/// A file made in the directory of cookies has to be told, with the directory's handle as it is asked for elsewhere.
/// What is told before it is of no interest: nothing is known yet.
pub(crate) fn check_events(disk: &OsDisk, group: &OwnedFd, cookies: HandleRef<'_>) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    drop(openat(disk.cookies(), TRIAL, flags, Mode::RUSR | Mode::WUSR)?);
    let end = Instant::now() + TRIAL_WAIT;
    let mut buffer = vec![0; BUFFER_BYTES];
    let is_trial = |event: Event<'_>| {
        event.slot.is_some_and(|slot| {
            slot.directory == cookies && slot.name.is_some_and(|name| name.to_bytes() == TRIAL.as_bytes())
        })
    };
    let result = loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(Errno::OPNOTSUPP);
        }
        let patience = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        if let Err(errno) = poll_some(&mut [PollFd::new(group, PollFlags::IN)], Some(&patience)) {
            break Err(errno);
        }
        match read(group, &mut *buffer) {
            Ok(length) if Events::new(&buffer[..length]).flatten().any(is_trial) => break Ok(()),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => break Err(errno),
        }
    };
    unlinkat(disk.cookies(), TRIAL, AtFlags::empty())?;
    result
}

//! Finding the directories of the tree.

use super::directories::{Id, Placed, ROOT};
use super::{Handle, Worker, is_gone};
use crate::listing;
use crate::node;
use crate::system::{name_to_handle, open_by_handle};
use model::Name;
use rustix::fd::AsFd as _;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use std::time::Instant;

/// So many directories of a walk are listed before events are read again.
const WALK_STEP: usize = 64;

impl Worker {
    /// Goes on with the walk.
    pub(super) fn list_some(&mut self) {
        for _ in 0..WALK_STEP {
            let Some(handle) = self.walk.pop() else { return };
            let Some(id) = self.tree.id(self.keys.of(handle.as_ref())) else { continue };
            match self.list(id, &handle) {
                Ok(()) => {}
                Err(errno) if is_gone(errno) => {}
                Err(errno) => self.give_up(handle, errno),
            }
        }
    }

    /// Places all directories that stand in one.
    fn list(&mut self, id: Id, handle: &Handle) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = open_by_handle(self.disk.beneath().root(), handle.as_ref(), flags)?;
        let mut found = Vec::new();
        let mut failure = None;
        listing::each(&directory, |name, kind| {
            let is_directory = match kind {
                FileType::Directory => true,
                // Some file systems do not say.
                FileType::Unknown => node::stat(directory.as_fd(), name)
                    .is_ok_and(|stat| FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory),
                _ => false,
            };
            if !is_directory || (id == ROOT && self.disk.is_private(name.to_bytes())) {
                return;
            }
            match name_to_handle(directory.as_fd(), name) {
                Ok((handle, mount)) if mount == self.mount => {
                    found.extend(
                        Name::from_disk(name.to_bytes()).map(|name| (Handle::new(handle.as_ref()), name)),
                    );
                }
                // Another file system.
                Ok(_) => {}
                Err(errno) if is_gone(errno) => {}
                Err(errno) => failure = Some(errno),
            }
        })?;
        for (child, name) in found {
            if let Placed::New(_) = self.tree.place(self.keys.of(child.as_ref()), id, &name) {
                self.walk.push(child);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// What a directory holds cannot be seen: it is tried again later, and then it is lost.
    pub(super) fn give_up(&mut self, directory: Handle, errno: Errno) {
        tracing::debug!(error = %errno, "a directory cannot be listed to be watched");
        if self.blind.is_empty() {
            self.tried = Instant::now();
        }
        self.blind.insert(directory);
    }

    pub(super) fn try_blind_again(&mut self) {
        self.tried = Instant::now();
        for handle in std::mem::take(&mut self.blind) {
            if let Some(id) = self.tree.id(self.keys.of(handle.as_ref())) {
                self.lost.insert(id);
                self.walk.push(handle);
            }
        }
    }
}

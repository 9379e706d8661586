//! This machine's disk as the client's replicas.

use client::{OpenReplica, Replica};
use filesystem::{Disk, Error, ErrorKind, Operation, Watcher};
use filesystem_os::{OsDisk, WatchMode, WatchOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Opens directories of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OsReplicas {
    /// How they are watched.
    pub(crate) watch: WatchMode,
}

impl OpenReplica for OsReplicas {
    fn prepare(&self, directory: &Path, marker: &str) -> Result<(), Error> {
        std::fs::create_dir_all(directory).map_err(|error| broken(Operation::MakeDirectory, error))?;
        OsDisk::create(directory, marker)
    }

    fn open(
        &self,
        directory: &Path,
        marker: &str,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Replica, Error> {
        let disk = OsDisk::open(directory, marker)?;
        let watcher = match disk.watch(WatchOptions { mode: self.watch, ..WatchOptions::default() }, wake) {
            Ok(watcher) => Some(Arc::new(watcher) as Arc<dyn Watcher>),
            Err(error) => {
                tracing::warn!(directory = %directory.display(), %error, "cannot be watched; it is looked at now and then");
                None
            }
        };
        Ok(Replica { disk: Arc::new(disk), watcher })
    }

    fn open_disk(&self, directory: &Path, marker: &str) -> Result<Arc<dyn Disk>, Error> {
        Ok(Arc::new(OsDisk::open(directory, marker)?))
    }

    fn release(&self, directory: &Path) -> Result<(), Error> {
        let private = directory.join(model::ignore::PRIVATE_DIRECTORY);
        let removed = std::fs::remove_file(private.join("marker"));
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(broken(Operation::Discard, error));
        }
        // The trash stays if it holds anything; what is empty goes.
        for empty in ["stage", "trash", "cookies", ""] {
            let _not_empty = std::fs::remove_dir(private.join(empty));
        }
        Ok(())
    }
}

fn broken(operation: Operation, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        _ => ErrorKind::Io,
    };
    Error::whole(kind, operation).because(error)
}

//! Setting a node aside: out of the synced tree, but not out of the user's sight.

use super::{ATTEMPTS, Aside, Outcome, move_node};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Operation, Result};
use model::conflict::numbered;
use model::ignore::not_synced;
use model::{EntryKind, Fingerprint, Name, RelativePath};

/// Moves the node with the expected handle, whatever its content is by now, into the root's directory for what is not
/// synced, under `name` or, if that is taken, a numbered one. Nothing that is there is ever replaced.
pub fn set_aside(
    disk: &dyn Disk,
    path: &RelativePath,
    name: &Name,
    expected: &Fingerprint,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let directory = RelativePath::root().join(&not_synced());
    match disk.make_directory(&directory) {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::Exists => {}
        Err(error) => return Err(error),
    }
    if disk.look(&(&directory).into())?.is_none_or(|found| found.kind != EntryKind::Directory) {
        return Err(Error::at(ErrorKind::Exists, Operation::Look, &(&directory).into()));
    }
    for attempt in 0..ATTEMPTS {
        let name = if attempt == 0 { name.clone() } else { numbered(name, attempt + 1) };
        let to = directory.join(&name);
        if disk.look(&(&to).into())?.is_some() {
            continue;
        }
        return move_node(disk, path, &to, expected, aside);
    }
    Err(Error::at(ErrorKind::Exists, Operation::Rename, &path.into()))
}

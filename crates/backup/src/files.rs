//! Files and directories of a backup: readable by their owner only, and on disk before anybody counts on them.

use crate::{Error, Result};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How a file is brought to another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bring {
    /// As a second name of the same bytes, where the file system can; else as a copy.
    Link,
    /// As a copy.
    Copy,
}

/// Makes a directory with those above it.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(Error::disk("make", path))
}

/// Brings a file of the server to a backup, or back. Says whether it is a link.
pub(crate) fn bring(from: &Path, to: &Path, how: Bring) -> Result<bool> {
    if how == Bring::Link {
        match fs::hard_link(from, to) {
            Ok(()) => return Ok(true),
            // Another file system, or one without links. If the file itself is the trouble, the copy says so.
            Err(error) => tracing::debug!(from = %from.display(), %error, "not linked"),
        }
    }
    let mut source = File::open(from).map_err(Error::disk("read", from))?;
    let mut target = new_file(to)?;
    io::copy(&mut source, &mut target).map_err(Error::disk("copy", from))?;
    target.sync_all().map_err(Error::disk("write", to))?;
    Ok(false)
}

/// Writes a new file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = new_file(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::disk("write", path))
}

fn new_file(path: &Path) -> Result<File> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(Error::disk("make", path))
}

/// Sees to it that a file that somebody else wrote is its owner's alone, and on disk.
pub(crate) fn settle(path: &Path) -> Result<()> {
    let settle = || {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        File::open(path)?.sync_all()
    };
    settle().map_err(Error::disk("write", path))
}

/// Sees to it that a file's bytes are on disk, whoever wrote them.
pub(crate) fn flush(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_data()).map_err(Error::disk("write", path))
}

/// Size and hash of a file.
pub(crate) fn hash(path: &Path) -> Result<(u64, blake3::Hash)> {
    let mut file = File::open(path).map_err(Error::disk("read", path))?;
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hasher.finalize())),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::disk("read", path)(error)),
        }
    }
}

/// Everything below a directory: files, and directories from the bottom up with the directory itself at the end.
pub(crate) fn below(directory: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    let mut next = 0;
    while let Some(directory) = directories.get(next).cloned() {
        next += 1;
        let failed = || Error::disk("list", &directory);
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let kind = entry.file_type().map_err(failed())?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    directories.reverse();
    files.sort();
    Ok((files, directories))
}

/// Makes the entries of a directory, and of all below it, durable.
pub(crate) fn sync_directories(directory: &Path) -> Result<()> {
    for directory in below(directory)?.1 {
        sync_directory(&directory)?;
    }
    Ok(())
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(Error::disk("write", directory))
}

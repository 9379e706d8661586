//! Looking at the disk for the engine: listings and hashes.

use chunker::{Chunker, Manifest};
use filesystem::change::{read_stable, read_text};
use filesystem::{Disk, Error, ErrorKind, Place, Writers};
use model::{ContentId, Entry, EntryKind, RelativePath};
use std::ops::ControlFlow;
use sync_engine::{
    HashOutcome, HashRequest, HashResult, IGNORE_FILE, IgnoreFile, ListRequest, Listed, Listing, LookFailure,
};

/// How long a file that is open for writing must rest before it is read.
const QUIET_NS: i64 = 2_000_000_000;
/// How much of a `.driftlessignore` is used.
const IGNORE_FILE_BYTES: usize = 128 << 10;

/// Lists a directory.
pub(crate) fn list(disk: &dyn Disk, request: &ListRequest) -> Listed {
    let place = Place::from(&request.path);
    let outcome = disk.list(&place).map_err(|error| look_failure(&error, request));
    let outcome = outcome.and_then(|listing| still_there(disk, request, &place).map(|()| listing));
    let outcome = outcome.map(|listing| {
        for unseen in &listing.unseen {
            let name = String::from_utf8_lossy(&unseen.bytes);
            tracing::warn!(directory = %request.path, %name, reason = %unseen.kind, "left alone");
        }
        let unseen = listing.unseen.into_iter().filter_map(|unseen| unseen.name).collect();
        let ignore = ignore_file(disk, &request.path, &listing.entries);
        Listing { entries: listing.entries, unseen, ignore }
    });
    Listed { key: request.key, outcome }
}

/// What a directory's `.driftlessignore` says, if it has one.
fn ignore_file(disk: &dyn Disk, directory: &RelativePath, entries: &[Entry]) -> IgnoreFile {
    let file = entries.iter().find(|entry| entry.name.as_str() == IGNORE_FILE);
    let Some(file) = file.filter(|entry| entry.kind == EntryKind::File) else { return IgnoreFile::None };
    let place = Place::from(&directory.join(&file.name));
    // If it changes under our eyes it is looked at again, as any file.
    match read_text(disk, &place, IGNORE_FILE_BYTES) {
        Ok(text) => IgnoreFile::Text(text),
        Err(error) => {
            tracing::debug!(%directory, %error, "the ignore file cannot be read now");
            IgnoreFile::Unknown
        }
    }
}

/// What was listed counts only if it is the directory that was meant: another may have taken its name.
fn still_there(disk: &dyn Disk, request: &ListRequest, place: &Place) -> Result<(), LookFailure> {
    let Some(handle) = &request.handle else { return Ok(()) };
    match disk.look(place).map_err(|error| look_failure(&error, request))? {
        Some(found) if found.fingerprint.handle == *handle => Ok(()),
        _ => Err(LookFailure::Gone),
    }
}

fn look_failure(error: &Error, request: &ListRequest) -> LookFailure {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Changed => LookFailure::Gone,
        ErrorKind::Offline => LookFailure::Offline,
        _ => {
            tracing::warn!(path = %request.path, %error, "a directory cannot be listed");
            LookFailure::Unreadable
        }
    }
}

/// Hashes a file; for one of several chunks, gives its manifest too.
pub(crate) fn hash(disk: &dyn Disk, request: &HashRequest) -> (HashResult, Option<(ContentId, Manifest)>) {
    let mut manifest = Manifest::default();
    let mut chunker = Chunker::new();
    let mut collect = |chunk: chunker::Chunk<'_>| {
        let length = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
        manifest.push(chunker::Entry { chunk: chunk.id, length });
    };
    let place = Place::from(&request.path);
    if is_being_written(disk, &place, request) {
        return (HashResult { token: request.token, outcome: HashOutcome::Changed }, None);
    }
    let read = read_stable(disk, &place, None, &mut |bytes| {
        chunker.push(bytes, &mut collect);
        ControlFlow::Continue(())
    });
    chunker.finish(&mut collect);
    let (outcome, kept) = match read {
        Ok(Some(fingerprint)) => {
            let content = manifest.content_id();
            let kept = (manifest.entries().len() > 1).then_some((content, manifest));
            (HashOutcome::Stable { fingerprint, content }, kept)
        }
        Ok(None) => (HashOutcome::Changed, None),
        Err(error) => (hash_failure(&error), None),
    };
    (HashResult { token: request.token, outcome }, kept)
}

/// Whether a program has the file open for writing and wrote to it just now. What is kept open for long but rests is
/// taken as it is.
fn is_being_written(disk: &dyn Disk, place: &Place, request: &HashRequest) -> bool {
    let age = crate::now().0.saturating_sub(request.expected.mtime.0);
    age < QUIET_NS && matches!(disk.writers(place), Ok(Writers::Some))
}

fn hash_failure(error: &Error) -> HashOutcome {
    match error.kind {
        ErrorKind::NotFound => HashOutcome::Gone,
        ErrorKind::Changed | ErrorKind::Busy | ErrorKind::Offline => HashOutcome::Changed,
        _ => {
            tracing::warn!(%error, "a file cannot be read");
            HashOutcome::Unreadable
        }
    }
}

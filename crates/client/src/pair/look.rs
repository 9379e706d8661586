//! Looking at the disk for the engine: listings and hashes.

use chunker::{Chunker, Entry, Manifest};
use filesystem::change::read_stable;
use filesystem::{Disk, Error, ErrorKind, Place};
use model::ContentId;
use std::ops::ControlFlow;
use sync_engine::{HashOutcome, HashRequest, HashResult, ListRequest, Listed, Listing, LookFailure};

/// Lists a directory.
pub(super) fn list(disk: &dyn Disk, request: &ListRequest) -> Listed {
    let outcome = disk.list(&Place::from(&request.path)).map_err(|error| look_failure(&error, request));
    let outcome = outcome.map(|listing| {
        for unseen in &listing.unseen {
            let name = String::from_utf8_lossy(&unseen.bytes);
            tracing::warn!(directory = %request.path, %name, reason = %unseen.kind, "left alone");
        }
        let unseen = listing.unseen.into_iter().filter_map(|unseen| unseen.name).collect();
        Listing { entries: listing.entries, unseen }
    });
    Listed { key: request.key, outcome }
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
pub(super) fn hash(disk: &dyn Disk, request: &HashRequest) -> (HashResult, Option<(ContentId, Manifest)>) {
    let mut manifest = Manifest::default();
    let mut chunker = Chunker::new();
    let mut collect = |chunk: chunker::Chunk<'_>| {
        let length = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
        manifest.push(Entry { chunk: chunk.id, length });
    };
    let place = Place::from(&request.path);
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

//! Uploads: what has arrived of big files before their commit, kept for a while and only for whoever sent it.

use crate::access::recheck;
use crate::{Error, collection};
use metadata::content::ChunkRow;
use metadata::upload::UploadRow;
use metadata::{Database, Snapshot, read, write};
use model::location::Located;
use model::permit::Write;
use model::{Action, ChunkId, Limits, NodeId, Permit, Seq, Timestamp, UploadId};

/// For how long an upload is kept after its last chunk arrived.
pub const UPLOAD_HOURS: u64 = 72;

/// The most open uploads of one person in one folder.
pub const UPLOADS_MAX: usize = 1024;

/// An upload to be opened or gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Its id, chosen at random by the caller: known to nobody else.
    pub id: UploadId,
    /// The node it will be a version of; none for a new one.
    pub node: Option<NodeId>,
    /// The version half of the revision it is based on.
    pub base: Option<Seq>,
    /// How many bytes the content will have.
    pub size: u64,
}

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its row.
    pub row: UploadRow,
    /// What has arrived, by id.
    pub arrived: Vec<ChunkId>,
}

/// Opens an upload, or goes on with one that the same person opened on the same device.
///
/// # Errors
/// `Denied`, `Limit` (too large, too many), `Quota`, `Invalid` (open with other figures), `NotFound` (somebody
/// else's), `Database`.
pub fn open(
    database: &dyn Database,
    permit: Permit<Write>,
    open: Open,
    limits: &Limits,
    now: Timestamp,
) -> Result<Upload, Error> {
    if open.size > limits.file_bytes {
        return Err(Error::Limit { what: "bytes of a file", most: limits.file_bytes });
    }
    write(database, move |transaction| {
        let folder = recheck(transaction.as_snapshot(), &permit, Action::Write, now)?;
        let expires_at = now.plus_ms(UPLOAD_HOURS * 3_600_000);
        if transaction.upload(open.id)?.is_some() {
            let mut row = own(transaction.as_snapshot(), &permit, open.id)?;
            if (row.node, row.base, row.size) != (open.node, open.base, open.size) {
                return Err(Error::Invalid("the upload was opened with other figures"));
            }
            row.expires_at = expires_at;
            transaction.extend_upload(open.id, expires_at)?;
            return Ok(Upload { row, arrived: transaction.upload_chunks(open.id)? });
        }
        // A file that cannot fit is refused before its bytes are sent. What it replaces is counted at the commit.
        let room = |quota: Option<u64>| quota.is_none_or(|quota| open.size <= quota);
        if !room(folder.settings.quota_bytes) {
            return Err(Error::Quota);
        }
        let principal = permit.principal();
        if transaction.uploads(folder.id, principal.user, None)?.len() >= UPLOADS_MAX {
            return Err(Error::Limit { what: "open uploads", most: UPLOADS_MAX as u64 });
        }
        let row = UploadRow {
            id: open.id,
            folder: folder.id,
            user: principal.user,
            device: principal.device,
            node: open.node,
            base: open.base,
            size: open.size,
            created_at: now,
            expires_at,
        };
        transaction.put_upload(&row)?;
        Ok(Upload { row, arrived: Vec::new() })
    })
}

/// Notes chunks that have arrived and are durable in the chunk store; the upload lives on from now.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn receive(
    database: &dyn Database,
    permit: Permit<Write>,
    upload: UploadId,
    received: Vec<Located>,
    now: Timestamp,
) -> Result<(), Error> {
    write(database, move |transaction| {
        recheck(transaction.as_snapshot(), &permit, Action::Write, now)?;
        own(transaction.as_snapshot(), &permit, upload)?;
        let rows: Vec<ChunkRow> = received
            .iter()
            .map(|located| ChunkRow { id: located.chunk, location: located.location, folder: None })
            .collect();
        let chunks: Vec<ChunkId> = received.iter().map(|located| located.chunk).collect();
        transaction.put_chunks(&rows)?;
        transaction.put_upload_chunks(upload, &chunks)?;
        collection::rescue(transaction, permit.folder(), &[], &chunks)?;
        Ok(transaction.extend_upload(upload, now.plus_ms(UPLOAD_HOURS * 3_600_000))?)
    })
}

/// What has arrived for an upload.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn look(
    database: &dyn Database,
    permit: Permit<Write>,
    upload: UploadId,
    now: Timestamp,
) -> Result<Upload, Error> {
    read(database, move |snapshot| {
        recheck(snapshot, &permit, Action::Write, now)?;
        let row = own(snapshot, &permit, upload)?;
        Ok(Upload { row, arrived: snapshot.upload_chunks(upload)? })
    })
}

/// Ends an upload. Ending one that has ended is no error.
///
/// # Errors
/// `Denied`, `Database`.
pub fn abandon(
    database: &dyn Database,
    permit: Permit<Write>,
    upload: UploadId,
    now: Timestamp,
) -> Result<(), Error> {
    write(database, move |transaction| {
        recheck(transaction.as_snapshot(), &permit, Action::Write, now)?;
        match own(transaction.as_snapshot(), &permit, upload) {
            Ok(row) => Ok(transaction.delete_uploads(&[row.id])?),
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    })
}

/// Ends uploads whose time is over, at most `limit`; says how many.
///
/// # Errors
/// `Database`.
pub fn expire(database: &dyn Database, now: Timestamp, limit: usize) -> Result<usize, Error> {
    write(database, move |transaction| {
        let ended = transaction.expired_uploads(now, limit)?;
        transaction.delete_uploads(&ended)?;
        Ok(ended.len())
    })
}

/// The caller's own upload in this folder; anybody else's is not there.
fn own(snapshot: &dyn Snapshot, permit: &Permit<Write>, id: UploadId) -> Result<UploadRow, Error> {
    let principal = permit.principal();
    let is_own = |row: &UploadRow| {
        row.folder == permit.folder() && row.user == principal.user && row.device == principal.device
    };
    snapshot.upload(id)?.filter(is_own).ok_or(Error::NotFound("upload"))
}

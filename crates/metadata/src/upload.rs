//! Open uploads: lease, resume point and collection root in one.

use crate::error::Result;
use model::{ChunkId, DeviceId, FolderId, NodeId, Seq, Timestamp, UploadId, UserId};

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: UploadId,
    /// The folder it is for.
    pub folder: FolderId,
    /// Whose it is.
    pub user: UserId,
    /// The device; only it may go on with it.
    pub device: Option<DeviceId>,
    /// The node it will be a version of; none for a new one.
    pub node: Option<NodeId>,
    /// The version half of the revision that it is based on.
    pub base: Option<Seq>,
    /// How many bytes the content will have.
    pub size: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends unless it goes on.
    pub expires_at: Timestamp,
}

/// Reads of uploads.
pub trait ReadUploads {
    /// One upload.
    fn upload(&self, id: UploadId) -> Result<Option<UploadRow>>;

    /// A person's open uploads in a folder (of one device, if one is named).
    fn uploads(&self, folder: FolderId, user: UserId, device: Option<DeviceId>) -> Result<Vec<UploadRow>>;

    /// What has arrived for an upload.
    fn upload_chunks(&self, id: UploadId) -> Result<Vec<ChunkId>>;

    /// Those of `chunks` that have arrived for any upload of this person in this folder that ends after `now`.
    fn arrived_chunks(
        &self,
        folder: FolderId,
        user: UserId,
        now: Timestamp,
        chunks: &[ChunkId],
    ) -> Result<Vec<ChunkId>>;

    /// Uploads that ended before `now`.
    fn expired_uploads(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadId>>;
}

/// Changes of uploads.
pub trait WriteUploads {
    /// Opens one; `Conflict` if the id is taken.
    fn put_upload(&self, row: &UploadRow) -> Result<()>;

    /// Sets when it ends.
    fn extend_upload(&self, id: UploadId, expires_at: Timestamp) -> Result<()>;

    /// Notes chunks that have arrived (their locations go to [`WriteContents`](crate::content::WriteContents)).
    fn put_upload_chunks(&self, id: UploadId, chunks: &[ChunkId]) -> Result<()>;

    /// Ends uploads and forgets what arrived for them.
    fn delete_uploads(&self, ids: &[UploadId]) -> Result<()>;
}

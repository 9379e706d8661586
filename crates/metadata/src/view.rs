//! Views that devices have asked for.

use crate::error::Result;
use model::{DeviceId, FolderId, Timestamp, UserId, ViewId};

/// A view of a folder. The same view is one row, whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Its name: the hash of its spelling.
    pub id: ViewId,
    /// The folder it is of.
    pub folder: FolderId,
    /// Who asked for it last.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// What it is ([`model::View::spelling`]).
    pub spelling: Vec<u8>,
    /// When it was last used, to the day.
    pub used_at: Timestamp,
}

/// Reads of views.
pub trait ReadViews {
    /// One view.
    fn view(&self, folder: FolderId, id: ViewId) -> Result<Option<ViewRow>>;

    /// The views of a folder that this device asked for last, the most recently used first.
    fn views_of(&self, folder: FolderId, user: UserId, device: Option<DeviceId>) -> Result<Vec<ViewId>>;
}

/// Changes of views.
pub trait WriteViews {
    /// Puts a view; it may be there.
    fn put_view(&self, row: &ViewRow) -> Result<()>;

    /// Takes views away.
    fn delete_views(&self, folder: FolderId, ids: &[ViewId]) -> Result<()>;

    /// Takes views away that were not used since; gives how many.
    fn delete_views_before(&self, before: Timestamp) -> Result<u64>;
}

//! Who is told that a folder has changed.

use model::{FolderId, Seq};
use tokio::sync::broadcast;

/// Wakes that a slow listener may be behind before it is told to look at everything.
const KEPT: usize = 256;

/// Spreads news to all connected devices.
pub(crate) struct Wakes {
    folders: broadcast::Sender<(FolderId, Seq)>,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self { folders: broadcast::Sender::new(KEPT) }
    }

    /// A folder has a new head.
    pub(crate) fn folder_changed(&self, folder: FolderId, head: Seq) {
        // Nobody listening is no error.
        let _ = self.folders.send((folder, head));
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<(FolderId, Seq)> {
        self.folders.subscribe()
    }
}

//! Who is told that a folder has changed, and that rights have.

use model::{FolderId, Seq};
use tokio::sync::{broadcast, watch};

/// Wakes that a slow listener may be behind before it is told to look at everything.
const KEPT: usize = 256;

/// Spreads news to all connected devices.
pub(crate) struct Wakes {
    folders: broadcast::Sender<(FolderId, Seq)>,
    rights: watch::Sender<u64>,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self { folders: broadcast::Sender::new(KEPT), rights: watch::Sender::new(0) }
    }

    /// A folder has a new head.
    pub(crate) fn folder_changed(&self, folder: FolderId, head: Seq) {
        // Nobody listening is no error.
        let _ = self.folders.send((folder, head));
    }

    /// Somebody's privileges, devices or account have changed: what was decided before is to be decided again.
    pub(crate) fn rights_changed(&self) {
        self.rights.send_modify(|generation| *generation += 1);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<(FolderId, Seq)> {
        self.folders.subscribe()
    }

    pub(crate) fn listen_to_rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }
}

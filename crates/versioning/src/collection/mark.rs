//! What versions name, read page by page while commits go on.
//!
//! A node's number rises with every version it gets, and stays otherwise. So whoever has followed a folder's journal to its
//! head, and noted of each node that passed all that its versions name, has noted everything that any version names at
//! that moment: a version made later has a number past the head, one made before was there when its node passed.

use super::plan::Live;
use crate::Error;
use metadata::Snapshot;
use model::{ContentId, FolderId, Seq};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Contents whose manifests are read at a time, by their bytes: some ten megabytes of manifests.
const MANIFESTS_OF_BYTES: u64 = 16 << 30;

/// What is named, up to where the folders' journals have been followed.
#[derive(Debug, Default)]
pub(super) struct Mark {
    pub(super) live: Live,
    heads: BTreeMap<FolderId, Seq>,
}

impl Mark {
    /// Follows the journals by one page. Says whether they have been followed to their ends, as this snapshot has them.
    pub(super) fn follow(&mut self, snapshot: &dyn Snapshot, rows: usize) -> Result<bool, Error> {
        for folder in snapshot.folders()? {
            let (head, done) = (folder.counters.head, self.heads.get(&folder.id).copied().unwrap_or(Seq(0)));
            if done >= head {
                continue;
            }
            let (named, last) = snapshot.contents_named_since(folder.id, done, rows)?;
            self.note(snapshot, folder.id, named)?;
            self.heads.insert(folder.id, last.unwrap_or(head));
            return Ok(false);
        }
        Ok(true)
    }

    fn note(
        &mut self,
        snapshot: &dyn Snapshot,
        folder: FolderId,
        named: Vec<(ContentId, u64)>,
    ) -> Result<(), Error> {
        let mut some: BTreeMap<ContentId, u64> = BTreeMap::new();
        let mut bytes = 0_u64;
        for (content, size) in named {
            if content == ContentId::EMPTY {
                continue;
            }
            bytes = bytes.saturating_add(size);
            some.insert(content, size);
            if bytes >= MANIFESTS_OF_BYTES {
                self.note_some(snapshot, folder, &std::mem::take(&mut some))?;
                bytes = 0;
            }
        }
        self.note_some(snapshot, folder, &some)
    }

    /// A content that the catalog cannot put together is a reason to stop: what belongs to it cannot be told from what is
    /// nothing's.
    fn note_some(
        &mut self,
        snapshot: &dyn Snapshot,
        folder: FolderId,
        contents: &BTreeMap<ContentId, u64>,
    ) -> Result<(), Error> {
        let ids: Vec<ContentId> = contents.keys().copied().collect();
        let mut singles: BTreeSet<ContentId> = ids.iter().copied().collect();
        for row in snapshot.contents(&ids)? {
            let listed: u64 = row.manifest.iter().map(|(_, length)| u64::from(*length)).sum();
            if listed != row.size || contents.get(&row.id) != Some(&row.size) {
                return Err(contradiction(row.id, "its manifest does not add up"));
            }
            singles.remove(&row.id);
            self.live.name(folder, row.id, Some(&row.manifest));
        }
        let chunks: Vec<_> = singles.iter().map(|id| id.as_single_chunk()).collect();
        let lengths: HashMap<_, u64> =
            snapshot.chunks(&chunks)?.into_iter().map(|row| (row.id, row.location.length.into())).collect();
        for content in singles {
            if lengths.get(&content.as_single_chunk()) != contents.get(&content) {
                return Err(contradiction(content, "it has neither a manifest nor a chunk of its size"));
            }
            self.live.name(folder, content, None);
        }
        Ok(())
    }
}

fn contradiction(content: ContentId, what: &str) -> Error {
    let text = format!(
        "a version names content {content}, and {what}; nothing is collected before that is repaired"
    );
    metadata::Error::new(metadata::ErrorKind::Corrupt, "collect", text).into()
}

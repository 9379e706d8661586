//! What a pair that only receives tells of itself: what is new here and is not sent.

use crate::paths::{Overlay, path_of};
use crate::store::{PairStore, StoreError};
use model::RelativePath;

/// Why nothing can be done at all.
pub(crate) const NO_WAY: &str = "this directory only sends, and you may only read this folder";

/// So many are named at most.
const NAMED_MAX: usize = 1_000;

/// What is new here and stays here, each with the reason: of a new directory only itself.
pub(crate) fn unsent<S: PairStore>(
    store: &S,
    may_write: bool,
) -> Result<Vec<(RelativePath, String)>, StoreError> {
    let reason = if may_write {
        "not sent: this directory only receives"
    } else {
        "not sent: you may only read this folder"
    };
    let mut found = Vec::new();
    let dirty = store.dirty()?;
    store.prefetch(&dirty)?;
    for key in dirty {
        let Some(row) = store.row(key)? else { continue };
        let triple = &row.triple;
        let (None, None, Some(local)) = (&triple.synced, &triple.remote, &triple.local) else { continue };
        let parent = store.row(local.parent)?;
        if triple.frozen || parent.is_some_and(|parent| parent.triple.remote.is_none()) {
            continue;
        }
        if let Some(path) = path_of(store, key, &Overlay::new())? {
            found.push((path, reason.to_owned()));
        }
        if found.len() == NAMED_MAX {
            break;
        }
    }
    found.sort();
    Ok(found)
}

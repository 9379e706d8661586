//! The journal as clients pull it: the newest state or tombstone of every node past a cursor.

use crate::Error;
use crate::access::recheck;
use metadata::node::NodeRow;
use metadata::{Database, read};
use model::permit::Read;
use model::{Action, Permit, RemoteNode, Seq, Timestamp};

/// Where in a folder's journal a client stands. Who has none knows nothing, and begins a listing; who stands at 0 has
/// listed an empty folder, and must be told of everything since, removals too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here is known.
    pub since: Seq,
    /// Within a listing: the folder's newest number when it began. What was removed before was never listed.
    pub listing: Option<Seq>,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Nodes in the order of the journal; a listing has no tombstones but of nodes removed since it began.
    pub nodes: Vec<RemoteNode>,
    /// The cursor after this page.
    pub next: Cursor,
    /// Whether more follows.
    pub more: bool,
    /// The folder's newest number.
    pub head: Seq,
}

/// What changed in a folder past a cursor (none: everything there is), at most `limit` nodes.
///
/// Each page is a snapshot of its own. Following the pages to the last gives the state at the last page's head: a
/// node that changes in between comes once more, at its new number.
///
/// # Errors
/// `CursorExpired`, `RolledBack`, `Denied`, `Database`.
pub fn changes(
    database: &dyn Database,
    permit: Permit<Read>,
    cursor: Option<Cursor>,
    limit: usize,
    now: Timestamp,
) -> Result<Page, Error> {
    let limit = limit.max(1);
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::List, now)?;
        let head = folder.counters.head;
        let Cursor { since, listing } = cursor.unwrap_or(Cursor { since: Seq(0), listing: Some(head) });
        if since > head || listing.is_some_and(|began| began > head) {
            return Err(Error::RolledBack);
        }
        // What a listing cannot have missed are removals from before it began.
        let tombstones_since = listing.unwrap_or(since);
        if tombstones_since < folder.journal_floor {
            return Err(Error::CursorExpired);
        }
        let mut rows = snapshot.changed_nodes(folder.id, since, tombstones_since, limit + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(row) if more => Cursor { since: row.seq, listing },
            _ => Cursor { since: head, listing: None },
        };
        Ok(Page { nodes: rows.iter().map(NodeRow::to_remote).collect(), next, more, head })
    })
}

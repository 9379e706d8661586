//! The journal through a view: what a client must be told so that its tree equals the view of the folder's.
//!
//! Most of it is the journal of the whole folder with what is not in the view left out. What makes it hard are moves: a
//! directory that moves takes what is below it into the view or out of it, although nothing below it has changed. So at
//! the number of a directory that moved, the subtree is walked (`walk.rs`), but only where its spots before and after
//! differ: the cost follows what changed for the view.
//!
//! A pull takes several pages, each a snapshot of its own, and the client takes them in at once when the last has come.
//! The first page's head, `began`, is kept in the cursor, and so is the `base`, the number at which the client's tree
//! equalled the view. For a node on whose way up to the root nothing was placed after `began`, all pages see the same
//! path, and it is enough to compare now with the base. For any other, the newest placed directory on its way has an
//! entry after `began`, where the subtree is shown whole, whatever it was before: sent, or as removed, which does no harm
//! to who does not know it. So what is shown last of each node is right.

use super::evaluate::Evaluator;
use super::walk::{End, Mode, Walk, as_removed};
use crate::Error;
use crate::access::recheck;
use metadata::node::NodeRow;
use metadata::{Database, read};
use model::permit::Read;
use model::{Action, NodeId, Permit, RemoteNode, Seq, Timestamp, View};

/// How many nodes are looked at for each that a page may show, so that a page costs little even if it shows nothing.
const LOOKS: usize = 8;

/// Where in the journal of a view a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Every entry of the journal up to here has been told.
    pub since: Seq,
    /// A pull under way; none when the client's tree is the view at `since`.
    pub pull: Option<Pull>,
}

/// A pull under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    /// The number at which the client's tree was the view; none if it had none (a listing).
    pub base: Option<Seq>,
    /// The folder's newest number when the pull began.
    pub began: Seq,
    /// A walk under way: the number of the directory's entry (0: the view's root, in a listing), and the last node it
    /// visited.
    pub walk: Option<(Seq, NodeId)>,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Nodes in an order in which a later one replaces an earlier one of the same id.
    pub nodes: Vec<RemoteNode>,
    /// The cursor after this page.
    pub next: Cursor,
    /// Whether more follows.
    pub more: bool,
    /// The folder's newest number.
    pub head: Seq,
}

/// What changed in a view past a cursor (none: everything there is), about `limit` nodes; fewer the more it costs to ask
/// the view, so that a page takes about as long whatever somebody wants.
///
/// # Errors
/// `ViewGone` if the view's root is not there, `CursorExpired`, `RolledBack`, `Denied`, `Database`.
pub fn changes(
    database: &dyn Database,
    permit: Permit<Read>,
    view: View,
    cursor: Option<Cursor>,
    limit: usize,
    now: Timestamp,
) -> Result<Page, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::List, now)?;
        let head = folder.counters.head;
        let listing = Pull { base: None, began: head, walk: Some((Seq(0), NodeId(0))) };
        let (since, pull) = match cursor {
            None => (head, listing),
            Some(cursor) => {
                let fresh = Pull { base: Some(cursor.since), began: head, walk: None };
                (cursor.since, cursor.pull.unwrap_or(fresh))
            }
        };
        if [Some(since), Some(pull.began), pull.base].into_iter().flatten().any(|number| number > head) {
            return Err(Error::RolledBack);
        }
        if pull.base.unwrap_or(pull.began) < folder.journal_floor {
            return Err(Error::CursorExpired);
        }
        let root = snapshot.nodes(folder.id, &[view.root])?;
        if root.first().is_none_or(|row| row.deleted || !row.content.is_directory()) {
            return Err(Error::ViewGone);
        }
        let compiled = view.compile(folder.names);
        let limit = (limit / compiled.weight()).max(1);
        let evaluator = Evaluator::new(snapshot, folder.id, &compiled, view.root, pull.base);
        let turn =
            Turn { evaluator, since, pull, nodes: Vec::new(), limit, visits: limit.saturating_mul(LOOKS) };
        turn.page(head)
    })
}

/// A page in the making.
struct Turn<'a> {
    evaluator: Evaluator<'a>,
    since: Seq,
    pull: Pull,
    nodes: Vec<RemoteNode>,
    limit: usize,
    visits: usize,
}

impl Turn<'_> {
    fn page(mut self, head: Seq) -> Result<Page, Error> {
        if let Some((Seq(0), last)) = self.pull.walk {
            let start = self.evaluator.spot_now(self.evaluator.root)?;
            let walk = Walk::new(Mode::Listing { began: self.pull.began }, self.evaluator.root, start, None);
            if !self.walk(walk, Seq(0), Some(last).filter(|last| *last != NodeId(0)))? {
                return Ok(self.broken_off(head));
            }
        }
        let tombstones_since = self.pull.base.unwrap_or(self.pull.began);
        let (snapshot, folder) = (self.evaluator.snapshot, self.evaluator.folder);
        let mut rows = snapshot.changed_nodes(folder, self.since, tombstones_since, self.limit + 1)?;
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        self.evaluator.prepare(&rows)?;
        for row in rows {
            if !self.entry(&row)? {
                return Ok(self.broken_off(head));
            }
            self.since = row.seq;
            if self.nodes.len() >= self.limit {
                return Ok(self.broken_off(head));
            }
        }
        if more {
            return Ok(self.broken_off(head));
        }
        let next = Cursor { since: head, pull: None };
        Ok(Page { nodes: self.nodes, next, more: false, head })
    }

    fn broken_off(self, head: Seq) -> Page {
        let next = Cursor { since: self.since, pull: Some(self.pull) };
        Page { nodes: self.nodes, next, more: true, head }
    }

    /// One entry of the journal; false if the page is full before its subtree is walked.
    fn entry(&mut self, row: &NodeRow) -> Result<bool, Error> {
        let resumed = self.pull.walk.take().filter(|(entry, _)| *entry == row.seq).map(|(_, last)| last);
        let Pull { base, began, .. } = self.pull;
        let placed = row.revision.placement;
        let (placed_lately, placed_since) = (placed > began, base.is_some_and(|base| placed > base));
        if row.id == self.evaluator.root {
            return Ok(true);
        }
        if row.deleted {
            if base.is_none() || placed_lately || self.evaluator.was_covered(row)? {
                self.nodes.push(row.to_remote());
            }
            return Ok(true);
        }
        let directory = row.content.is_directory();
        let above = self.evaluator.spot_now(row.parent)?;
        let covered = above.as_ref().is_some_and(|at| self.evaluator.view.covers(at, &row.name, directory));
        if resumed.is_some() {
            // Shown on an earlier page.
        } else if covered {
            self.nodes.push(row.to_remote());
        } else if placed_lately || (placed_since && self.evaluator.was_covered(row)?) {
            self.nodes.push(as_removed(row));
        }
        if !directory || !(placed_lately || placed_since) {
            return Ok(true);
        }
        let now = above.and_then(|at| self.evaluator.view.enter(&at, &row.name));
        let walk = if placed_lately {
            Walk::new(Mode::Everything { entry: row.seq }, row.id, now, None)
        } else {
            let then = self.evaluator.spot_then(row.id)?;
            if now == then {
                return Ok(true);
            }
            // There is a base, since the directory was placed after it.
            let Some(base) = base else { return Ok(true) };
            Walk::new(Mode::Differences { base, began }, row.id, now, then)
        };
        self.walk(walk, row.seq, resumed)
    }

    /// Walks on; false if the page is full before the end.
    fn walk(&mut self, mut walk: Walk, entry: Seq, last: Option<NodeId>) -> Result<bool, Error> {
        if let Some(last) = last {
            walk.resume(&self.evaluator, last)?;
        }
        let end = walk.run(&self.evaluator, &mut self.nodes, self.limit, &mut self.visits)?;
        self.pull.walk = match end {
            End::Complete => None,
            End::At(last) => Some((entry, last)),
        };
        Ok(end == End::Complete)
    }
}

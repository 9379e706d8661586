//! What differs between two moments of a folder.
//!
//! Only nodes that have changed since the earlier moment are looked at, so that it costs what has changed and not what the
//! folder holds. What lies below a moved directory, itself unchanged, is no difference.

use crate::Error;
use crate::access::recheck;
use crate::past::{PastTree, Point, When, point};
use metadata::placement::PastNode;
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{Action, FolderId, Name, NodeId, Permit, Seq, Timestamp};
use std::collections::HashSet;

/// Changed nodes looked at together.
const PAGE: usize = 8_192;

/// Two moments, to be compared.
#[derive(Debug)]
pub struct Compare {
    /// Who may see the folder's history.
    pub permit: Permit<Read>,
    /// The earlier moment.
    pub from: When,
    /// The later one.
    pub to: When,
    /// Below this node,
    pub node: NodeId,
    /// along these names as they were at the earlier moment, or else at the later.
    pub path: Vec<Name>,
    /// Where the page before ended; the zero number for the first, which also counts.
    pub after: Seq,
    /// The most differences in a page.
    pub limit: usize,
    /// Now.
    pub now: Timestamp,
}

/// A node at one of the moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its names from the root down.
    pub path: Vec<Name>,
    /// What it was.
    pub node: PastNode,
}

/// A node that is not at one moment as at the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node.
    pub id: NodeId,
    /// At the earlier moment, if it lived.
    pub then: Option<Side>,
    /// At the later one.
    pub now: Option<Side>,
}

impl Difference {
    /// Whether it lived at both moments, at different places.
    #[must_use]
    pub fn is_move(&self) -> bool {
        matches!((&self.then, &self.now), (Some(then), Some(now)) if is_moved(&then.node, &now.node))
    }

    /// Whether it lived at both moments, with different contents or attributes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!((&self.then, &self.now), (Some(then), Some(now)) if is_changed(&then.node, &now.node))
    }
}

/// How many nodes differ; one that was moved and changed counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// That lived at the later moment only.
    pub added: u64,
    /// That lived at the earlier moment only.
    pub removed: u64,
    /// Whose content or attributes differ.
    pub changed: u64,
    /// Whose place differs.
    pub moved: u64,
}

/// A page of differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The earlier place in the journal.
    pub from: Point,
    /// The later one.
    pub to: Point,
    /// How many there are in all; with the first page only.
    pub counts: Option<Counts>,
    /// The differences, in the order of each node's newest change.
    pub differences: Vec<Difference>,
    /// What to give as `after` for the next page.
    pub next: Option<Seq>,
}

/// Compares. A node that changes between two pages may come twice.
///
/// # Errors
/// `Denied`, `Invalid` (the later moment is the earlier), `NotFound` (no such moment; nothing at that path), `NotCovered`,
/// `Database`.
pub fn compare(database: &dyn Database, compare: Compare) -> Result<Compared, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &compare.permit, Action::History, compare.now)?;
        let (from, to) = (point(snapshot, &folder, compare.from)?, point(snapshot, &folder, compare.to)?);
        if from.seq > to.seq {
            return Err(Error::Invalid("the moment to compare with is before the first"));
        }
        let sides = [from, to].map(|point| PastTree::new(snapshot, folder.id, point.seq));
        let mut tops = HashSet::new();
        for side in &sides {
            tops.extend(side.find(&folder, compare.node, &compare.path)?);
        }
        if tops.is_empty() {
            return Err(Error::NotFound("path at either moment"));
        }
        let [then, now] = sides;
        let limit = compare.limit.max(1);
        let is_first = compare.after == Seq(0);
        let mut walk = Walk { snapshot, folder: folder.id, then, now, tops };
        let mut compared = Compared { from, to, counts: None, differences: Vec::new(), next: None };
        let (mut counts, mut last_listed, mut more) = (Counts::default(), Seq(0), false);
        let mut after = from.seq.max(compare.after);
        'pages: while let Some(page) = walk.page(from.seq, after)? {
            for (seq, id) in page {
                after = seq;
                let Some(difference) = walk.difference(id) else { continue };
                counts.add(&difference);
                if compared.differences.len() < limit {
                    compared.differences.push(difference);
                    last_listed = seq;
                    continue;
                }
                more = true;
                if !is_first {
                    break 'pages;
                }
            }
        }
        compared.next = more.then_some(last_listed);
        compared.counts = is_first.then_some(counts);
        Ok(compared)
    })
}

impl Counts {
    fn add(&mut self, difference: &Difference) {
        self.added += u64::from(difference.then.is_none());
        self.removed += u64::from(difference.now.is_none());
        self.changed += u64::from(difference.is_change());
        self.moved += u64::from(difference.is_move());
    }
}

/// The nodes that have changed, page by page, with both trees as far as they are needed.
struct Walk<'a> {
    snapshot: &'a dyn Snapshot,
    folder: FolderId,
    then: PastTree<'a>,
    now: PastTree<'a>,
    tops: HashSet<NodeId>,
}

impl Walk<'_> {
    /// The next nodes that have changed since `since`; none after the last.
    fn page(&mut self, since: Seq, after: Seq) -> Result<Option<Vec<(Seq, NodeId)>>, Error> {
        let rows = self.snapshot.changed_nodes(self.folder, after, since, PAGE)?;
        self.then.load(rows.iter().map(|row| row.id))?;
        self.now.load(rows.iter().map(|row| row.id))?;
        Ok((!rows.is_empty()).then(|| rows.iter().map(|row| (row.seq, row.id)).collect()))
    }

    fn difference(&self, id: NodeId) -> Option<Difference> {
        if !self.then.is_in(id, &self.tops) && !self.now.is_in(id, &self.tops) {
            return None;
        }
        let side = |tree: &PastTree<'_>| Some(Side { path: tree.path(id)?, node: tree.node(id)?.clone() });
        let difference = Difference { id, then: side(&self.then), now: side(&self.now) };
        let lives = [&difference.then, &difference.now].map(Option::is_some);
        let differs = lives[0] != lives[1] || difference.is_move() || difference.is_change();
        differs.then_some(difference)
    }
}

/// Whether a node stands elsewhere.
pub(crate) fn is_moved(then: &PastNode, now: &PastNode) -> bool {
    (then.parent, &then.name) != (now.parent, &now.name)
}

/// Whether a node holds something else, or the same with other attributes.
pub(crate) fn is_changed(then: &PastNode, now: &PastNode) -> bool {
    (&then.content, then.executable, then.mtime) != (&now.content, now.executable, now.mtime)
}

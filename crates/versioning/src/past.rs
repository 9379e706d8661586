//! A folder as it was: which number of the journal a moment means, and what stood where then.
//!
//! A node's state at a number is its last placement and last version up to it; nothing is copied to keep the past.
//! What was found once is remembered for the length of a call only.

use crate::Error;
use crate::access::recheck;
use metadata::folder::Folder;
use metadata::moment::Moment;
use metadata::placement::PastNode;
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{Action, FolderId, Name, NodeId, Permit, Seq, Timestamp};
use std::collections::{HashMap, HashSet};

/// Nodes looked up at a time while a directory of the past is searched.
const PAGE: usize = 4_096;

/// As of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After the last commit at or before a moment.
    At(Timestamp),
    /// After this number of the journal.
    Seq(Seq),
    /// After everything.
    Now,
}

/// A place in a folder's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The number.
    pub seq: Seq,
    /// When the journal had come so far, where it was asked by time.
    pub at: Option<Timestamp>,
}

/// Which number is meant, if the folder's past is still kept from there on.
pub(crate) fn point(snapshot: &dyn Snapshot, folder: &Folder, when: When) -> Result<Point, Error> {
    let point = named(snapshot, folder, when)?;
    let since = snapshot.retention(folder.id)?.covered_since;
    if point.seq < since { Err(Error::NotCovered { since }) } else { Ok(point) }
}

fn named(snapshot: &dyn Snapshot, folder: &Folder, when: When) -> Result<Point, Error> {
    match when {
        When::Now => Ok(Point { seq: folder.counters.head, at: None }),
        When::Seq(seq) if seq > folder.counters.head => {
            Err(Error::NotFound("number in the folder's journal"))
        }
        When::Seq(seq) => Ok(Point { seq, at: None }),
        When::At(at) => match snapshot.moment(folder.id, at)? {
            Some(moment) => Ok(Point { seq: moment.seq, at: Some(moment.at) }),
            None if at >= folder.created_at => Ok(Point { seq: Seq(0), at: Some(folder.created_at) }),
            None => Err(Error::NotFound("moment: the folder was made later")),
        },
    }
}

/// The tree at one number, as far as it was asked for.
pub(crate) struct PastTree<'a> {
    snapshot: &'a dyn Snapshot,
    folder: FolderId,
    seq: Seq,
    nodes: HashMap<NodeId, Option<PastNode>>,
}

impl<'a> PastTree<'a> {
    pub(crate) fn new(snapshot: &'a dyn Snapshot, folder: FolderId, seq: Seq) -> Self {
        Self { snapshot, folder, seq, nodes: HashMap::new() }
    }

    /// Looks nodes up, and every directory above them.
    pub(crate) fn load(&mut self, ids: impl IntoIterator<Item = NodeId>) -> Result<(), Error> {
        let mut wanted: Vec<NodeId> = ids.into_iter().filter(|id| self.is_unknown(*id)).collect();
        while !wanted.is_empty() {
            wanted.sort_unstable();
            wanted.dedup();
            let found = self.snapshot.nodes_at(self.folder, &wanted, self.seq)?;
            self.nodes.extend(wanted.drain(..).map(|id| (id, None)));
            let parents: Vec<NodeId> = found.iter().map(|node| node.parent).collect();
            self.nodes.extend(found.into_iter().map(|node| (node.id, Some(node))));
            wanted.extend(parents.into_iter().filter(|id| self.is_unknown(*id)));
        }
        Ok(())
    }

    fn is_unknown(&self, id: NodeId) -> bool {
        id != NodeId::ROOT && !self.nodes.contains_key(&id)
    }

    /// A node that lived then, of those loaded.
    pub(crate) fn node(&self, id: NodeId) -> Option<&PastNode> {
        self.nodes.get(&id)?.as_ref()
    }

    /// From a node up to the root; none if it did not live, or was not loaded.
    fn way_up(&self, id: NodeId) -> Option<Vec<&PastNode>> {
        let mut way = Vec::new();
        let mut at = id;
        while at != NodeId::ROOT {
            let node = self.node(at)?;
            way.push(node);
            at = node.parent;
            if way.len() > self.nodes.len() {
                return None;
            }
        }
        Some(way)
    }

    /// Whether a node lived then as one of `tops` or below one.
    pub(crate) fn is_in(&self, id: NodeId, tops: &HashSet<NodeId>) -> bool {
        self.way_up(id)
            .is_some_and(|way| tops.contains(&NodeId::ROOT) || way.iter().any(|node| tops.contains(&node.id)))
    }

    /// The names from the root down to a node that lived then.
    pub(crate) fn path(&self, id: NodeId) -> Option<Vec<Name>> {
        Some(self.way_up(id)?.into_iter().rev().map(|node| node.name.clone()).collect())
    }

    /// What lived in a directory then, by id after one of them; and from where to go on.
    pub(crate) fn children(
        &self,
        directory: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<(Vec<PastNode>, Option<NodeId>), Error> {
        let mut children = Vec::new();
        let mut after = after;
        loop {
            let wanted = (limit - children.len()).min(PAGE);
            let ids = self.snapshot.once_children(self.folder, directory, after, wanted)?;
            let Some(last) = ids.last().copied() else { return Ok((children, None)) };
            let is_last = ids.len() < wanted;
            let found = self.snapshot.nodes_at(self.folder, &ids, self.seq)?;
            children.extend(found.into_iter().filter(|node| node.parent == directory));
            after = last;
            if is_last {
                return Ok((children, None));
            }
            if children.len() >= limit {
                return Ok((children, Some(after)));
            }
        }
    }

    /// The node that a path led to then, from a directory down.
    pub(crate) fn find(&self, folder: &Folder, top: NodeId, path: &[Name]) -> Result<Option<NodeId>, Error> {
        let mut at = top;
        for name in path {
            let key = folder.names.key(name);
            let mut after = NodeId(0);
            at = loop {
                let (children, next) = self.children(at, after, PAGE)?;
                let found = children.iter().find(|child| folder.names.key(&child.name) == key);
                match (found, next) {
                    (Some(child), _) => break child.id,
                    (None, Some(next)) => after = next,
                    (None, None) => return Ok(None),
                }
            };
        }
        Ok(Some(at))
    }
}

/// A directory of the past, to be listed.
#[derive(Debug)]
pub struct List {
    /// Who may see the folder's history.
    pub permit: Permit<Read>,
    /// As of when.
    pub when: When,
    /// From this node down,
    pub node: NodeId,
    /// along these names as they were then.
    pub path: Vec<Name>,
    /// The last id of the page before; zero for the first.
    pub after: NodeId,
    /// The most entries.
    pub limit: usize,
    /// Now.
    pub now: Timestamp,
}

/// A page of a directory as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The place in the journal that was looked at.
    pub point: Point,
    /// The node itself; none for the root.
    pub node: Option<PastNode>,
    /// What was in it, by id. Nothing for a file or link.
    pub entries: Vec<PastNode>,
    /// What to give as `after` for the next page.
    pub next: Option<NodeId>,
}

/// Lists a directory as it was.
///
/// # Errors
/// `Denied`, `NotFound` (no such moment; nothing at that path then), `NotCovered`, `Database`.
pub fn list(database: &dyn Database, list: List) -> Result<Listed, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &list.permit, Action::History, list.now)?;
        let point = point(snapshot, &folder, list.when)?;
        let mut tree = PastTree::new(snapshot, folder.id, point.seq);
        let found = tree.find(&folder, list.node, &list.path)?.ok_or(Error::NotFound("path then"))?;
        tree.load([found])?;
        let node = tree.node(found).cloned();
        if node.is_none() && found != NodeId::ROOT {
            return Err(Error::NotFound("node then"));
        }
        let is_directory = node.as_ref().is_none_or(|node| node.content.is_directory());
        let (entries, next) = match is_directory {
            true => tree.children(found, list.after, list.limit.max(1))?,
            false => (Vec::new(), None),
        };
        Ok(Listed { point, node, entries, next })
    })
}

/// The days on which a folder changed: of each the last number and its moment, the newest day first. A day begins at midnight of
/// a zone that is `zone_seconds` ahead of UTC; `before` is a moment of the day after which to go on.
///
/// # Errors
/// `Denied`, `Database`.
pub fn days(
    database: &dyn Database,
    permit: Permit<Read>,
    zone_seconds: i64,
    before: Option<Timestamp>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Moment>, Error> {
    let midnight = move |at: Timestamp| {
        let (seconds, _) = at.parts();
        Timestamp::from_parts(seconds - (seconds + zone_seconds).rem_euclid(86_400), 0)
    };
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        let since = snapshot.retention(folder.id)?.covered_since;
        let mut days = Vec::new();
        let mut until = before.map_or(Timestamp(i64::MAX), |at| Timestamp(midnight(at).0.saturating_sub(1)));
        while days.len() < limit {
            let Some(moment) = snapshot.moment(folder.id, until)?.filter(|moment| moment.seq >= since) else {
                break;
            };
            until = Timestamp(midnight(moment.at).0.saturating_sub(1));
            days.push(moment);
        }
        Ok(days)
    })
}

//! The subtree of a directory, a part at a time, when its nodes' own numbers do not tell that something changed.

use super::evaluate::Evaluator;
use crate::Error;
use metadata::node::NodeRow;
use model::{NodeId, RemoteNode, Seq, Spot};
use std::collections::VecDeque;

/// How many children are read at a time; fewer the deeper, so that what is held stays small.
const CHILDREN: usize = 1_024;
const CHILDREN_LEAST: usize = 8;

/// What a walk shows. What was placed so late that the journal tells it after the walk is left to the journal: on the next
/// page it may stand elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// What is in the view, of a listing that began at this number.
    Listing { began: Seq },
    /// What came into the view or left it since the base, for all that stands where it stood relative to the directory;
    /// of a pull that began at this number.
    Differences { base: Seq, began: Seq },
    /// All: what is in the view as it is, what is not as removed. At this entry of the journal.
    Everything { entry: Seq },
}

/// How a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was visited.
    Complete,
    /// Enough for a page; the last node visited.
    At(NodeId),
}

/// A directory being walked.
struct Frame {
    directory: NodeId,
    now: Option<Spot>,
    then: Option<Spot>,
    after: NodeId,
    waiting: VecDeque<NodeRow>,
    exhausted: bool,
}

/// A walk under way.
pub(super) struct Walk {
    mode: Mode,
    frames: Vec<Frame>,
}

impl Walk {
    /// A walk below a directory, whose spots are and were these.
    pub(super) fn new(mode: Mode, directory: NodeId, now: Option<Spot>, then: Option<Spot>) -> Self {
        Self { mode, frames: vec![Frame::new(directory, now, then)] }
    }

    /// Goes on after a node that was visited on an earlier page. If that may stand elsewhere by now, the walk begins again:
    /// going on from its new place would pass over what lies between.
    pub(super) fn resume(&mut self, evaluator: &Evaluator<'_>, last: NodeId) -> Result<(), Error> {
        let top = self.frames[0].directory;
        let rows = evaluator.snapshot.nodes_and_ancestors(evaluator.folder, &[last])?;
        let mut way: Vec<&NodeRow> = Vec::new();
        let mut at = last;
        while at != top {
            let row = rows.iter().find(|row| row.id == at && !row.deleted && row.id != NodeId::ROOT);
            let stands = |row: &&NodeRow| {
                if row.id == last { self.stands_still(row) } else { !self.has_own_entry(row) }
            };
            let Some(row) = row.filter(stands) else { return Ok(()) };
            way.push(row);
            at = row.parent;
        }
        for row in way.into_iter().rev() {
            let frame = self.frames.last_mut().expect("begins with one, and none is taken");
            frame.after = row.id;
            // What is no longer walked is passed over.
            let Some(below) = self.below(evaluator, row) else { return Ok(()) };
            self.frames.push(below);
        }
        Ok(())
    }

    /// Visits nodes until `out` is full, `visits` are used up, or there are no more.
    pub(super) fn run(
        &mut self,
        evaluator: &Evaluator<'_>,
        out: &mut Vec<RemoteNode>,
        limit: usize,
        visits: &mut usize,
    ) -> Result<End, Error> {
        while let Some(row) = self.next(evaluator)? {
            *visits = visits.saturating_sub(1);
            if !self.has_own_entry(&row) {
                out.extend(self.shown(evaluator, &row));
                let below = self.below(evaluator, &row);
                self.frames.extend(below);
            }
            // Nothing could go on after what may have moved by then. It is few: what others place during the pull.
            if (out.len() >= limit || *visits == 0) && self.stands_still(&row) {
                return Ok(End::At(row.id));
            }
        }
        Ok(End::Complete)
    }

    /// The next node in the order of the walk: a directory before what it holds, its children by id.
    fn next(&mut self, evaluator: &Evaluator<'_>) -> Result<Option<NodeRow>, Error> {
        let depth = self.frames.len();
        while let Some(frame) = self.frames.last_mut() {
            if let Some(row) = frame.waiting.pop_front() {
                frame.after = row.id;
                return Ok(Some(row));
            }
            if frame.exhausted {
                self.frames.pop();
                continue;
            }
            let limit = (CHILDREN / depth).max(CHILDREN_LEAST);
            let (snapshot, folder) = (evaluator.snapshot, evaluator.folder);
            let rows = snapshot.children(folder, frame.directory, frame.after, limit)?;
            frame.exhausted = rows.len() < limit;
            frame.waiting = rows.into();
        }
        Ok(None)
    }

    /// What was itself placed past this is told at its own number.
    fn has_own_entry(&self, row: &NodeRow) -> bool {
        let (Mode::Listing { began: told }
        | Mode::Differences { base: told, .. }
        | Mode::Everything { entry: told }) = self.mode;
        row.revision.placement > told
    }

    /// Whether a node stands where it stood on every page of this walk.
    fn stands_still(&self, row: &NodeRow) -> bool {
        let (Mode::Listing { began: first }
        | Mode::Differences { began: first, .. }
        | Mode::Everything { entry: first }) = self.mode;
        row.revision.placement <= first
    }

    fn shown(&self, evaluator: &Evaluator<'_>, row: &NodeRow) -> Option<RemoteNode> {
        let frame = self.frames.last()?;
        if row.id == evaluator.root {
            return None;
        }
        let directory = row.content.is_directory();
        let covers = |spot: &Option<Spot>| {
            spot.as_ref().is_some_and(|spot| evaluator.view.covers(spot, &row.name, directory))
        };
        match (self.mode, covers(&frame.now)) {
            (Mode::Differences { .. }, now) if now == covers(&frame.then) => None,
            (_, true) => Some(row.to_remote()),
            (Mode::Listing { .. }, false) => None,
            (_, false) => Some(as_removed(row)),
        }
    }

    /// The frame of a directory, if anything below it may have to be shown.
    fn below(&self, evaluator: &Evaluator<'_>, row: &NodeRow) -> Option<Frame> {
        let frame = self.frames.last()?;
        // What is below the view's root is where it was, wherever the root came to be with a directory above it.
        if !row.content.is_directory() || self.has_own_entry(row) || row.id == evaluator.root {
            return None;
        }
        let enter =
            |spot: &Option<Spot>| spot.as_ref().and_then(|spot| evaluator.view.enter(spot, &row.name));
        let (now, then) = (enter(&frame.now), enter(&frame.then));
        let of_interest = match self.mode {
            Mode::Listing { .. } => now.is_some(),
            Mode::Differences { .. } => now != then,
            Mode::Everything { .. } => true,
        };
        of_interest.then(|| Frame::new(row.id, now, then))
    }
}

impl Frame {
    fn new(directory: NodeId, now: Option<Spot>, then: Option<Spot>) -> Self {
        let (waiting, exhausted) = (VecDeque::new(), false);
        Self { directory, now, then, after: NodeId(0), waiting, exhausted }
    }
}

/// A node that is there, but not in the view, as the view shows it.
pub(super) fn as_removed(row: &NodeRow) -> RemoteNode {
    RemoteNode { deleted: true, ..row.to_remote() }
}

//! Whether nodes are, or were, in a view.

use crate::Error;
use metadata::Snapshot;
use metadata::node::NodeRow;
use model::{CompiledView, FolderId, Name, NodeId, Seq, Spot};
use std::collections::HashMap;

/// Deeper than any path can be.
const DEPTH_MAX: usize = 4_096;

/// A node's place; none if it stands nowhere.
type Place = Option<(NodeId, Name)>;

/// Looks nodes up, now and as of an earlier number, and remembers what it found: as much as one page needs.
pub(super) struct Evaluator<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) folder: FolderId,
    pub(super) view: &'a CompiledView,
    pub(super) root: NodeId,
    now: Era,
    then: Era,
    base: Option<Seq>,
}

#[derive(Default)]
struct Era {
    places: HashMap<NodeId, Place>,
    spots: HashMap<NodeId, Option<Spot>>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        snapshot: &'a dyn Snapshot,
        folder: FolderId,
        view: &'a CompiledView,
        root: NodeId,
        base: Option<Seq>,
    ) -> Self {
        Self { snapshot, folder, view, root, now: Era::default(), then: Era::default(), base }
    }

    /// Reads at once what the next questions about these rows will need.
    pub(super) fn prepare(&mut self, rows: &[NodeRow]) -> Result<(), Error> {
        let parents: Vec<NodeId> = rows.iter().filter(|row| !row.deleted).map(|row| row.parent).collect();
        self.read_now(&parents)?;
        let Some(base) = self.base else { return Ok(()) };
        let moved: Vec<NodeId> =
            rows.iter().filter(|row| row.revision.placement > base).map(|row| row.id).collect();
        self.read_then(moved, base)
    }

    fn read_now(&mut self, ids: &[NodeId]) -> Result<(), Error> {
        let unknown: Vec<NodeId> =
            ids.iter().copied().filter(|id| !self.now.places.contains_key(id)).collect();
        for row in self.snapshot.nodes_and_ancestors(self.folder, &unknown)? {
            let place = (!row.deleted).then_some((row.parent, row.name));
            self.now.places.insert(row.id, place);
        }
        for id in unknown {
            self.now.places.entry(id).or_insert(None);
        }
        Ok(())
    }

    fn read_then(&mut self, mut ids: Vec<NodeId>, base: Seq) -> Result<(), Error> {
        for _ in 0..DEPTH_MAX {
            ids.retain(|id| *id != NodeId::ROOT && !self.then.places.contains_key(id));
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                break;
            }
            let found = self.snapshot.places_at(self.folder, &ids, base)?;
            for id in &ids {
                self.then.places.insert(*id, None);
            }
            ids = found.iter().map(|row| row.parent).collect();
            for row in found {
                self.then.places.insert(row.node, Some((row.parent, row.name)));
            }
        }
        Ok(())
    }

    /// The spot of a directory as it stands now; none if it is not in the view.
    pub(super) fn spot_now(&mut self, directory: NodeId) -> Result<Option<Spot>, Error> {
        if directory != self.root {
            self.read_now(&[directory])?;
        }
        Ok(self.now.spot(directory, self.root, self.view))
    }

    /// Whether a node was in the view at the base; not if there is none.
    pub(super) fn was_covered(&mut self, row: &NodeRow) -> Result<bool, Error> {
        let Some((parent, name)) = self.place_then(row.id)? else { return Ok(false) };
        let spot = self.then.spot(parent, self.root, self.view);
        Ok(spot.is_some_and(|spot| self.view.covers(&spot, &name, row.content.is_directory())))
    }

    /// The spot that a directory had at the base; none if it was not in the view, or if there is no base.
    pub(super) fn spot_then(&mut self, directory: NodeId) -> Result<Option<Spot>, Error> {
        if self.base.is_none() {
            return Ok(None);
        }
        self.place_then(directory)?;
        Ok(self.then.spot(directory, self.root, self.view))
    }

    fn place_then(&mut self, id: NodeId) -> Result<Place, Error> {
        let Some(base) = self.base else { return Ok(None) };
        self.read_then(vec![id], base)?;
        Ok(self.then.places.get(&id).cloned().flatten())
    }
}

impl Era {
    /// The spot of a directory whose ancestors have been read.
    fn spot(&mut self, directory: NodeId, root: NodeId, view: &CompiledView) -> Option<Spot> {
        let mut way = Vec::new();
        let mut at = directory;
        let mut spot = loop {
            if at == root {
                break Some(view.start());
            }
            if let Some(known) = self.spots.get(&at) {
                break known.clone();
            }
            match self.places.get(&at) {
                Some(Some((parent, name))) if at != NodeId::ROOT && way.len() < DEPTH_MAX => {
                    way.push((at, name.clone()));
                    at = *parent;
                }
                _ => break None,
            }
        };
        for (id, name) in way.into_iter().rev() {
            spot = spot.and_then(|above| view.enter(&above, &name));
            self.spots.insert(id, spot.clone());
        }
        spot
    }
}

//! Carrying a plan out in a workspace: all places first, whoever stands there; then what goes to the trash, from below; then
//! contents; then names; and judgement at the end. Nodes whose place the tree does not allow are left out, and it is all done
//! again without them: each time fewer, so it ends.

use super::targets::{Place, Plan};
use super::{Kept, Reason};
use crate::Error;
use crate::commit::group::judge;
use crate::commit::state::Origin;
use crate::commit::workspace::Workspace;
use crate::restore::restored_name;
use metadata::Snapshot;
use metadata::node::NodeRow;
use metadata::version::VersionOrigin;
use model::{FolderId, Kind, Name, NameKey, NodeId};
use std::collections::{HashMap, HashSet};

/// How many names are tried for what comes back.
const NAMES_TRIED: u32 = 100;

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) removed: u64,
    pub(super) returned: u64,
    pub(super) moved: u64,
    pub(super) changed: u64,
    pub(super) renamed: u64,
    pub(super) kept: Vec<Kept>,
}

/// Carries a plan out.
pub(super) fn apply(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    workspace: &mut Workspace,
    plan: &Plan,
) -> Result<Done, Error> {
    let used_before = workspace.used_bytes();
    let mut known: HashSet<(NodeId, NameKey)> = plan.keys.iter().cloned().collect();
    let mut left_out: HashSet<NodeId> = HashSet::new();
    loop {
        let mark = workspace.mark();
        let mut run = Run {
            snapshot,
            folder,
            workspace: &mut *workspace,
            plan,
            left_out: &left_out,
            known: &mut known,
            touched: Vec::new(),
            needed_by: HashMap::new(),
            done: Done::default(),
        };
        run.places()?;
        run.trash();
        run.contents();
        run.names()?;
        let faults = run.faults();
        let mut done = run.done;
        if faults.is_empty() {
            if workspace.is_over_quota(used_before) {
                return Err(Error::Quota);
            }
            let impossible = |node: &NodeId| Kept { node: *node, reason: Reason::Impossible };
            done.kept.extend(left_out.iter().map(impossible));
            return Ok(done);
        }
        workspace.roll_back(mark);
        let before = left_out.len();
        left_out.extend(faults);
        if left_out.len() == before {
            return Err(Error::Invalid("the folder as it is now does not allow this restore"));
        }
    }
}

/// One try.
struct Run<'a> {
    snapshot: &'a dyn Snapshot,
    folder: FolderId,
    workspace: &'a mut Workspace,
    plan: &'a Plan,
    left_out: &'a HashSet<NodeId>,
    /// Places whose occupants were looked up.
    known: &'a mut HashSet<(NodeId, NameKey)>,
    /// Living nodes that were placed.
    touched: Vec<NodeId>,
    /// Directories that came back only to hold others, with those others.
    needed_by: HashMap<NodeId, Vec<NodeId>>,
    done: Done,
}

impl Run<'_> {
    fn places(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let wanted: Vec<(NodeId, NodeId, &Name)> = plan
            .targets
            .iter()
            .filter_map(|(id, target)| match &target.place {
                Some(Place::At(parent, name)) if !self.left_out.contains(id) => Some((*id, *parent, name)),
                _ => None,
            })
            .collect();
        for (id, parent, name) in &wanted {
            let Some(row) = self.workspace.node(*id) else { continue };
            if row.deleted {
                self.done.returned += 1;
            } else {
                self.done.moved += 1;
            }
            self.workspace.place(*id, *parent, name);
            self.touched.push(*id);
        }
        // All of them live now; what they stand in may not.
        for (id, parent, name) in wanted {
            let home = self.home(parent, id)?;
            if home != parent {
                self.workspace.place(id, home, name);
            }
        }
        Ok(())
    }

    /// The living directory that stands for one that may be gone: it comes back where it was, or another living one there is
    /// taken for it.
    fn home(&mut self, directory: NodeId, needed_by: NodeId) -> Result<NodeId, Error> {
        let mut gone: Vec<NodeRow> = Vec::new();
        let mut at = directory;
        while let Some(row) = self.workspace.node(at).filter(|row| row.deleted) {
            gone.push(row.clone());
            at = row.parent;
        }
        while let Some(row) = gone.pop() {
            let occupant = self.occupant(at, &row.name)?;
            let directory =
                occupant.filter(|occupant| self.workspace.kind(*occupant) == Some(Kind::Directory));
            at = match directory {
                Some(directory) => directory,
                None => {
                    self.workspace.place(row.id, at, &row.name);
                    self.touched.push(row.id);
                    self.done.returned += 1;
                    row.id
                }
            };
        }
        self.needed_by.entry(at).or_default().push(needed_by);
        Ok(at)
    }

    /// Who lives at a place.
    fn occupant(&mut self, parent: NodeId, name: &Name) -> Result<Option<NodeId>, Error> {
        let key = self.workspace.name_key(name);
        if self.known.insert((parent, key.clone())) {
            let rows = self.snapshot.nodes_named(self.folder, &[(parent, key.clone())])?;
            self.workspace.take_in(rows);
        }
        Ok(self.workspace.at(parent, &key))
    }

    /// Removes what was made since; directories once they are empty.
    fn trash(&mut self) {
        let wanted: HashSet<NodeId> = self
            .plan
            .targets
            .iter()
            .filter(|(_, target)| target.place == Some(Place::Trash))
            .map(|(id, _)| *id)
            .collect();
        let mut ready: Vec<NodeId> = wanted.iter().copied().collect();
        ready.sort_unstable();
        let mut removed: HashSet<NodeId> = HashSet::with_capacity(wanted.len());
        while let Some(id) = ready.pop() {
            let Some(row) = self.workspace.node(id).filter(|row| !row.deleted) else { continue };
            let parent = row.parent;
            if self.workspace.children(id) > 0 {
                continue;
            }
            self.workspace.remove(id);
            removed.insert(id);
            if wanted.contains(&parent) {
                ready.push(parent);
            }
        }
        self.done.removed = removed.len() as u64;
        let mut stay: Vec<NodeId> = wanted.difference(&removed).copied().collect();
        stay.retain(|id| self.workspace.node(*id).is_some_and(|row| !row.deleted));
        self.done.kept.extend(stay.into_iter().map(|node| Kept { node, reason: Reason::InUse }));
    }

    fn contents(&mut self) {
        for (id, target) in &self.plan.targets {
            let Some((state, number)) = &target.state else { continue };
            let Some(row) = self.workspace.node(*id).filter(|row| !row.deleted) else { continue };
            let origin = match row.content == state.content {
                true => Origin::ATTRIBUTES,
                false => Origin { origin: VersionOrigin::Restore, of: Some(*number) },
            };
            self.workspace.update(*id, state, origin);
            self.done.changed += 1;
        }
    }

    /// Gives names with a mark to those whose name is taken.
    fn names(&mut self) -> Result<(), Error> {
        for id in self.touched.clone() {
            let Some(row) = self.workspace.node(id).filter(|row| !row.deleted).cloned() else { continue };
            self.occupant(row.parent, &row.name)?;
            if self.workspace.rival(&row).is_none() {
                continue;
            }
            let is_directory = row.content.is_directory();
            for number in 1..=NAMES_TRIED {
                let name = restored_name(&row.name, is_directory, number);
                if self.occupant(row.parent, &name)?.is_none() {
                    self.workspace.place(id, row.parent, &name);
                    self.done.renamed += 1;
                    break;
                }
            }
        }
        Ok(())
    }

    /// The nodes whose place the tree does not allow.
    fn faults(&mut self) -> Vec<NodeId> {
        let mut faults = Vec::new();
        for id in std::mem::take(&mut self.touched) {
            let is_move = !self.plan.is_whole;
            if judge(self.workspace, id, is_move).is_err() {
                faults.push(id);
                faults.extend(self.needed_by.get(&id).into_iter().flatten());
            }
        }
        faults
    }
}

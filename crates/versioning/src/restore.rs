//! Bringing back: an old version as a new one, or removed nodes from the trash. What a restore does is itself a
//! change with versions and placements, so it can be undone the same way.
//!
//! A removed directory comes back with what the same person removed from below it within an hour before. Directories
//! above that are gone come back too; where another directory has taken such a one's name, that one is used. Where a
//! name is taken, what comes back is called `name (restored).ext`.

use crate::Error;
use crate::access::recheck;
use crate::commit::group::{Fault, judge};
use crate::commit::state::{Origin, State};
use crate::commit::wanted::Wanted as Load;
use crate::commit::workspace::{Author, Workspace};
use crate::commit::{Committed, settle, stored_answer};
use crate::identity::epoch;
use metadata::node::NodeRow;
use metadata::version::{VersionOrigin, VersionRow};
use metadata::{Database, Transaction, write};
use model::name::NAME_BYTES_MAX;
use model::permit::Write;
use model::{
    Action, Applied, FolderId, GroupOutcome, IdempotencyKey, Limits, Name, NameKey, NodeId, Permit, Refusal,
    Seq, Timestamp, VersionNumber,
};
use std::collections::{HashMap, HashSet};

/// What was removed together: a recursive removal takes a while.
const TOGETHER_NS: i64 = 3_600_000_000_000;

/// How many names are tried for what comes back.
const NAMES_TRIED: u32 = 100;

/// What is to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// A version's content, as the node's next version; a removed node comes back for it.
    Version {
        /// The node.
        node: NodeId,
        /// Which version.
        version: VersionNumber,
        /// The `version` half of the revision that the caller saw; none: whatever it is now.
        base: Option<Seq>,
    },
    /// A removed node.
    Node(NodeId),
}

impl Item {
    fn node(&self) -> NodeId {
        match self {
            Self::Version { node, .. } | Self::Node(node) => *node,
        }
    }
}

/// A restore, ready to run.
#[derive(Debug)]
pub struct Restore {
    /// Who may write where.
    pub permit: Permit<Write>,
    /// Which attempt this is.
    pub key: IdempotencyKey,
    /// Digest of the whole request.
    pub digest: [u8; 32],
    /// What is to come back, each by itself whole or not at all.
    pub items: Vec<Item>,
    /// What the server takes.
    pub limits: Limits,
    /// Now.
    pub now: Timestamp,
}

/// Runs a restore in one transaction; an outcome an item, with every node that it touched.
///
/// # Errors
/// `Denied`, `KeyReused`, `Limit`, `Database`.
pub fn restore(database: &dyn Database, restore: Restore) -> Result<Committed, Error> {
    let most = restore.limits.commit_operations;
    if restore.items.len() as u64 > most {
        return Err(Error::Limit { what: "operations in one commit", most });
    }
    write(database, move |transaction| run(transaction, &restore))
}

fn run(transaction: &dyn Transaction, restore: &Restore) -> Result<Committed, Error> {
    let snapshot = transaction.as_snapshot();
    let principal = restore.permit.principal();
    let folder = recheck(snapshot, &restore.permit, Action::Restore, restore.now)?;
    if let Some(answer) = stored_answer(snapshot, principal, restore.key, &restore.digest)? {
        return Ok(answer);
    }
    let author = Author::new(principal, epoch(snapshot)?, restore.now);
    let id = folder.id;
    let trees = restore
        .items
        .iter()
        .map(|item| removed_tree(transaction, id, item, restore.limits.commit_operations))
        .collect::<Result<Vec<_>, _>>()?;
    let nodes: Vec<NodeId> =
        restore.items.iter().map(Item::node).chain(trees.iter().flatten().copied()).collect();
    if nodes.len() as u64 > restore.limits.commit_operations {
        return Err(Error::Limit { what: "nodes in one restore", most: restore.limits.commit_operations });
    }
    let rows = snapshot.nodes_and_ancestors(id, &nodes)?;
    let places = rows.iter().filter(|row| row.deleted).map(|row| (row.parent, row.name_key.clone()));
    let load = Load { places: places.collect(), nodes, ..Load::default() };
    let mut workspace = Workspace::load_wanted(snapshot, folder, author, restore.limits, &load)?;
    let versions = versions(transaction, id, &restore.items)?;
    let mut run = Run {
        transaction,
        folder: id,
        workspace: &mut workspace,
        known: load.places.into_iter().collect(),
        touched: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(restore.items.len());
    for (item, tree) in restore.items.iter().zip(&trees) {
        outcomes.push(run.item(item, tree, &versions)?);
    }
    let head = workspace.write(transaction)?;
    let committed = Committed { outcomes, head, repeated: false };
    settle(transaction, principal, restore.key, restore.digest, &committed, restore.now)?;
    Ok(committed)
}

fn versions(
    transaction: &dyn Transaction,
    folder: FolderId,
    items: &[Item],
) -> Result<HashMap<(NodeId, VersionNumber), VersionRow>, Error> {
    let wanted: Vec<(NodeId, VersionNumber)> = items
        .iter()
        .filter_map(|item| match item {
            Item::Version { node, version, .. } => Some((*node, *version)),
            Item::Node(_) => None,
        })
        .collect();
    let rows = transaction.versions_numbered(folder, &wanted)?;
    Ok(rows.into_iter().map(|row| ((row.node, row.number), row)).collect())
}

/// The nodes that come back with an item, from the top: what was removed together with it from below it.
fn removed_tree(
    transaction: &dyn Transaction,
    folder: FolderId,
    item: &Item,
    most: u64,
) -> Result<Vec<NodeId>, Error> {
    let Item::Node(top) = item else { return Ok(Vec::new()) };
    let Some(row) = transaction.nodes(folder, &[*top])?.pop() else { return Ok(Vec::new()) };
    let removal = transaction.placements_at(folder, &[(row.id, row.revision.placement)])?.pop();
    let Some(removal) = removal.filter(|removal| removal.deleted) else { return Ok(Vec::new()) };
    let (mut tree, mut directories) = (Vec::new(), vec![row]);
    while let Some(directory) = directories.pop() {
        if !directory.content.is_directory() {
            continue;
        }
        let children = transaction.removed_children(folder, directory.id, NodeId(0), most as usize + 1)?;
        let places: Vec<(NodeId, Seq)> =
            children.iter().map(|child| (child.id, child.revision.placement)).collect();
        let together: HashSet<NodeId> = transaction
            .placements_at(folder, &places)?
            .into_iter()
            .filter(|place| place.user == removal.user && removal.at.0 - place.at.0 <= TOGETHER_NS)
            .map(|place| place.node)
            .collect();
        for child in children.into_iter().filter(|child| together.contains(&child.id)) {
            tree.push(child.id);
            directories.push(child);
        }
        if tree.len() as u64 > most {
            return Err(Error::Limit { what: "nodes in one restore", most });
        }
    }
    Ok(tree)
}

/// A restore's items, run one after the other.
struct Run<'a> {
    transaction: &'a dyn Transaction,
    folder: FolderId,
    workspace: &'a mut Workspace,
    /// Places whose occupants are loaded.
    known: HashSet<(NodeId, NameKey)>,
    /// The nodes that the item has touched.
    touched: Vec<NodeId>,
}

impl Run<'_> {
    fn item(
        &mut self,
        item: &Item,
        tree: &[NodeId],
        versions: &HashMap<(NodeId, VersionNumber), VersionRow>,
    ) -> Result<GroupOutcome, Error> {
        let mark = self.workspace.mark();
        let used_before = self.workspace.used_bytes();
        self.touched.clear();
        let result = match *item {
            Item::Version { node, version, base } => {
                self.version(node, versions.get(&(node, version)), base)?
            }
            Item::Node(node) => self.tree(node, tree)?,
        };
        let result = result.and_then(|()| self.judge_all(used_before));
        Ok(match result {
            Ok(()) => GroupOutcome::Applied(self.applied()),
            Err(fault) => {
                self.workspace.roll_back(mark);
                GroupOutcome::Refused { operation: 0, reason: fault.reason, current: fault.current }
            }
        })
    }

    fn applied(&self) -> Vec<Applied> {
        let rows = self.touched.iter().filter_map(|id| self.workspace.node(*id));
        rows.map(|row| Applied { node: row.id, revision: row.revision }).collect()
    }

    fn judge_all(&mut self, used_before: u64) -> Result<(), Fault> {
        let touched = self.touched.clone();
        touched.into_iter().try_for_each(|id| judge(self.workspace, id, false))?;
        if self.workspace.is_over_quota(used_before) { Err(Fault::new(Refusal::Quota)) } else { Ok(()) }
    }

    fn version(
        &mut self,
        node: NodeId,
        version: Option<&VersionRow>,
        base: Option<Seq>,
    ) -> Result<Result<(), Fault>, Error> {
        let (Some(row), Some(version)) = (self.workspace.node(node), version) else {
            return Ok(Err(Fault::new(Refusal::Gone)));
        };
        let is_stale = base.is_some_and(|base| base != row.revision.version);
        if is_stale || row.content.kind() != version.content.kind() {
            return Ok(Err(Fault::with(Refusal::Stale, row)));
        }
        if row.deleted {
            self.revive(node)?;
        } else {
            self.touched.push(node);
        }
        let state = State::new(&version.content, version.executable, version.mtime);
        let origin = Origin { origin: VersionOrigin::Restore, of: Some(version.number) };
        self.workspace.update(node, &state, origin);
        Ok(Ok(()))
    }

    fn tree(&mut self, top: NodeId, tree: &[NodeId]) -> Result<Result<(), Fault>, Error> {
        let Some(row) = self.workspace.node(top) else { return Ok(Err(Fault::new(Refusal::Gone))) };
        if !row.deleted {
            return Ok(Err(Fault::with(Refusal::Stale, row)));
        }
        let is_purged = |id: NodeId| self.workspace.node(id).is_none_or(|row| row.purged);
        // A directory holds no bytes itself: purged, it comes back for what of it is still in the trash.
        if is_purged(top) && tree.iter().all(|id| is_purged(*id)) {
            return Ok(Err(Fault::new(Refusal::Gone)));
        }
        self.revive(top)?;
        for id in tree {
            // An earlier item may have brought it back; what is purged has nothing to bring.
            if self.workspace.node(*id).is_some_and(|row| row.deleted && !row.purged) {
                self.revive(*id)?;
            }
        }
        Ok(Ok(()))
    }

    /// Brings back one removed node, with the directories above it.
    fn revive(&mut self, id: NodeId) -> Result<(), Error> {
        let mut chain = Vec::new();
        let mut at = id;
        // From the node up to the nearest directory that lives.
        while let Some(row) = self.workspace.node(at).filter(|row| row.deleted) {
            chain.push(row.clone());
            at = row.parent;
        }
        let mut parent = at;
        while let Some(row) = chain.pop() {
            parent = self.revive_in(&row, parent, row.id != id)?;
        }
        Ok(())
    }

    /// Brings a node back into a living directory; says which node then stands for it: a directory that is only
    /// needed as a parent gives way to another living one of its name.
    fn revive_in(&mut self, row: &NodeRow, parent: NodeId, only_as_parent: bool) -> Result<NodeId, Error> {
        let occupant = self.occupant(parent, &row.name)?;
        if let Some(occupant) = occupant
            && only_as_parent
            && self.workspace.kind(occupant) == Some(model::Kind::Directory)
        {
            return Ok(occupant);
        }
        let name = if occupant.is_none() { row.name.clone() } else { self.free_name(row, parent)? };
        self.workspace.place(row.id, parent, &name);
        self.touched.push(row.id);
        Ok(row.id)
    }

    /// Who lives at a place.
    fn occupant(&mut self, parent: NodeId, name: &Name) -> Result<Option<NodeId>, Error> {
        let key = self.workspace.name_key(name);
        if self.known.insert((parent, key.clone())) {
            self.workspace.take_in(self.transaction.nodes_named(self.folder, &[(parent, key.clone())])?);
        }
        Ok(self.workspace.at(parent, &key))
    }

    fn free_name(&mut self, row: &NodeRow, parent: NodeId) -> Result<Name, Error> {
        for number in 1..=NAMES_TRIED {
            let name = restored_name(&row.name, row.content.is_directory(), number);
            if self.occupant(parent, &name)?.is_none() {
                return Ok(name);
            }
        }
        Err(Error::Limit { what: "restored copies of one name", most: u64::from(NAMES_TRIED) })
    }
}

/// `stem (restored).ext`, `stem (restored 2).ext` and so on, shortened to the longest name allowed.
pub(crate) fn restored_name(name: &Name, is_directory: bool, number: u32) -> Name {
    let text = name.as_str();
    let dot = if is_directory { None } else { text.rfind('.').filter(|dot| *dot > 0) };
    let (stem, extension) = text.split_at(dot.unwrap_or(text.len()));
    let mark = if number == 1 { " (restored)".to_owned() } else { format!(" (restored {number})") };
    // An extension longer than this is no extension.
    let extension = if extension.len() > 32 { "" } else { extension };
    let mut end = stem.len().min(NAME_BYTES_MAX - mark.len() - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let text = format!("{}{mark}{extension}", &stem[..end]);
    Name::new(&text).expect("it has a mark, no forbidden characters, and at most 255 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_name_says_so_and_stays_a_name() {
        let restored = |text: &str, is_directory, number| {
            restored_name(&Name::new(text).unwrap(), is_directory, number).as_str().to_owned()
        };
        assert_eq!(restored("a.txt", false, 1), "a (restored).txt");
        assert_eq!(restored("a.txt", true, 2), "a.txt (restored 2)");
        assert_eq!(restored(".profile", false, 3), ".profile (restored 3)");
        let long = restored(&"ü".repeat(127), false, 99);
        assert!(long.len() <= 255 && long.ends_with("ü (restored 99)"), "{long}");
        let odd = restored(&format!("a.{}", "x".repeat(253)), false, 1);
        assert_eq!(odd, "a (restored)");
    }
}

//! Groups: operations are applied one after the other, then judged by what they have made of the tree together.

use super::contents::Contents;
use super::state::{Origin, State};
use super::workspace::Workspace;
use crate::Error;
use metadata::Snapshot;
use metadata::node::NodeRow;
use metadata::version::{VersionOrigin, VersionRow};
use model::{
    Applied, Content, FolderId, Group, GroupOutcome, Kind, Name, NodeId, NodeRef, Operation, Refusal,
    Revision, Seq, UserId, VersionNumber,
};
use std::collections::HashMap;

/// The longest text of a symbolic link, in bytes (Linux: PATH_MAX without the NUL).
const LINK_BYTES_MAX: usize = 4095;

/// The name of every replica's own directory; a node of that name could not be installed anywhere.
const OWN_DIRECTORY: &str = ".driftless";

/// Why an operation cannot be applied.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) reason: Refusal,
    pub(crate) current: Option<Box<model::RemoteNode>>,
}

impl Fault {
    pub(crate) fn new(reason: Refusal) -> Self {
        Self { reason, current: None }
    }

    pub(crate) fn with(reason: Refusal, row: &NodeRow) -> Self {
        Self { reason, current: Some(Box::new(row.to_remote())) }
    }
}

/// Versions that copies name by number.
pub(super) type Copies = HashMap<(NodeId, VersionNumber), VersionRow>;

/// Loads the versions that copies name by number.
pub(super) fn copied_versions(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    operations: &mut dyn Iterator<Item = &Operation>,
) -> Result<Copies, Error> {
    let wanted: Vec<(NodeId, VersionNumber)> = operations
        .filter_map(|operation| match operation {
            Operation::Copy { source, version: Some(version), .. } => Some((*source, *version)),
            _ => None,
        })
        .collect();
    let rows = snapshot.versions_numbered(folder, &wanted)?;
    Ok(rows.into_iter().map(|row| ((row.node, row.number), row)).collect())
}

/// A commit's groups, run one after the other.
#[derive(Debug)]
pub(super) struct Run<'w> {
    workspace: &'w mut Workspace,
    contents: Contents,
    copies: Copies,
    /// What temporary numbers stand for; none if their group was refused.
    temporaries: HashMap<u32, Option<NodeId>>,
}

impl<'w> Run<'w> {
    pub(super) fn new(workspace: &'w mut Workspace, contents: Contents, copies: Copies) -> Self {
        Self { workspace, contents, copies, temporaries: HashMap::new() }
    }

    /// Whose the groups from here on are.
    pub(super) fn speak_for(&mut self, user: UserId) {
        self.workspace.speak_for(user);
    }

    pub(super) fn into_contents(self) -> Contents {
        self.contents
    }

    /// Applies a group, or leaves everything as it was.
    pub(super) fn group(&mut self, group: &Group) -> GroupOutcome {
        let mark = self.workspace.mark();
        let contents_mark = self.contents.mark();
        self.number_temporaries(group);
        match self.try_group(group) {
            Ok(applied) => GroupOutcome::Applied(applied),
            Err((operation, fault)) => {
                self.workspace.roll_back(mark);
                self.contents.roll_back(contents_mark);
                for temporary in group.operations.iter().filter_map(temporary) {
                    self.temporaries.insert(temporary, None);
                }
                let operation = u32::try_from(operation).unwrap_or(u32::MAX);
                GroupOutcome::Refused { operation, reason: fault.reason, current: fault.current }
            }
        }
    }

    /// Gives the group's new nodes their ids, so that its operations may use them in any order.
    fn number_temporaries(&mut self, group: &Group) {
        for temporary in group.operations.iter().filter_map(temporary) {
            let id = self.workspace.next_node();
            self.temporaries.insert(temporary, Some(id));
        }
    }

    fn try_group(&mut self, group: &Group) -> Result<Vec<Applied>, (usize, Fault)> {
        let used_before = self.workspace.used_bytes();
        let mut nodes = Vec::with_capacity(group.operations.len());
        for (index, operation) in group.operations.iter().enumerate() {
            nodes.push(self.apply(operation).map_err(|fault| (index, fault))?);
        }
        for (index, id) in nodes.iter().enumerate() {
            let is_move = matches!(group.operations[index], Operation::Move { .. });
            judge(self.workspace, *id, is_move).map_err(|fault| (index, fault))?;
        }
        if self.workspace.is_over_quota(used_before) {
            let brings = |operation: &Operation| {
                operation.file_content().is_some() || matches!(operation, Operation::Copy { .. })
            };
            let index = group.operations.iter().rposition(brings).unwrap_or(0);
            return Err((index, Fault::new(Refusal::Quota)));
        }
        let revision = |id: NodeId| self.workspace.node(id).map(|row| row.revision);
        let none = Revision { placement: Seq(0), version: Seq(0) };
        Ok(nodes.into_iter().map(|node| Applied { node, revision: revision(node).unwrap_or(none) }).collect())
    }

    /// Applies one operation; says which node it made or changed.
    fn apply(&mut self, operation: &Operation) -> Result<NodeId, Fault> {
        match operation {
            Operation::Create { temporary, parent, name, content, executable, mtime } => {
                let parent = self.directory(*parent, name)?;
                self.check_content(content)?;
                let id = self.temporary(*temporary)?;
                let state = State::new(content, *executable, *mtime);
                self.workspace.create(id, (parent, name.clone()), &state, Origin::COMMIT);
                Ok(id)
            }
            Operation::Update { node, base, content, executable, mtime } => {
                self.based(*node, *base, |revision| revision.version, Some(content.kind()))?;
                self.check_content(content)?;
                let state = State::new(content, *executable, *mtime);
                self.workspace.update(*node, &state, Origin::COMMIT);
                Ok(*node)
            }
            Operation::Attributes { node, base, executable, mtime } => {
                let row = self.based(*node, *base, |revision| revision.version, Some(Kind::File))?;
                let state = State::new(&row.content, *executable, *mtime);
                self.workspace.update(*node, &state, Origin::ATTRIBUTES);
                Ok(*node)
            }
            Operation::Move { node, base, parent, name } => {
                self.based(*node, *base, |revision| revision.placement, None)?;
                let parent = self.directory(*parent, name)?;
                self.workspace.place(*node, parent, name);
                Ok(*node)
            }
            Operation::Remove { node, base } => {
                let row = self.based(*node, base.placement, |revision| revision.placement, None)?;
                if row.revision.version != base.version {
                    return Err(Fault::with(Refusal::Stale, row));
                }
                self.workspace.remove(*node);
                Ok(*node)
            }
            Operation::Copy { temporary, source, version, parent, name } => {
                let parent = self.directory(*parent, name)?;
                let (state, of) = self.copied(*source, *version)?;
                let id = self.temporary(*temporary)?;
                let origin = Origin { origin: VersionOrigin::Copy, of: Some(of) };
                self.workspace.create(id, (parent, name.clone()), &state, origin);
                Ok(id)
            }
        }
    }

    fn temporary(&self, temporary: u32) -> Result<NodeId, Fault> {
        self.temporaries.get(&temporary).copied().flatten().ok_or_else(|| Fault::new(Refusal::Dependency))
    }

    /// The directory something goes to. Whether it lives is judged at the end of the group.
    fn directory(&self, parent: NodeRef, name: &Name) -> Result<NodeId, Fault> {
        check_name(name, self.workspace.limits().name_bytes)?;
        match parent {
            NodeRef::Temporary(temporary) => self.temporary(temporary),
            NodeRef::Id(id) if self.workspace.node(id).is_none() => Err(Fault::new(Refusal::Gone)),
            NodeRef::Id(id) => Ok(id),
        }
    }

    /// The node, if it is still as the caller knew it: alive, of this kind, and with `half` of its revision at `base`.
    fn based(
        &self,
        id: NodeId,
        base: Seq,
        half: impl Fn(Revision) -> Seq,
        kind: Option<Kind>,
    ) -> Result<&NodeRow, Fault> {
        if id == NodeId::ROOT {
            return Err(Fault::new(Refusal::Forbidden));
        }
        let row = self.workspace.node(id).ok_or_else(|| Fault::new(Refusal::Gone))?;
        if row.deleted {
            return Err(Fault::with(Refusal::Gone, row));
        }
        // A node never changes its kind: whoever takes it for another kind means another node.
        let is_of_kind = kind.is_none_or(|kind| row.content.kind() == kind);
        if half(row.revision) != base || !is_of_kind || kind == Some(Kind::Directory) {
            return Err(Fault::with(Refusal::Stale, row));
        }
        Ok(row)
    }

    fn check_content(&mut self, content: &Content) -> Result<(), Fault> {
        match content {
            Content::Directory => Ok(()),
            Content::Link { target } => match target.len() {
                1..=LINK_BYTES_MAX if !target.contains(&0) => Ok(()),
                _ => Err(Fault::new(Refusal::BadName)),
            },
            Content::File { size, .. } if *size > self.workspace.limits().file_bytes => {
                Err(Fault::new(Refusal::TooLarge))
            }
            Content::File { id, size } => {
                self.contents.check(*id, *size).map_err(Fault::new)?;
                self.contents.note_used(*id);
                Ok(())
            }
        }
    }

    /// What a copy takes: the state of a version, and its number.
    fn copied(
        &self,
        source: NodeId,
        version: Option<VersionNumber>,
    ) -> Result<(State, VersionNumber), Fault> {
        let row = self.workspace.node(source).ok_or_else(|| Fault::new(Refusal::Gone))?;
        // What retention has let go of may be collected already: nothing names its bytes.
        if row.content.is_directory() || row.purged {
            return Err(Fault::with(Refusal::Gone, row));
        }
        match version {
            None => Ok((State::new(&row.content, row.executable, row.mtime), row.version)),
            Some(number) if number == row.version => {
                Ok((State::new(&row.content, row.executable, row.mtime), number))
            }
            Some(number) => match self.copies.get(&(source, number)) {
                Some(old) => Ok((State::new(&old.content, old.executable, old.mtime), number)),
                None => Err(Fault::with(Refusal::Gone, row)),
            },
        }
    }
}

/// Judges a node that the group has touched by the group's final state.
pub(crate) fn judge(workspace: &mut Workspace, id: NodeId, is_move: bool) -> Result<(), Fault> {
    let Some(row) = workspace.node(id) else { return Ok(()) };
    if row.deleted {
        let is_empty = workspace.children(id) == 0;
        return if is_empty { Ok(()) } else { Err(Fault::with(Refusal::Stale, row)) };
    }
    let (parent, own) = (row.parent, row.name.as_str().len() as u64);
    let is_directory = row.content.is_directory();
    let Some(directory) = workspace.node(parent) else { return Err(Fault::new(Refusal::Gone)) };
    if !directory.content.is_directory() {
        return Err(Fault::with(Refusal::BadName, directory));
    }
    if directory.deleted {
        return Err(Fault::with(Refusal::Gone, directory));
    }
    if let Some(rival) = workspace.rival(row) {
        return Err(Fault::with(Refusal::NameTaken, rival));
    }
    let Ok(above) = workspace.path_bytes(parent) else {
        let stale = workspace.node(parent).map(|row| Fault::with(Refusal::Stale, row));
        return Err(stale.unwrap_or_else(|| Fault::new(Refusal::Stale)));
    };
    let below = if is_move && is_directory { workspace.deepest(id) } else { 0 };
    if above + own + below > workspace.limits().path_bytes {
        return Err(Fault::new(Refusal::BadName));
    }
    Ok(())
}

fn temporary(operation: &Operation) -> Option<u32> {
    match operation {
        Operation::Create { temporary, .. } | Operation::Copy { temporary, .. } => Some(*temporary),
        _ => None,
    }
}

fn check_name(name: &Name, bytes_max: u64) -> Result<(), Fault> {
    let text = name.as_str();
    let is_own = text.eq_ignore_ascii_case(OWN_DIRECTORY);
    if text.is_empty() || text.len() as u64 > bytes_max || is_own {
        return Err(Fault::new(Refusal::BadName));
    }
    Ok(())
}

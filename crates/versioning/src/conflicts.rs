//! Conflict copies of a folder, each with the winner beside it, and the three ways to settle one.
//!
//! A copy is told by its name alone ([`ConflictCopy`]): that is all that is left once it has been uploaded. A settlement is
//! an ordinary commit, based on the two nodes as the person saw them.

use crate::Error;
use crate::access::recheck;
use crate::history::path;
use metadata::folder::Folder;
use metadata::node::NodeRow;
use metadata::{Database, Snapshot, read};
use model::conflict::{ConflictCopy, numbered};
use model::permit::Read;
use model::{Action, Group, Name, NodeId, NodeRef, Operation, Permit, Seq, Timestamp};
use std::collections::HashMap;

/// How many ids of nodes are looked through at a time.
const IDS_AT_ONCE: u64 = 200_000;
/// How a conflict copy's name begins to say so.
const NOTE: &str = " (conflict, ";
/// How many names are tried for a copy that is kept.
const NAMES_TRIED: u32 = 100;

/// A conflict copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The copy.
    pub copy: NodeRow,
    /// What its name says.
    pub says: ConflictCopy,
    /// The names of its directory, from the root down.
    pub directory: Vec<Name>,
    /// The node that has the name that both wanted, if one has it.
    pub winner: Option<NodeRow>,
}

/// Conflict copies by id after one of them, and from where to go on if there may be more: the last id that was looked at.
///
/// # Errors
/// `Denied`, `Database`.
pub fn conflicts(
    database: &dyn Database,
    permit: Permit<Read>,
    after: NodeId,
    limit: usize,
    now: Timestamp,
) -> Result<(Vec<Conflict>, Option<NodeId>), Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::List, now)?;
        let last = folder.counters.next_node.0.saturating_sub(1);
        let to = after.0.saturating_add(IDS_AT_ONCE).min(last);
        let rows = snapshot.nodes_with(folder.id, NOTE, after, NodeId(to), limit)?;
        let next = match rows.last() {
            Some(row) if rows.len() == limit => Some(row.id),
            _ if to < last => Some(NodeId(to)),
            _ => None,
        };
        Ok((with_winners(snapshot, &folder, rows)?, next))
    })
}

fn with_winners(
    snapshot: &dyn Snapshot,
    folder: &Folder,
    rows: Vec<NodeRow>,
) -> metadata::Result<Vec<Conflict>> {
    let copies: Vec<(NodeRow, ConflictCopy)> =
        rows.into_iter().filter_map(|row| ConflictCopy::of(&row.name).map(|says| (row, says))).collect();
    let place = |row: &NodeRow, says: &ConflictCopy| (row.parent, folder.names.key(&says.original));
    let places: Vec<_> = copies.iter().map(|(row, says)| place(row, says)).collect();
    let winners = snapshot.nodes_named(folder.id, &places)?;
    let winners: HashMap<_, _> =
        winners.into_iter().map(|row| ((row.parent, row.name_key.clone()), row)).collect();
    let parents: Vec<NodeId> = copies.iter().map(|(row, _)| row.parent).collect();
    let above = snapshot.nodes_and_ancestors(folder.id, &parents)?;
    let conflict = |(copy, says): (NodeRow, ConflictCopy)| Conflict {
        winner: winners.get(&place(&copy, &says)).cloned(),
        directory: path(&above, copy.parent),
        says,
        copy,
    };
    Ok(copies.into_iter().map(conflict).collect())
}

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The copy takes the winner's place: its content becomes the winner's newest version.
    KeepCopy,
    /// Both stay, the copy under an ordinary name.
    KeepBoth,
    /// The copy goes to the trash.
    KeepWinner,
}

/// What a person saw of a conflict: the newest numbers of the copy and of the winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The copy.
    pub copy: NodeId,
    /// Its newest number.
    pub copy_seq: Seq,
    /// The winner's newest number, if there was a winner.
    pub winner_seq: Option<Seq>,
}

/// The group of operations that settles a conflict; none if it is not as it was seen any more.
///
/// # Errors
/// `Denied`, `NotFound` (no such copy), `Invalid` (a directory, or two of different kinds), `Database`.
pub fn settle(
    database: &dyn Database,
    permit: Permit<Read>,
    seen: Seen,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Option<Group>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::List, now)?;
        let rows = snapshot.nodes(folder.id, &[seen.copy])?;
        let living = rows.into_iter().filter(|row| !row.deleted).collect();
        let found = with_winners(snapshot, &folder, living)?.pop().ok_or(Error::NotFound("conflict copy"))?;
        let winner_seq = found.winner.as_ref().map(|winner| winner.seq);
        if found.copy.seq != seen.copy_seq || winner_seq != seen.winner_seq {
            return Ok(None);
        }
        let operations = match settlement {
            Settlement::KeepCopy => replace(&found)?,
            Settlement::KeepBoth => vec![rename(&found.copy, free_name(snapshot, &folder, &found)?)],
            Settlement::KeepWinner => vec![remove(&found.copy)],
        };
        Ok(Some(Group { operations }))
    })
}

fn replace(found: &Conflict) -> Result<Vec<Operation>, Error> {
    let Some(winner) = &found.winner else {
        return Ok(vec![rename(&found.copy, found.says.original.clone())]);
    };
    if found.copy.content.is_directory() || found.copy.content.kind() != winner.content.kind() {
        return Err(Error::Invalid("only a file or a link can take the place of another one"));
    }
    let update = Operation::Update {
        node: winner.id,
        base: winner.revision.version,
        content: found.copy.content.clone(),
        executable: found.copy.executable,
        mtime: found.copy.mtime,
    };
    Ok(vec![update, remove(&found.copy)])
}

fn rename(copy: &NodeRow, name: Name) -> Operation {
    let (node, base) = (copy.id, copy.revision.placement);
    Operation::Move { node, base, parent: NodeRef::Id(copy.parent), name }
}

fn remove(copy: &NodeRow) -> Operation {
    Operation::Remove { node: copy.id, base: copy.revision }
}

/// The name that both wanted, or one like it.
fn free_name(snapshot: &dyn Snapshot, folder: &Folder, found: &Conflict) -> Result<Name, Error> {
    let original = &found.says.original;
    let mut names = (1..NAMES_TRIED).map(|number| match number {
        1 => original.clone(),
        number => numbered(original, number),
    });
    let taken = |name: &Name| snapshot.nodes_named(folder.id, &[(found.copy.parent, folder.names.key(name))]);
    names
        .find_map(|name| match taken(&name) {
            Ok(rows) if rows.is_empty() => Some(Ok(name)),
            Ok(_) => None,
            Err(error) => Some(Err(error.into())),
        })
        .unwrap_or(Err(Error::NameTaken))
}

//! Rows of the `node` table: reading them, and writing many with few statements.

use crate::codec;
use model::{Handle, NameRule, NodeId, NodeKey, NodeState, Revision, Seq};
use planner::{Tree, Triple};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sync_engine::{Frozen, Memory, Row, StoreError};

pub(crate) const COLUMNS: &str =
    "key, id, placement, version, s, r_mode, r, l_mode, l, handle, disk, frozen, reason";
const WRITTEN: usize = 20;
/// How many rows one statement writes: as many as there are at a time, in pieces of these sizes.
const BATCHES: [usize; 3] = [256, 16, 1];

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}

/// Reads a row selected as [`COLUMNS`].
pub(crate) fn read(row: &rusqlite::Row<'_>) -> Result<(NodeKey, Row), StoreError> {
    let get = |index: usize| row.get_ref(index).map_err(failed);
    let number = |index: usize| -> Result<Option<u64>, StoreError> {
        Ok(get(index)?
            .as_i64_or_null()
            .map_err(|error| StoreError(error.to_string()))?
            .map(i64::cast_unsigned))
    };
    let blob = |index: usize| -> Result<Option<&[u8]>, StoreError> {
        get(index)?.as_blob_or_null().map_err(|error| StoreError(error.to_string()))
    };
    let key = NodeKey(number(0)?.unwrap_or_default());
    let synced = blob(4)?.map(codec::read_state).transpose()?;
    let tree = |mode: usize, state: usize| -> Result<Option<NodeState>, StoreError> {
        match number(mode)? {
            Some(0) => Ok(synced.clone()),
            Some(1) => blob(state)?.map(codec::read_state).transpose(),
            _ => Ok(None),
        }
    };
    let (remote, local) = (tree(5, 6)?, tree(7, 8)?);
    let disk = match (blob(9)?, blob(10)?) {
        (Some(handle), Some(disk)) => Some(codec::read_disk(handle.to_vec(), disk)?),
        _ => None,
    };
    let revision = match (number(2)?, number(3)?) {
        (Some(placement), Some(version)) => {
            Some(Revision { placement: Seq(placement), version: Seq(version) })
        }
        _ => None,
    };
    let memory = Memory { id: number(1)?.map(NodeId), revision, disk, frozen: number(12)?.and_then(reason) };
    let frozen = number(11)?.is_some_and(|frozen| frozen > 0);
    Ok((key, Row { triple: Triple { synced, remote, local, frozen }, extra: memory }))
}

fn reason(number: u64) -> Option<Frozen> {
    [
        Frozen::Unreadable,
        Frozen::Unwritable,
        Frozen::NameNotPossible,
        Frozen::KindNotPossible,
        Frozen::Excluded,
    ]
    .into_iter()
    .find(|reason| *reason as u64 == number)
}

/// Writes rows in place of the old ones.
pub(crate) fn write(
    connection: &Connection,
    rule: NameRule,
    rows: &[(NodeKey, &Row)],
) -> Result<(), StoreError> {
    let mut rest = rows;
    for size in BATCHES {
        while rest.len() >= size {
            let (batch, behind) = rest.split_at(size);
            rest = behind;
            let one = format!("({})", vec!["?"; WRITTEN].join(","));
            let sql = format!("INSERT OR REPLACE INTO node VALUES {}", vec![one; size].join(","));
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let values = batch.iter().flat_map(|(key, row)| values(rule, *key, row));
            statement.execute(params_from_iter(values)).map_err(failed)?;
        }
    }
    Ok(())
}

fn values(rule: NameRule, key: NodeKey, row: &Row) -> [Value; WRITTEN] {
    let number = |value: u64| Value::Integer(value.cast_signed());
    let optional = |value: Option<u64>| value.map_or(Value::Null, number);
    let Row { triple, extra } = row;
    let place = |state: Option<&NodeState>| match state {
        Some(state) => [
            number(state.parent.0),
            Value::Text(rule.key(&state.name).0.into()),
            Value::Blob(codec::write_state(state)),
        ],
        None => [Value::Null, Value::Null, Value::Null],
    };
    let side = |state: Option<&NodeState>| match state {
        None => (2, place(None)),
        same if same == triple.synced.as_ref() => (0, place(None)),
        other => (1, place(other)),
    };
    let [s_parent, s_name, s] = place(triple.synced.as_ref());
    let (r_mode, [r_parent, r_name, r]) = side(triple.remote.as_ref());
    let (l_mode, [l_parent, l_name, l]) = side(triple.local.as_ref());
    let disk = extra.disk.as_ref().filter(|_| triple.local.is_some());
    [
        number(key.0),
        optional(extra.id.map(|id| id.0)),
        optional(extra.revision.map(|revision| revision.placement.0)),
        optional(extra.revision.map(|revision| revision.version.0)),
        s_parent,
        s_name,
        s,
        Value::Integer(r_mode),
        r_parent,
        r_name,
        r,
        Value::Integer(l_mode),
        l_parent,
        l_name,
        l,
        disk.map_or(Value::Null, |disk| Value::Blob(handle_bytes(&disk.handle))),
        disk.map_or(Value::Null, |disk| Value::Blob(codec::write_disk(disk))),
        Value::Integer(frozen_mark(triple)),
        extra.frozen.map_or(Value::Null, |reason| Value::Integer(reason as i64)),
        Value::Integer(dirty(triple)),
    ]
}

/// The values of the column `dirty`, but for 0.
pub(crate) const CHANGED: i64 = 1;

pub(crate) fn new_on(tree: Tree) -> i64 {
    if tree == Tree::Local { 2 } else { 3 }
}

fn dirty(triple: &Triple) -> i64 {
    match triple.new_on() {
        Some(tree) => new_on(tree),
        None if triple.is_dirty() => CHANGED,
        None => 0,
    }
}

/// 1: frozen and to be told; 2: frozen, but known on the local side only.
fn frozen_mark(triple: &Triple) -> i64 {
    match triple.frozen {
        false => 0,
        true if triple.synced.is_some() || triple.remote.is_some() => 1,
        true => 2,
    }
}

pub(crate) fn handle_bytes(handle: &Handle) -> Vec<u8> {
    handle.0.to_vec()
}

//! Names that hold a text.
//!
//! The living names of a folder stand in an index by directory and key; it is walked without touching the nodes themselves,
//! which only what fits is looked up for. So a search costs nothing while files are written, which happens much more
//! often than searching. A walk is bounded by the caller and goes on from where it stopped.

use crate::node::{columns, kind_number, node};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::node::{NamePlace, NameSearch, NamesFound};
use model::{FolderId, NameKey, NodeId};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};

/// Makes `folded(text)` known to a connection: for folders whose keys are the names themselves.
pub(crate) fn load(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("folded", 1, flags, |context| {
        Ok(model::name::fold(context.get_raw(0).as_str()?))
    })
}

pub(crate) fn names(
    session: &Session,
    folder: FolderId,
    search: &NameSearch,
    after: Option<&NamePlace>,
    look: u64,
    limit: usize,
) -> Result<NamesFound> {
    let (parent, key) = after.map_or((0, ""), |(parent, key)| (parent.0.cast_signed(), &*key.0));
    let folder = folder.0.cast_signed();
    let last = session.query(
        "search_names",
        "SELECT parent, name_key FROM node INDEXED BY node_by_name
         WHERE folder = ?1 AND deleted = 0 AND (parent, name_key) > (?2, ?3)
         ORDER BY parent, name_key LIMIT 1 OFFSET ?4",
        params![folder, parent, key, (look.max(1) - 1).cast_signed()],
        |row| Ok((NodeId(row.number(0)?), NameKey(row.get(1)?))),
    )?;
    let last = last.into_iter().next();
    // No name is as long as this, and no id as big.
    let (to_parent, to_key) =
        last.as_ref().map_or((i64::MAX, ""), |(parent, key)| (parent.0.cast_signed(), &*key.0));
    let kind = search.kind.map(kind_number);
    let nodes = session.query(
        "search_names",
        concat!(
            "SELECT ",
            columns!(),
            " FROM node k INDEXED BY node_by_name CROSS JOIN node n ON n.folder = ?1 AND n.id = k.id
             WHERE k.folder = ?1 AND k.deleted = 0 AND (k.parent, k.name_key) > (?2, ?3)
             AND (k.parent, k.name_key) <= (?4, ?5)
             AND instr(CASE WHEN ?6 THEN folded(k.name_key) ELSE k.name_key END, ?7) > 0
             AND (?8 IS NULL OR n.kind = ?8) AND n.size >= ?9 AND n.mtime >= ?10
             ORDER BY k.parent, k.name_key LIMIT ?11"
        ),
        params![
            folder,
            parent,
            key,
            to_parent,
            to_key,
            search.exact,
            search.text,
            kind,
            search.size_min.cast_signed(),
            search.modified_since.map_or(i64::MIN, |since| since.0),
            limit as i64
        ],
        node,
    )?;
    let next = match nodes.last() {
        Some(found) if nodes.len() == limit => Some((found.parent, found.name_key.clone())),
        _ => last,
    };
    Ok(NamesFound { nodes, next })
}

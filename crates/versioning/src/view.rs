//! Views of folders: kept for the devices that ask for them, and the journal as it looks through one.
//!
//! A view is named by the hash of its spelling, so that the same view is one row whoever asks for it. Rows are a
//! convenience: one that is gone is asked for again. What the journal looks like through a view is [`changes`].

pub mod changes;
mod evaluate;
mod walk;

use crate::Error;
use crate::access::recheck;
use metadata::view::ViewRow;
use metadata::{Database, Snapshot, read, write};
use model::permit::Read;
use model::{Action, FolderId, NameRule, NodeId, Permit, RelativePath, Timestamp, View, ViewId};

/// The most views of one folder that one device has; the least recently used make room.
pub const VIEWS_MAX: usize = 64;
const DAY_NS: i64 = 86_400_000_000_000;
/// How long a view is kept without being used.
const KEPT_NS: i64 = 180 * DAY_NS;

/// A view to be kept.
#[derive(Debug)]
pub struct Register {
    /// Who may see the folder.
    pub permit: Permit<Read>,
    /// The view.
    pub view: View,
    /// From the view's root down to the directory that is to be its root instead.
    pub directory: RelativePath,
    /// Names a spelling.
    pub name: fn(&[u8]) -> ViewId,
    /// When.
    pub now: Timestamp,
}

/// Keeps a view. Gives its name and its root.
///
/// # Errors
/// `NotFound` if the directory is not there, `ViewGone` if the root itself is not, `Denied`, `Database`.
pub fn register(database: &dyn Database, register: Register) -> Result<(ViewId, NodeId), Error> {
    let Register { permit, mut view, directory, name, now } = register;
    write(database, move |transaction| {
        let folder = recheck(transaction.as_snapshot(), &permit, Action::List, now)?;
        let rule = folder.names;
        view.root = descend(transaction.as_snapshot(), folder.id, rule, view.root, &directory)?;
        let spelling = view.spelling();
        let id = name(&spelling);
        let who = permit.principal();
        let row =
            ViewRow { id, folder: folder.id, user: who.user, device: who.device, spelling, used_at: now };
        transaction.put_view(&row)?;
        let mut held = transaction.views_of(folder.id, who.user, who.device)?;
        held.retain(|other| *other != id);
        if let Some(surplus) = held.get(VIEWS_MAX - 1..) {
            transaction.delete_views(folder.id, surplus)?;
        }
        Ok((id, view.root))
    })
}

/// The living directory at a path below another.
fn descend(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    rule: NameRule,
    from: NodeId,
    path: &RelativePath,
) -> Result<NodeId, Error> {
    let mut at = from;
    for name in path.names() {
        let found = snapshot.nodes_named(folder, &[(at, rule.key(name))])?;
        at = found.first().ok_or(Error::NotFound("directory"))?.id;
    }
    let found = snapshot.nodes(folder, &[at])?;
    let living = found.first().is_some_and(|row| !row.deleted && row.content.is_directory());
    match living {
        true => Ok(at),
        false if path.is_root() => Err(Error::ViewGone),
        false => Err(Error::NotFound("directory")),
    }
}

/// The view of this name, and notes that it was used.
///
/// # Errors
/// `UnknownView`, `Denied`, `Database`.
pub fn find(
    database: &dyn Database,
    permit: &Permit<Read>,
    id: ViewId,
    now: Timestamp,
) -> Result<View, Error> {
    let folder = permit.folder();
    let row = read::<_, Error>(database, move |snapshot| Ok(snapshot.view(folder, id)?))?;
    let row = row.ok_or(Error::UnknownView)?;
    let view = View::of_spelling(&row.spelling).ok_or(Error::UnknownView)?;
    // A pull is a read, but for one a day.
    if now.0.saturating_sub(row.used_at.0) > DAY_NS {
        write::<_, Error>(database, move |transaction| {
            // Unless it was taken away in between.
            if transaction.view(folder, id)?.is_some() {
                transaction.put_view(&ViewRow { used_at: now, ..row })?;
            }
            Ok(())
        })?;
    }
    Ok(view)
}

/// Forgets views that were not used for long. Gives how many.
///
/// # Errors
/// `Database`.
pub fn forget_unused(database: &dyn Database, now: Timestamp) -> Result<u64, Error> {
    let before = Timestamp(now.0.saturating_sub(KEPT_NS));
    write(database, move |transaction| Ok(transaction.delete_views_before(before)?))
}

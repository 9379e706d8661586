//! What strangers put in.
//!
//! A file comes in as a new node of the directory and never as anything else: a name that is taken gets a number. It passes the
//! same way as every commit, so that quota, history and journal are as for others; its author is the link.

use super::recheck;
use crate::commit::{Changes, apply};
use crate::{Authors, Error, Manifest};
use metadata::folder::Folder;
use metadata::{Database, Snapshot, read, write};
use model::location::Located;
use model::name::NAME_BYTES_MAX;
use model::permit::Write;
use model::{
    Action, Content, Group, GroupOutcome, IdempotencyKey, Limits, LinkDenied, LinkPermit, Name, NameKey,
    NodeId, NodeRef, Operation, Refusal, Seq, Timestamp,
};
use std::collections::HashSet;

/// How many names are tried.
const NAMES: u32 = 1_000;

/// A file that has come whole; its chunks are in the chunk store and durable.
#[derive(Debug)]
pub struct Received {
    /// By which link, and where.
    pub permit: LinkPermit<Write>,
    /// What it is called where it comes from.
    pub name: Name,
    /// What it holds.
    pub content: Content,
    /// The manifest, if it has several chunks.
    pub manifest: Option<Manifest>,
    /// Where its chunks lie.
    pub received: Vec<Located>,
    /// A key that nobody else uses.
    pub key: IdempotencyKey,
    /// What the server takes.
    pub limits: Limits,
    /// Now.
    pub now: Timestamp,
}

/// A file that was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its node.
    pub node: NodeId,
    /// The name it got.
    pub name: Name,
    /// The folder's newest number before and after it.
    pub numbers: (Seq, Seq),
}

/// How many bytes there is room for, as far as quotas say, before any of them has come; none: as many as may be.
///
/// # Errors
/// `Link`, `Database`.
pub fn room(
    database: &dyn Database,
    permit: LinkPermit<Write>,
    now: Timestamp,
) -> Result<Option<u64>, Error> {
    read(database, move |snapshot| {
        let (_, folder) = recheck(snapshot, &permit, Action::Write, now)?;
        let of_folder =
            folder.settings.quota_bytes.map(|quota| quota.saturating_sub(folder.counters.used_bytes));
        let owner = match folder.settings.owner {
            Some(owner) => snapshot.user(owner)?,
            None => None,
        };
        let of_owner = owner.and_then(|user| Some(user.quota_bytes?.saturating_sub(user.used_bytes)));
        Ok(of_folder.into_iter().chain(of_owner).min())
    })
}

/// Puts a file in.
///
/// # Errors
/// `Link`, `NameTaken` (a thousand names are), `Quota`, `Invalid`, `Database`.
pub fn receive(database: &dyn Database, file: Received) -> Result<Kept, Error> {
    write(database, move |transaction| {
        let Received { permit, name, content, manifest, received, key, limits, now } = file;
        let (link, folder) = recheck(transaction.as_snapshot(), &permit, Action::Write, now)?;
        if !transaction.use_link(link.id, now)? {
            return Err(LinkDenied::Hidden.into());
        }
        let name = free_name(transaction.as_snapshot(), &folder, permit.node(), &name)?;
        let create = Operation::Create {
            temporary: 0,
            parent: NodeRef::Id(permit.node()),
            name: name.clone(),
            content,
            executable: false,
            mtime: now,
        };
        let changes = Changes {
            key,
            digest: [0; 32],
            groups: vec![Group { operations: vec![create] }],
            authors: Authors::Caller,
            manifests: manifest.into_iter().collect(),
            received,
            limits,
            now,
        };
        let committed = apply(transaction, folder, permit.author(), changes)?;
        let numbers = (committed.before(), committed.head);
        match committed.outcomes.first() {
            Some(GroupOutcome::Applied(applied)) if !applied.is_empty() => {
                Ok(Kept { node: applied[0].node, name, numbers })
            }
            Some(GroupOutcome::Refused { reason: Refusal::Quota, .. }) => Err(Error::Quota),
            _ => Err(Error::Invalid("the folder does not take the file")),
        }
    })
}

/// The name, or the first of `stem (2).ext`, `stem (3).ext` … that nothing in the directory has.
fn free_name(
    snapshot: &dyn Snapshot,
    folder: &Folder,
    directory: NodeId,
    name: &Name,
) -> Result<Name, Error> {
    let key = |name: &Name| (directory, folder.names.key(name));
    if snapshot.nodes_named(folder.id, &[key(name)])?.is_empty() {
        return Ok(name.clone());
    }
    let candidates: Vec<Name> = (2..=NAMES).filter_map(|number| numbered(name, number)).collect();
    let places: Vec<(NodeId, NameKey)> = candidates.iter().map(key).collect();
    let taken: HashSet<NameKey> =
        snapshot.nodes_named(folder.id, &places)?.into_iter().map(|row| row.name_key).collect();
    let free = candidates.into_iter().zip(&places).find(|(_, (_, key))| !taken.contains(key));
    free.map(|(name, _)| name).ok_or(Error::NameTaken)
}

fn numbered(name: &Name, number: u32) -> Option<Name> {
    let text = name.as_str();
    let dot = text.rfind('.').filter(|at| *at > 0 && text.len() - at <= 20);
    let (stem, extension) = text.split_at(dot.unwrap_or(text.len()));
    let mark = format!(" ({number})");
    let room = NAME_BYTES_MAX.saturating_sub(mark.len() + extension.len());
    let stem = &stem[..stem.floor_char_boundary(room)];
    Name::new(&format!("{stem}{mark}{extension}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> String {
        numbered(&Name::new(text).unwrap(), 2).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_number_stands_before_the_extension_and_fits() {
        assert_eq!(second("photo.jpg"), "photo (2).jpg");
        assert_eq!(second("notes"), "notes (2)");
        assert_eq!(second(".profile"), ".profile (2)");
        let long = second(&format!("{}.jpg", "\u{e9}".repeat(125)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with(" (2).jpg"), "{long}");
    }
}

//! What every engine must do, as functions that panic if it does not. An adapter's tests call [`check_all`] with
//! something that opens a new, empty database each time.

mod accounts;
mod contents;
mod growth;
mod links;
mod log;
mod nodes;
mod retention;
mod units;
mod views;

use crate::folder::{FolderKind, FolderSettings, NewFolder};
use crate::node::NodeRow;
use crate::{Database, Error, Result, Snapshot, Transaction};
use model::{
    Content, ContentId, FolderId, Name, NameKey, NameRule, NodeId, Revision, Seq, Timestamp, VersionNumber,
};

/// Opens an empty database.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn Database>;

/// Every check.
pub fn check_all(open: Open<'_>) {
    units::check(open);
    nodes::check(open);
    retention::check(open);
    contents::check(open);
    accounts::check(open);
    log::check(open);
    growth::check(open);
    views::check(open);
    links::check(open);
}

/// Writes, and expects that it succeeds.
fn write<T: Send + 'static>(
    database: &dyn Database,
    work: impl FnOnce(&dyn Transaction) -> Result<T> + Send + 'static,
) -> T {
    match crate::write::<T, Error>(database, work) {
        Ok(value) => value,
        Err(error) => panic!("the unit failed: {error}: {:?}", std::error::Error::source(&error)),
    }
}

/// Reads, and expects that it succeeds.
fn read<T: Send + 'static>(
    database: &dyn Database,
    work: impl FnOnce(&dyn Snapshot) -> Result<T> + Send + 'static,
) -> T {
    match crate::read::<T, Error>(database, work) {
        Ok(value) => value,
        Err(error) => panic!("the unit failed: {error}: {:?}", std::error::Error::source(&error)),
    }
}

fn key(text: &str) -> NameKey {
    NameKey(text.into())
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the suite's names are names")
}

/// A folder to be made.
fn new_folder(text: &str) -> NewFolder {
    NewFolder {
        kind: FolderKind::Shared,
        names: NameRule::Portable,
        settings: FolderSettings {
            name: text.to_owned(),
            name_key: key(&text.to_lowercase()),
            owner: None,
            quota_bytes: None,
            keep_versions: 32,
            keep_days: None,
            plain_directory: None,
        },
        at: Timestamp(5),
    }
}

/// A folder, made.
fn folder(database: &dyn Database) -> FolderId {
    write(database, |transaction| transaction.create_folder(&new_folder("Docs")))
}

/// A file of a folder; all of its numbers are `seq`.
fn file(id: u64, parent: u64, text: &str, seq: u64) -> NodeRow {
    NodeRow {
        id: NodeId(id),
        parent: NodeId(parent),
        name: name(text),
        name_key: NameRule::Portable.key(&name(text)),
        content: Content::File { id: ContentId([id as u8; 32]), size: id * 10 },
        executable: id.is_multiple_of(2),
        mtime: Timestamp(-1),
        version: VersionNumber(1),
        revision: Revision { placement: Seq(seq), version: Seq(seq) },
        seq: Seq(seq),
        subtree_seq: Seq(seq),
        deleted: false,
        purged: false,
    }
}

/// The same as a directory.
fn directory(id: u64, parent: u64, text: &str, seq: u64) -> NodeRow {
    NodeRow {
        content: Content::Directory,
        executable: false,
        mtime: Timestamp(0),
        version: VersionNumber(0),
        ..file(id, parent, text, seq)
    }
}

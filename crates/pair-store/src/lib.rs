//! A pair's memory on SQLite: [`sync_engine::PairStore`] for clients and servers alike.
//!
//! One file a pair, used by one process ([`SqliteStore::open`] takes an exclusive lock). A transaction is open from
//! the first change to [`SqliteStore::commit`], which is durable when it returns. Rows are read in bulk into a
//! working set and written in bulk at the commit, so that the number of statements follows the number of batches,
//! never of files.
//!
//! Losing the file costs a new look at everything, never a user's file.

mod cache;
mod codec;
mod extras;
mod rows;
mod store;

pub use extras::{LoggedActivity, StoredManifest};
pub use store::SqliteStore;

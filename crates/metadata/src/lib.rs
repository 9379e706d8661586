//! Port: the versioning database — what every folder looks like and looked like, and who may see it.
//!
//! A [`Database`] runs *units of work*. A writing unit gets a [`Transaction`], runs alone, and is whole or
//! nothing: its changes are durable before its answer is given. Several waiting units may share one durable
//! commit (group commit); one that fails is rolled back alone. A reading unit gets a [`Snapshot`] that does not
//! change while it looks, and never waits for writers.
//!
//! What is read and written is grouped by concern, a pair of traits each (`Read…` for snapshots, `Write…` for
//! transactions): [`folder`], [`node`], [`placement`], [`version`], [`moment`], [`content`], [`upload`], [`operation`],
//! [`account`], [`passkey`], [`identity`], [`network`], [`audit`], [`setting`], [`throttle`], [`retention`], [`space`],
//! [`collection`], [`view`],
//! [`link`], [`activity`], [`growth`]. Methods take and
//! give many rows at once: a commit of thousands of operations must not cost a query each.
//!
//! Deliberately absent: rules. Nothing here decides whether a change is allowed (`versioning`, `auth`); the
//! engine only keeps keys unique. No clock: moments are passed in. No async runtime: [`Database::queue_write`]
//! takes a callback, [`write`] and [`read`] block.
//!
//! Engines live in crates of their own and pass `conformance`.

pub mod account;
pub mod activity;
pub mod audit;
pub mod collection;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod content;
pub mod database;
pub mod error;
pub mod folder;
pub mod growth;
pub mod identity;
pub mod link;
pub mod moment;
pub mod network;
pub mod node;
pub mod operation;
pub mod passkey;
pub mod placement;
pub mod retention;
pub mod setting;
pub mod space;
pub mod throttle;
pub mod upload;
pub mod version;
pub mod view;

pub use database::{
    Answer, Database, Figures, Keep, ReadUnit, Snapshot, Transaction, WriteUnit, read, write,
};
pub use error::{Error, ErrorKind, Result, Retry};

//! The pair: events and time in, effects out.
//!
//! A pair keeps a local side in step with a remote side. [`Engine::handle`] takes what happened (a directory was
//! listed, the server answered, a timer ran out), updates what the pair remembers, and says what to do next.
//! Hashing, disk, network and clock are the shell's; the same engine runs in the client, inside the server and in
//! the simulator.
//!
//! Invariants:
//! - what is remembered are observations and agreements, never outstanding work (but for open intents);
//! - an intent is durable before its commit is sent; after reconnecting, open intents are sent again under the same
//!   key, then the remote side is pulled, then the trees are planned;
//! - what was done is recorded before anything new is taken in;
//! - one call of `handle` is one transaction of the store: the shell commits it before it carries out the effects;
//! - a deletion on disk is believed only after a second look, never after an error.
//!
//! Start with [`event`] and [`effect`], then `engine.rs`, whose `advance` is the whole cycle.

mod activity;
pub mod effect;
mod engine;
pub mod event;
mod fault;
mod holds;
mod ingest_remote;
mod local;
pub mod memory_store;
mod one_way;
mod paths;
mod record;
mod retry;
pub mod store;
pub mod view;
mod work;

pub use effect::{
    Activity, ActivityKind, Commit, Effect, HashRequest, ListRequest, LocalAction, LocalActionKind, Send, Why,
};
pub use engine::{Engine, HIDDEN_NAME, Settings, Status};
pub use event::{
    CommitAnswer, CommitFailure, Cursor, Event, HashOutcome, HashResult, IgnoreFile, Listed, Listing,
    LocalOutcome, LookFailure, PullFailure,
};
#[doc(hidden)]
pub use fault::Fault;
pub use local::IGNORE_FILE;
pub use memory_store::MemoryStore;
pub use planner::Direction;
pub use store::{Frozen, Intent, IntentOperation, Memory, PairState, PairStore, Row, StoreError};
pub use view::PairView;

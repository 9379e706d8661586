//! Versioning over the real database and chunk store.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod changes;
mod commit;
mod counting;
mod refusals;
mod world;

//! Backups of real directories.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod creating;
mod restoring;
mod world;

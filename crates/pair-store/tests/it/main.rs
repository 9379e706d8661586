//! The store on SQLite answers like the store in ordered maps, whatever is done to both.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod same_as_memory;
mod survives;

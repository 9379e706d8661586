//! What is done to a directory without an engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod wipe;

//! Previews through the real child, and the walls around it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bombs;
mod files;
mod pictures;
mod sandbox;
mod shown;
mod world;

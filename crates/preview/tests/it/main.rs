//! Previews through the real child, and the walls around it.

mod bombs;
mod files;
mod pictures;
mod sandbox;
mod shown;
mod world;

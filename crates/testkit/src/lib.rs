//! Tree language, builders and seeded randomness for tests.
//!
//! - [`tree`]: trees as people write them; [`seed`]: randomness that a seed repeats;
//! - [`pair`], [`edit`]: a pair's memory, what is recorded when a step is done, and what people do to a tree;
//! - [`server`], [`device`], [`world`]: several devices and a server in an ideal world, to plan in;
//! - [`scenario`]: `given / do / expect`, for planner, simulator and real binaries alike.
//!
//! For tests only: mistakes of a test's author are panics or texts, not errors to handle.

pub mod device;
pub mod edit;
pub mod pair;
pub mod scenario;
pub mod seed;
pub mod server;
pub mod tree;
mod words;
pub mod world;

/// How many times as much a test with chance in it should do: the environment's `DRIFTLESS_TEST_EFFORT`, or 1.
#[must_use]
pub fn effort() -> usize {
    std::env::var("DRIFTLESS_TEST_EFFORT").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

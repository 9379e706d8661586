//! The port's tests: procedures under every interleaving, fault and crash, and the fake disk itself.

#![allow(clippy::unwrap_used, reason = "a failing test is told by its panic")]

mod conforming;
mod crashes;
mod interleavings;
mod plain;
mod world;

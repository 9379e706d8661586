//! The disk of this machine, on this machine.

#![allow(clippy::unwrap_used, reason = "a failing test is told by its panic")]

mod conforming;
mod differing;
mod escaping;
mod ground;
mod identity;
mod installing;
mod limits;
mod watching;

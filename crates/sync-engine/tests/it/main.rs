//! One engine, event by event: orders of events that whole simulations seldom meet; and against a small world in memory
//! that does what it is asked at once.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod bench;
mod holds;
mod moves;
mod permission;
mod portions;
mod views;
mod world;

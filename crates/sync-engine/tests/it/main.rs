//! One engine, event by event: orders of events that whole simulations seldom meet.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod bench;
mod permission;
mod views;

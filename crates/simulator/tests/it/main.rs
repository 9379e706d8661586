//! Short runs of the simulation: what every change must pass.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod planted;
mod scenarios;
mod short_runs;

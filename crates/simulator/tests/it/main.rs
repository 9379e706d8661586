//! Short runs of the simulation: what every change must pass.

mod planted;
mod scenarios;
mod short_runs;

//! A deterministic world: engines, a server, disks, a network and users.
//!
//! Several devices run the real engine against fake disks, over a network that delays and loses, with a server that
//! stops now and then, while users work on the disks past it all. Everything is decided by a seed; the same seed
//! gives the same trace. What must never happen is checked on the way and, once nothing goes wrong any more, at the
//! end: `quiet.rs` and `oracle.rs`.
//!
//! Where to start: [`profile`] (what kind of world), [`plan`] (what users do and what goes wrong), [`world`] (one
//! thing after another), `shell.rs` (what a real program does for its engine), `keeping.rs` (the folder's past).

mod apply;
mod choice;
mod deed;
mod device;
mod keeping;
mod ledger;
mod memory;
mod network;
mod oracle;
pub mod plan;
pub mod profile;
mod queue;
mod quiet;
mod remote;
pub mod scenario;
mod shell;
pub mod shrink;
mod trace;
mod words;
pub mod world;

pub use apply::ShellFault;
pub use deed::{Act, Deed, DeedKind};
pub use device::Counts;
pub use memory::StoreKind;
pub use plan::Plan;
pub use profile::Profile;
pub use remote::ServerFault;
pub use world::{Planted, Report, World};

/// A run of the world that a seed chooses.
#[must_use]
pub fn run_seed(seed: u64, profile: &Profile, planted: Planted, whole_trace: bool) -> Report {
    run_plan(seed, profile, Plan::of(profile, seed), planted, whole_trace)
}

/// A run with a plan that may have been made shorter.
#[must_use]
pub fn run_plan(seed: u64, profile: &Profile, plan: Plan, planted: Planted, whole_trace: bool) -> Report {
    match World::new(profile.clone(), plan, seed, planted, whole_trace) {
        Ok(world) => world.run(),
        Err(error) => Report::failed(error),
    }
}

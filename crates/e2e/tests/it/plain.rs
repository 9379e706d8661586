//! A plain directory on the server: what any program changes there reaches clients, and what clients commit appears
//! there.

mod absence;
mod attribution;
mod beside;
mod holds;
mod permission;
mod together;
mod watching;

use anyhow::Result;
use e2e::{Device, Plain, World};

/// A world with a plain directory, and a device that has what is in it.
fn start(watch: &str, fill: impl FnOnce(&std::path::Path) -> Result<()>) -> Result<(World, Plain, Device)> {
    join(World::create_plain(watch, fill)?)
}

/// The same, where server and device are held back by permissions, also when root runs the test.
fn start_unprivileged(fill: impl FnOnce(&std::path::Path) -> Result<()>) -> Result<(World, Plain, Device)> {
    join(World::create_plain_unprivileged("auto", fill)?)
}

fn join((mut world, plain): (World, Plain)) -> Result<(World, Plain, Device)> {
    let mut laptop = world.device("laptop")?;
    laptop.start()?;
    plain.settle(world.server(), &laptop, 300)?;
    Ok((world, plain, laptop))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

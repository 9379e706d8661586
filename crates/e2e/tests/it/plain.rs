//! A plain directory on the server: what any program changes there reaches clients, and what clients commit appears
//! there.

mod absence;
mod attribution;
mod holds;
mod together;
mod watching;

use anyhow::Result;
use e2e::{Device, Plain, World};

/// A world with a plain directory, and a device that has what is in it.
fn start(watch: &str, fill: impl FnOnce(&std::path::Path) -> Result<()>) -> Result<(World, Plain, Device)> {
    let (mut world, plain) = World::create_plain(watch, fill)?;
    let mut laptop = world.device("laptop")?;
    laptop.start()?;
    plain.settle(world.server(), &laptop, 120)?;
    Ok((world, plain, laptop))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

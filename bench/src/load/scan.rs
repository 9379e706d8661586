//! Very many files that are equal on both sides: A gives its tree to the server, B joins with the same tree, and then
//! nothing changes. Peers index both sides in one step; the sum of the first two is what compares with it.

use crate::options::Options;
use crate::watch::{self, Watch};
use crate::world::{World, process_of};
use crate::{figure, machine, trees};
use anyhow::Result;
use std::time::Duration;

pub(crate) fn run(options: &Options) -> Result<()> {
    let tree = trees::scan(options)?;
    let world = World::new(options)?;
    let server = world.server_process()?;
    let mut a = world.device("a", |directory| trees::copy(&tree, directory))?;
    let mut b = world.device("b", |directory| trees::copy(&tree, directory))?;

    let mut walls = Vec::new();
    for (step, device) in [("publish", &mut a), ("join", &mut b)] {
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &[server])?;
        device.start()?;
        device.wait(options.timeout)?;
        let cost = watch.cost(&world, &[server, process_of(device)?])?;
        walls.push(cost.wall);
        watch::print("scan-200k-first", step, &[cost], None)?;
    }
    figure::seconds("scan-200k-first", "wall", &[walls.iter().sum::<Duration>()])?;

    let mut costs = Vec::new();
    for _ in 0..options.repeat {
        a.stop()?;
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &[server])?;
        a.start()?;
        a.wait(options.timeout)?;
        costs.push(watch.cost(&world, &[server, process_of(&a)?])?);
    }
    watch::print("scan-200k", "", &costs, None)?;
    std::thread::sleep(Duration::from_secs_f64(options.idle_seconds / 4.0));
    watch::print_memory(
        "idle-after-200k",
        &[("server", server), ("A", process_of(&a)?), ("B", process_of(&b)?)],
    )
}

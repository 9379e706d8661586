//! Many small files.
//!
//! Two first syncs are measured, each with a server of its own: one with nobody else (durable on the server, one hop),
//! one with B running and in step before (visible on B, two hops).

use crate::options::Options;
use crate::watch::{self, Watch};
use crate::world::{World, process_of};
use crate::{figure, machine, trees};
use anyhow::Result;

const LOAD: &str = "small-initial";

pub(crate) fn run(options: &Options) -> Result<()> {
    let tree = trees::small(options)?;
    let payload = Some((options.small_files * options.small_size) as u64);

    let mut durable = Vec::new();
    let mut rescan = Vec::new();
    let mut joined = Vec::new();
    for run in 0..options.repeat {
        let world = World::new(options)?;
        let server = world.server_process()?;
        let mut a = world.device("a", |directory| trees::copy(&tree, directory))?;
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &[server])?;
        a.start()?;
        a.wait(options.timeout)?;
        durable.push(watch.cost(&world, &[server, process_of(&a)?])?);

        a.stop()?;
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &[server])?;
        a.start()?;
        a.wait(options.timeout)?;
        rescan.push(watch.cost(&world, &[server, process_of(&a)?])?);

        let mut b = world.device("b", |_| Ok(()))?;
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &[server])?;
        b.start()?;
        b.wait(options.timeout)?;
        joined.push(watch.cost(&world, &[server, process_of(&b)?])?);
        trees::compare(&tree, b.directory())?;
        if run + 1 == options.repeat {
            let roles = [("server", server), ("A", process_of(&a)?), ("B", process_of(&b)?)];
            watch::print_memory("idle-after-small", &roles)?;
        }
    }
    watch::print(LOAD, "durable", &durable, payload)?;
    let seconds: Vec<f64> = durable.iter().map(|cost| cost.wall.as_secs_f64()).collect();
    let rate = options.small_files as f64 / figure::median(&seconds).max(0.001);
    figure::print(LOAD, "rate-durable", &format!("{rate:.0}"), "files/s", "")?;
    watch::print("small-rescan", "", &rescan, None)?;
    watch::print("small-second-device", "", &joined, payload)?;
    visible(options)
}

fn visible(options: &Options) -> Result<()> {
    let tree = trees::small(options)?;
    let mut costs = Vec::new();
    for _ in 0..options.repeat {
        let world = World::new(options)?;
        let b = world.running_device("b", options)?;
        let mut a = world.device("a", |directory| trees::copy(&tree, directory))?;
        let running = [world.server_process()?, process_of(&b)?];
        machine::settle(options.quiet_wait)?;
        let watch = Watch::start(&world, &running)?;
        a.start()?;
        a.wait(options.timeout)?;
        b.wait(options.timeout)?;
        costs.push(watch.cost(&world, &[running[0], process_of(&a)?, running[1]])?);
        trees::compare(&tree, b.directory())?;
    }
    watch::print(LOAD, "visible", &costs, Some((options.small_files * options.small_size) as u64))
}

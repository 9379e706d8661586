//! A big file: sent for the first time, changed in the middle, and with an insertion near its beginning. A and B run
//! and are in step before each step.

use crate::options::Options;
use crate::watch::{self, Watch};
use crate::world::{World, process_of};
use crate::{machine, trees};
use anyhow::Result;
use e2e::device::Device;
use std::fs;
use std::path::Path;

pub(crate) fn run(options: &Options) -> Result<()> {
    let master = trees::big(options)?.join("big.bin");
    let world = World::new(options)?;
    let a = world.running_device("a", options)?;
    let b = world.running_device("b", options)?;
    let file = a.directory().join("big.bin");
    // Whole versions are written beside the synced directory and renamed into it, so that the clock does not run
    // while the benchmark itself still writes.
    let ready = world.aside().join("big.ready");

    fs::copy(&master, &ready)?;
    step(options, &world, (&a, &b), "big-initial", || rename(&ready, &file))?;
    step(options, &world, (&a, &b), "big-modify-1MiB", || trees::change_middle(&file, options.seed + 100))?;
    trees::copy_with_insertion(&file, &ready, options.seed + 101)?;
    step(options, &world, (&a, &b), "big-insert-1KiB", || rename(&ready, &file))?;

    let roles = [("server", world.server_process()?), ("A", process_of(&a)?), ("B", process_of(&b)?)];
    watch::print_memory("big-all", &roles)
}

fn step(
    options: &Options,
    world: &World,
    (a, b): (&Device, &Device),
    load: &str,
    change: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let processes = [world.server_process()?, process_of(a)?, process_of(b)?];
    machine::settle(options.quiet_wait)?;
    let watch = Watch::start(world, &processes)?;
    change()?;
    a.wait(options.timeout)?;
    let durable = watch.lap(&processes)?;
    b.wait(options.timeout)?;
    let visible = watch.cost(world, &processes)?;
    trees::compare(a.directory(), b.directory())?;
    watch::print(load, "durable", &[durable], None)?;
    watch::print(load, "visible", &[visible], None)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    Ok(fs::rename(from, to)?)
}

//! Doing nothing: memory and CPU of everybody with an empty folder.

use crate::figure;
use crate::options::Options;
use crate::watch::{self, Watch};
use crate::world::{World, process_of};
use anyhow::Result;
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn run(options: &Options) -> Result<()> {
    let world = World::new(options)?;
    let a = world.running_device("a", options)?;
    let b = world.running_device("b", options)?;
    let roles = [("server", world.server_process()?), ("A", process_of(&a)?), ("B", process_of(&b)?)];
    let processes = roles.map(|(_, process)| process);
    sleep(Duration::from_secs_f64(options.idle_seconds * 0.75));
    watch::print_memory("idle-empty", &roles)?;
    let watch = Watch::start(&world, &processes)?;
    sleep(Duration::from_secs_f64(options.idle_seconds));
    let cost = watch.cost(&world, &processes)?;
    let note = format!("over {:.0} s, all three", options.idle_seconds);
    figure::print("idle-empty", "cpu", &format!("{:.3}", cost.cpu_in_all()), "s", &note)?;
    figure::number("idle-empty", "wire", cost.wire, "bytes", &note)
}

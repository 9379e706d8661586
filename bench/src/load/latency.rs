//! One small file, from A to B: from the moment it is written until it is whole on B.

use crate::options::Options;
use crate::world::World;
use crate::{figure, trees};
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SIZE: usize = 1000;
const POLL: Duration = Duration::from_millis(1);
/// Between two files, so that each finds everybody at rest.
const PAUSE: Duration = Duration::from_millis(400);

pub(crate) fn run(options: &Options) -> Result<()> {
    let world = World::new(options)?;
    let a = world.running_device("a", options)?;
    let b = world.running_device("b", options)?;
    let mut seconds = Vec::new();
    for number in 0..options.latency_n {
        sleep(PAUSE);
        let name = format!("n{number}.txt");
        let bytes = trees::noise(options.seed, number as u64, SIZE);
        fs::write(a.directory().join(&name), &bytes)?;
        seconds.push(until_equal(&b.directory().join(&name), &bytes, options.timeout)?.as_secs_f64());
    }
    figure::medians("latency", "median", &seconds)?;
    figure::print("latency", "p95", &format!("{:.3}", figure::quantile(&seconds, 0.95)), "s", "")?;
    figure::print("latency", "max", &format!("{:.3}", figure::quantile(&seconds, 1.0)), "s", "")
}

fn until_equal(file: &Path, bytes: &[u8], timeout: u32) -> Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(timeout.into()) {
        if fs::read(file).is_ok_and(|found| found == bytes) {
            return Ok(started.elapsed());
        }
        sleep(POLL);
    }
    bail!("{} did not arrive", file.display())
}

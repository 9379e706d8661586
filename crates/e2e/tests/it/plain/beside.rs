//! What is changed in a large plain directory is on a client at once, while a compiler works elsewhere on the disk.
//!
//! One change after the other, at random places, by plain file calls; each is measured from the return of its call until
//! a linked client's own directory shows it: past the watcher, the commit, the wake, the pull and the client's disk.
//!
//! In full, with 100,000 files: `cargo build --release -p driftless`, then
//! `DRIFTLESS_BIN=$PWD/target/release/driftless cargo test -p e2e -- --ignored --nocapture among_a_hundred_thousand_files`.

use super::{is_root, start};
use anyhow::{Context as _, Result, ensure};
use e2e::process::{eventually, remark};
use e2e::{Compiler, Random};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many files a directory has.
const IN_ONE: usize = 50;

/// From when on a hundredth part is more than the slowest one.
const ENOUGH_FOR_P99: usize = 100;

/// How soon a client has nearly every change.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How much is watched, and how many changes are made there.
struct Extent {
    files: usize,
    changes: usize,
}

const SHORT: Extent = Extent { files: 5_000, changes: 60 };
const LONG: Extent = Extent { files: 100_000, changes: 300 };

fn name(number: usize) -> String {
    let directory = number / IN_ONE;
    format!("{}/{}/file-{number}", directory % 20, directory / 20)
}

fn fill(directory: &Path, files: usize) -> Result<()> {
    let mut random = Random::new(11);
    for number in 0..files {
        let path = directory.join(name(number));
        if number % IN_ONE == 0 {
            fs::create_dir_all(path.parent().context("every name has a directory")?)?;
        }
        let size = random.below(400);
        fs::write(path, random.bytes(size))?;
    }
    Ok(())
}

/// Somebody who changes one thing after the other in a directory.
struct Outside<'a> {
    plain: &'a Path,
    client: &'a Path,
    random: Random,
    names: Vec<String>,
}

impl Outside<'_> {
    /// Changes one thing; how long until the client had it.
    fn change(&mut self, number: usize) -> Result<Duration> {
        let index = self.random.below(self.names.len());
        let old = self.names[index].clone();
        let new = format!("{old}-{number}");
        let text = format!("change {number}");
        let (was, is) = (self.client.join(&old), self.client.join(&new));
        match number % 4 {
            0 => {
                fs::write(self.plain.join(&old), &text)?;
                self.arrived(|| fs::read_to_string(&was).is_ok_and(|shown| shown == text))
            }
            1 => {
                fs::write(self.plain.join(&new), &text)?;
                self.names.push(new);
                self.arrived(|| fs::read_to_string(&is).is_ok_and(|shown| shown == text))
            }
            2 => {
                fs::rename(self.plain.join(&old), self.plain.join(&new))?;
                self.names[index] = new;
                self.arrived(|| is.exists() && !was.exists())
            }
            _ => {
                fs::remove_file(self.plain.join(&old))?;
                self.names.swap_remove(index);
                self.arrived(|| !was.exists())
            }
        }
    }

    fn arrived(&self, is_there: impl Fn() -> bool) -> Result<Duration> {
        let began = Instant::now();
        eventually(
            "a change has arrived",
            Duration::from_secs(60),
            || Ok(is_there().then(|| began.elapsed())),
        )
    }
}

fn measure(watch: &str, extent: &Extent) -> Result<()> {
    let (mut world, plain, laptop) = start(watch, |directory| fill(directory, extent.files))?;
    let method = plain.entry(world.server())?["watch"].clone();
    ensure!(method == watch, "watched by {method}, not by {watch}");
    let names = (0..extent.files).map(name).collect();
    let (here, there) = (plain.directory(), laptop.directory());
    let mut outside = Outside { plain: here, client: there, random: Random::new(12), names };
    let compiler = Compiler::start(&world.place().join("elsewhere"))?;
    let times = (0..extent.changes).map(|number| outside.change(number)).collect::<Result<Vec<_>>>()?;
    let units = compiler.stop()?;
    ensure!(units > 0, "the compiler did nothing beside");
    for (index, what) in ["edit", "create", "rename", "delete"].into_iter().enumerate() {
        report(what, times.iter().skip(index).step_by(4).copied().collect());
    }
    let times = report(&format!("{watch}, {} files, {units} compiled beside", extent.files), times);
    let (share, told) =
        if times.len() < ENOUGH_FOR_P99 { (95, at(&times, 95)) } else { (99, at(&times, 99)) };
    ensure!(told < TOLD_WITHIN, "{watch}: {share} of 100 within {told:?}, the last {times:?}");
    plain.arrives(world.server(), &laptop, 300)?;
    Ok(())
}

/// The time within which so many of a hundred came; for sorted times.
fn at(times: &[Duration], share: usize) -> Duration {
    times[(times.len() * share).div_ceil(100) - 1]
}

fn report(what: &str, mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    let [p50, p95, p99, max] = [50, 95, 99, 100].map(|share| at(&times, share));
    remark(&format!("{what}: p50 {p50:?}, p95 {p95:?}, p99 {p99:?}, max {max:?}"));
    times
}

fn measure_with_fanotify(extent: &Extent) -> Result<()> {
    if !is_root() {
        remark("SKIPPED: fanotify watches whole file systems, which only root may do");
        return Ok(());
    }
    measure("fanotify", extent)
}

#[test]
fn beside_a_compiler_a_change_is_on_a_client_in_under_a_second_with_fanotify() -> Result<()> {
    measure_with_fanotify(&SHORT)
}

#[test]
fn beside_a_compiler_a_change_is_on_a_client_in_under_a_second_with_inotify() -> Result<()> {
    measure("inotify", &SHORT)
}

#[test]
#[ignore = "takes minutes; for a release build: see the module"]
fn beside_a_compiler_a_change_among_a_hundred_thousand_files_is_on_a_client_with_fanotify() -> Result<()> {
    measure_with_fanotify(&LONG)
}

#[test]
#[ignore = "takes minutes; for a release build: see the module"]
fn beside_a_compiler_a_change_among_a_hundred_thousand_files_is_on_a_client_with_inotify() -> Result<()> {
    measure("inotify", &LONG)
}

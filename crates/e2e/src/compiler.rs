//! A C compiler that builds a program of many files over and over: what a disk sees beside a directory that is watched.

use crate::random::Random;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// How many C files the program has; after each build everything built is removed.
const UNITS: usize = 100;

/// How many functions each of them has.
const FUNCTIONS: usize = 8;

/// A compiler at work. It stops when this is dropped.
#[derive(Debug)]
pub struct Compiler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    units: AtomicUsize,
}

impl Compiler {
    /// Writes a program into a directory, which is made, and begins to build it there.
    pub fn start(directory: &Path) -> Result<Self> {
        fs::create_dir(directory)?;
        let mut random = Random::new(7);
        for unit in 0..UNITS {
            fs::write(directory.join(format!("unit{unit}.c")), source(unit, &mut random)?)?;
        }
        let shared = Arc::<Shared>::default();
        let (work, directory) = (Arc::clone(&shared), directory.to_path_buf());
        let thread = std::thread::Builder::new().spawn(move || build(&directory, &work))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How many files it has compiled by now.
    #[must_use]
    pub fn units(&self) -> usize {
        self.shared.units.load(Ordering::Relaxed)
    }

    /// Ends it, and fails if the compiler did; how many files it has compiled.
    pub fn stop(mut self) -> Result<usize> {
        self.end().context("the compiler was ended before")?.context("the compiler failed")?;
        Ok(self.units())
    }

    fn end(&mut self) -> Option<Result<()>> {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let thread = self.thread.take()?;
        Some(thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked"))))
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        // Who wants to know how it went asked `stop`.
        let _ = self.end();
    }
}

fn build(directory: &Path, shared: &Shared) -> Result<()> {
    let object = |unit: usize| -> PathBuf { directory.join(format!("unit{unit}.o")) };
    while !shared.stopped.load(Ordering::Relaxed) {
        for unit in 0..UNITS {
            if shared.stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
            let mut command = Command::new("cc");
            command.args(["-O2", "-g", "-c", "-save-temps=obj", "-o"]).arg(object(unit));
            command.arg(directory.join(format!("unit{unit}.c"))).stdin(Stdio::null());
            let output = command.output().context("cannot run cc")?;
            anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            shared.units.fetch_add(1, Ordering::Relaxed);
        }
        for built in fs::read_dir(directory)? {
            let built = built?.path();
            if built.extension().is_none_or(|ending| ending != "c") {
                fs::remove_file(built)?;
            }
        }
    }
    Ok(())
}

fn source(unit: usize, random: &mut Random) -> Result<String> {
    let mut text = String::new();
    for function in 0..FUNCTIONS {
        let (start, step) = (random.below(1_000), random.below(100) + 1);
        writeln!(
            text,
            "unsigned f{unit}_{function}(const unsigned *p, unsigned n) {{\n  unsigned s = {start};\n  \
             for (unsigned i = 0; i < n; i++) s += (p[i] ^ s) * {step}u + (s >> (i & 7));\n  return s;\n}}"
        )?;
    }
    Ok(text)
}

//! Runs the simulation: `simulator --seed S [--seeds N] [--steps M] [--users K]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people prints")]

use simulator::{Planted, Profile, Report, ServerFault, ShellFault, StoreKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const USAGE: &str = "\
usage: simulator [--seed S] [--seeds N] [--steps M] [--users K] [--jobs J] [--twice] [--trace] [--shrink]
                 [--world swarm|calm|crowded|lonely|monitored|keeping|one-way|viewed] [--store maps|sqlite] [--fault NAME] [--keep-going]

  --seed S       the first seed (default 1)
  --seeds N      how many (default 1)
  --steps M      how many things users do in a run (default 60)
  --users K      on how many devices somebody works (default: by the seed)
  --jobs J       how many runs at once (default: one a core)
  --twice        runs each seed twice; the traces must be equal
  --trace        prints everything that happened
  --shrink       leaves out of a failing run what is not needed for its failure
  --fault NAME   breaks a rule on purpose
  --keep-going   does not stop at the first failure
";

#[derive(Debug, Clone)]
struct Options {
    seed: u64,
    seeds: u64,
    steps: usize,
    users: Option<usize>,
    jobs: usize,
    twice: bool,
    trace: bool,
    shrink: bool,
    world: String,
    store: Option<StoreKind>,
    planted: Planted,
    keep_going: bool,
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        seed: 1,
        seeds: 1,
        steps: 60,
        users: None,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        twice: false,
        trace: false,
        shrink: false,
        world: "swarm".to_owned(),
        store: None,
        planted: Planted::default(),
        keep_going: false,
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match argument.as_str() {
            "--seed" => options.seed = number(value()?)?,
            "--seeds" => options.seeds = number(value()?)?,
            "--steps" => options.steps = number(value()?)? as usize,
            "--users" => options.users = Some(number(value()?)?.max(1) as usize),
            "--jobs" => options.jobs = number(value()?)?.max(1) as usize,
            "--twice" => options.twice = true,
            "--trace" => options.trace = true,
            "--shrink" => options.shrink = true,
            "--world" => options.world = value()?,
            "--calm" => options.world = "calm".to_owned(),
            "--keep-going" => options.keep_going = true,
            "--store" => {
                options.store = Some(match value()?.as_str() {
                    "maps" => StoreKind::Maps,
                    "sqlite" => StoreKind::Sqlite,
                    other => return Err(format!("there is no store `{other}`")),
                });
            }
            "--fault" => options.planted = planted(&value()?)?,
            "--help" | "-h" => return Err(String::new()),
            other => return Err(format!("what is `{other}`?")),
        }
    }
    Ok(options)
}

fn planted(name: &str) -> Result<Planted, String> {
    let server = ServerFault::ALL.iter().find(|fault| format!("{fault:?}") == name).copied();
    let shell = ShellFault::ALL.iter().find(|fault| format!("{fault:?}") == name).copied();
    let engine = sync_engine::Fault::ALL.iter().find(|fault| format!("{fault:?}") == name).copied();
    let planner = planner::rule::Fault::ALL.iter().find(|fault| format!("{fault:?}") == name).copied();
    let engine = engine.or(planner.map(sync_engine::Fault::Planner));
    let planted = Planted { server, shell, engine };
    if planted == Planted::default() { Err(format!("there is no fault `{name}`")) } else { Ok(planted) }
}

fn profile(options: &Options, seed: u64) -> Profile {
    let mut profile = match options.world.as_str() {
        "calm" => Profile::calm(options.users.unwrap_or(2), options.steps),
        "crowded" => Profile::crowded(options.steps),
        "lonely" => Profile::lonely(options.steps),
        "one-way" => Profile::one_way(seed, options.users, options.steps),
        "monitored" => Profile::monitored(seed, options.users, options.steps),
        "viewed" => Profile::viewed(seed, options.users, options.steps),
        "keeping" => Profile::keeping(seed, options.users, options.steps),
        _ => Profile::swarm(seed, options.users, options.steps),
    };
    if let Some(store) = options.store {
        profile.store = store;
    }
    profile
}

/// A run; a panic is a failure like any other.
fn run(options: &Options, seed: u64) -> Report {
    let profile = profile(options, seed);
    let report = guarded(|| simulator::run_seed(seed, &profile, options.planted, options.trace));
    if options.twice && report.failure.is_none() {
        let again = guarded(|| simulator::run_seed(seed, &profile, options.planted, false));
        if again.trace_hash != report.trace_hash {
            let failure = Some("the same seed gave another trace".to_owned());
            return Report { failure, ..report };
        }
    }
    report
}

fn guarded(act: impl FnOnce() -> Report) -> Report {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
        Report::failed(format!("panicked: {text}"))
    })
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprint!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let next = AtomicU64::new(options.seed);
    let end = options.seed.saturating_add(options.seeds);
    let stop = AtomicBool::new(false);
    let totals: Mutex<Totals> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = run(&options, seed);
                    if report.failure.is_some() && !options.keep_going {
                        stop.store(true, Ordering::Relaxed);
                    }
                    let mut totals = totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    totals.add(&options, seed, &report);
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    totals.print();
    if totals.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    events: u64,
    changes: u64,
    failed: Vec<u64>,
    rules: planner::Trace,
}

impl Totals {
    fn add(&mut self, options: &Options, seed: u64, report: &Report) {
        self.runs += 1;
        self.events += report.events;
        self.changes += report.counts.changes;
        self.rules.add(&report.rules);
        let Some(failure) = &report.failure else {
            if options.trace {
                report.trace.iter().for_each(|line| println!("{line}"));
            }
            return;
        };
        self.failed.push(seed);
        if options.keep_going {
            println!("seed {seed}: {}", failure.lines().next().unwrap_or_default());
            return;
        }
        let mut shrunk = None;
        if options.shrink {
            shrunk = Some(simulator::shrink::shrink(seed, &profile(options, seed), options.planted, failure));
        }
        let report = shrunk.as_ref().map_or(report, |shrunk| &shrunk.report);
        report.trace.iter().for_each(|line| println!("{line}"));
        println!("profile {:?}", profile(options, seed));
        println!("seed {seed}: {}", report.failure.as_deref().unwrap_or(failure));
    }

    fn print(&self) {
        let silent: Vec<String> = self.rules.silent().map(|rule| format!("{rule:?}")).collect();
        println!(
            "{} runs, {} events, {} changes on the server, {} failed {:?}",
            self.runs,
            self.events,
            self.changes,
            self.failed.len(),
            &self.failed[..self.failed.len().min(20)]
        );
        if !silent.is_empty() {
            println!("rules that decided nothing: {}", silent.join(", "));
        }
    }
}

//! What watching costs.
//!
//! In full: `cargo test --release -p filesystem-os -- --ignored --nocapture what_watching_costs`.

use super::{PATIENCE, Random, WatchMode, best, by, is_root, say};
use crate::ground::Ground;
use filesystem::{WatchEvent, Watcher as _};
use filesystem_os::OsWatcher;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A watcher, with the thread that wakes and the times at which it does.
struct Watched {
    watcher: OsWatcher,
    woken: Receiver<(Instant, i32)>,
    thread: i32,
    began: Duration,
}

impl Watched {
    fn new(ground: &Ground, mode: WatchMode) -> Self {
        let (sender, woken) = channel();
        let begin = Instant::now();
        let wake = Box::new(move || {
            let thread = rustix::thread::gettid().as_raw_nonzero().get();
            let _ = sender.send((Instant::now(), thread));
        });
        let watcher = ground.disk.watch(by(mode), wake).unwrap();
        let (at, thread) = woken.recv_timeout(PATIENCE).unwrap();
        watcher.take();
        Self { watcher, woken, thread, began: at - begin }
    }

    fn cpu(&self) -> Duration {
        cpu_of(self.thread)
    }

    /// How long after a change its name was told.
    fn latency(&self, change: impl FnOnce()) -> Duration {
        while self.woken.try_recv().is_ok() {}
        self.watcher.take();
        let begin = Instant::now();
        change();
        let (at, _) = self.woken.recv_timeout(PATIENCE).unwrap();
        self.watcher.take();
        at.saturating_duration_since(begin)
    }
}

/// How long a thread of this process has run.
fn cpu_of(thread: i32) -> Duration {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// What a compiler does to a disk, as fast as it goes: files written in pieces, renamed, removed.
fn churn(directory: &Path, until: &AtomicBool) -> (u64, Duration) {
    use std::io::Write as _;
    let mut files = 0;
    while !until.load(Ordering::Relaxed) {
        let target = directory.join(format!("target-{}", files % 7));
        fs::create_dir_all(&target).unwrap();
        for index in 0..200 {
            let temporary = target.join(format!("{index}.tmp"));
            let mut file = fs::File::create(&temporary).unwrap();
            for _ in 0..4 {
                file.write_all(&[7; 2048]).unwrap();
            }
            drop(file);
            fs::rename(&temporary, target.join(format!("{index}.o"))).unwrap();
            files += 1;
        }
        fs::remove_dir_all(&target).unwrap();
    }
    (files, cpu_of(rustix::thread::gettid().as_raw_nonzero().get()))
}

fn plant(ground: &Ground, directories: u64, files: u64) {
    for directory in 0..directories {
        let at = ground.at(&format!("{}/{}", directory % 100, directory / 100));
        fs::create_dir_all(&at).unwrap();
        for file in 0..files {
            fs::write(at.join(file.to_string()), b"x").unwrap();
        }
    }
}

#[test]
fn churn_elsewhere_wakes_nobody_and_takes_little_of_the_time() {
    if !is_root() {
        return say("skipped: fanotify needs root");
    }
    let ground = Ground::new();
    plant(&ground, 50, 2);
    let watched = Watched::new(&ground, best());
    let before = watched.cpu();
    let until = AtomicBool::new(false);
    let elsewhere = ground.outside().join("elsewhere");
    let (files, busy) = std::thread::scope(|scope| {
        let churning = scope.spawn(|| churn(&elsewhere, &until));
        let _nothing = watched.woken.recv_timeout(Duration::from_millis(500));
        until.store(true, Ordering::Relaxed);
        churning.join().unwrap()
    });
    let barrier = watched.watcher.barrier().unwrap();
    watched.woken.recv_timeout(PATIENCE).unwrap();
    assert_eq!(watched.watcher.take(), [WatchEvent::Passed(barrier)]);
    let cost = watched.cpu() - before;
    say(&format!(
        "{files} files made elsewhere in {busy:?} of CPU; the watcher took {cost:?}, {:.1} % of that (others' tests included)",
        100.0 * cost.as_secs_f64() / busy.as_secs_f64()
    ));
}

#[test]
#[ignore = "takes a minute, and its figures mean something only by themselves and in release"]
fn what_watching_costs() {
    for (directories, files) in [(5_000, 20), (50_000, 1)] {
        let ground = Ground::new();
        plant(&ground, directories, files);
        // Of the disk's caches, all have the same.
        drop(Watched::new(&ground, best()));
        for mode in [best(), WatchMode::Inotify] {
            let resident = resident_bytes();
            let watched = Watched::new(&ground, mode);
            let status = watched.watcher.status();
            say(&format!(
                "{mode}: {} directories, {} files; started in {:?}; {} bytes a directory resident",
                status.watched,
                directories * files,
                watched.began,
                (resident_bytes().saturating_sub(resident)) / status.watched
            ));
            measure_latency(&ground, &watched, mode, directories, "at rest", false);
            measure_latency(&ground, &watched, mode, directories, "with churn elsewhere", true);
        }
    }
}

fn measure_latency(
    ground: &Ground,
    watched: &Watched,
    mode: WatchMode,
    directories: u64,
    about: &str,
    busy: bool,
) {
    let until = AtomicBool::new(false);
    let elsewhere = ground.outside().join("elsewhere");
    let mut random = Random(1);
    let (before, begin) = (watched.cpu(), Instant::now());
    let mut times: Vec<Duration> = Vec::new();
    let churned = std::thread::scope(|scope| {
        let churning = busy.then(|| scope.spawn(|| churn(&elsewhere, &until)));
        for _ in 0..1_000 {
            let directory = random.below(directories);
            let at = ground.at(&format!("{}/{}/0", directory % 100, directory / 100));
            times.push(watched.latency(|| fs::write(at, b"y").unwrap()));
            std::thread::sleep(Duration::from_millis(3));
        }
        until.store(true, Ordering::Relaxed);
        churning.map(|churning| churning.join().unwrap())
    });
    times.sort_unstable();
    let cpu = watched.cpu() - before;
    say(&format!(
        "  {mode}, {about}: from write to wake p50 {:?}, p99 {:?}, most {:?}; watcher's CPU {cpu:?} of {:?}",
        times[500],
        times[990],
        times[999],
        begin.elapsed()
    ));
    if let Some((files, cpu_of_churn)) = churned {
        say(&format!(
            "    {files} files churned in {cpu_of_churn:?} of CPU: the watcher's is {:.1} % of that, {:.2} us a file",
            100.0 * cpu.as_secs_f64() / cpu_of_churn.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / files as f64
        ));
    }
}

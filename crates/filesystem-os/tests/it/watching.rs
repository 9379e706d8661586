//! Whoever looks where the watcher says knows what is there, whatever the watcher's method.
//!
//! Every test here is run with fanotify, with inotify, with inotify by a user without privileges, and with no watcher but
//! scans. fanotify needs root: without, its tests are run by inotify, and say so.

mod costing;
mod marking;

use crate::ground::{Ground, path};
use filesystem::{Barrier, Disk, Place, WatchEvent, WatchMethod, Watcher};
use filesystem_os::{OsDisk, OsWatcher, WatchMode, WatchOptions, WatchQueue};
use model::{Entry, EntryKind, Fingerprint, Handle, RelativePath};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a scanner knows that looks only where it is told to.
struct Mirror {
    disk: OsDisk,
    watcher: OsWatcher,
    woken: Receiver<()>,
    known: BTreeMap<RelativePath, Fingerprint>,
    /// What was known of directories that were found gone, by their handles: found elsewhere, they are taken to be
    /// unchanged, unless something was told of them.
    shed: BTreeMap<Handle, Vec<(RelativePath, Fingerprint)>>,
    /// Told, and not looked at yet.
    late: Vec<WatchEvent>,
}

impl Mirror {
    fn new(ground: &Ground, options: WatchOptions) -> Self {
        Self::of(ground.disk.clone(), options)
    }

    fn of(disk: OsDisk, options: WatchOptions) -> Self {
        let (sender, woken) = channel();
        // Nobody listens any more when the test is over.
        let wake = Box::new(move || {
            let _ = sender.send(());
        });
        let watcher = disk.watch(options, wake).unwrap();
        Self { disk, watcher, woken, known: BTreeMap::new(), shed: BTreeMap::new(), late: Vec::new() }
    }

    /// Looks where it is told to, until everything that happened before now has been told; or everywhere, where nothing is
    /// watched.
    fn catch_up(&mut self) {
        if self.watcher.status().method == WatchMethod::Scan {
            assert!(self.watcher.barrier().is_err());
            return self.list(&RelativePath::root(), true);
        }
        let barrier = WatchEvent::Passed(self.watcher.barrier().unwrap());
        std::mem::take(&mut self.late).iter().for_each(|event| self.follow(event));
        loop {
            self.woken.recv_timeout(PATIENCE).unwrap();
            let events = self.watcher.take();
            events.iter().for_each(|event| self.follow(event));
            if events.contains(&barrier) {
                return;
            }
        }
    }

    /// All that is told before a barrier, and the barrier itself.
    fn told_before(&self, barrier: Barrier) -> Vec<WatchEvent> {
        let mut told = Vec::new();
        while !told.contains(&WatchEvent::Passed(barrier)) {
            self.woken.recv_timeout(PATIENCE).unwrap();
            told.extend(self.watcher.take());
        }
        told.dedup();
        told
    }

    /// Looks where it had been told to the last time: by now, much may be elsewhere.
    fn follow_once(&mut self) {
        let told = self.watcher.take();
        std::mem::replace(&mut self.late, told).iter().for_each(|event| self.follow(event));
    }

    fn follow(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Entry(at) => {
                let found = self.disk.look(&at.into()).unwrap();
                self.see(at, found, false);
            }
            WatchEvent::Dirty(at) => self.list(at, false),
            WatchEvent::Lost(at) if at.is_root() => self.list(at, true),
            WatchEvent::Lost(at) => {
                let found = self.disk.look(&at.into()).unwrap();
                self.see(at, found, true);
            }
            WatchEvent::Passed(_) | WatchEvent::Status => {}
        }
    }

    fn list(&mut self, directory: &RelativePath, deep: bool) {
        let entries = match self.disk.list(&directory.into()) {
            Ok(listing) => listing.entries,
            // Gone: its own directory tells, too.
            Err(_) => return,
        };
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.name).collect();
        let is_child = |at: &RelativePath| at.split().is_some_and(|(parent, _)| parent == *directory);
        let gone: Vec<_> = self
            .known
            .keys()
            .filter(|at| is_child(at) && !at.names().last().is_some_and(|name| names.contains(name)))
            .cloned()
            .collect();
        gone.iter().for_each(|at| self.forget(at));
        for entry in entries {
            let at = directory.join(&entry.name);
            self.see(&at, Some(entry), deep);
        }
    }

    /// A directory that was not known, or is another one now, is always listed.
    fn see(&mut self, at: &RelativePath, found: Option<Entry>, deep: bool) {
        let Some(entry) = found else { return self.forget(at) };
        let is_new = self.known.get(at).is_none_or(|known| known.handle != entry.fingerprint.handle);
        if is_new {
            self.forget(at);
        }
        let handle = entry.fingerprint.handle.clone();
        self.known.insert(at.clone(), entry.fingerprint);
        if entry.kind != EntryKind::Directory {
            return;
        }
        match self.shed.remove(&handle).filter(|_| is_new && !deep) {
            Some(below) => {
                let join = |rest: RelativePath| at.names().iter().chain(rest.names()).cloned().collect();
                self.known.extend(below.into_iter().map(|(rest, fingerprint)| (join(rest), fingerprint)));
            }
            None if deep || is_new => self.list(at, true),
            None => {}
        }
    }

    fn forget(&mut self, top: &RelativePath) {
        let within: Vec<_> = self
            .known
            .range(top.clone()..)
            .map(|(at, _)| at.clone())
            .take_while(|at| at.is_within(top))
            .collect();
        let names = top.names().len();
        let mut below: Vec<_> = Vec::new();
        for at in within {
            let fingerprint = self.known.remove(&at).unwrap();
            below.push((at.names()[names..].iter().cloned().collect(), fingerprint));
        }
        if !below.is_empty() {
            let (_, itself) = below.remove(0);
            self.shed.insert(itself.handle, below);
        }
    }

    fn assert_complete(&self, about: &str) {
        let mut truth = BTreeMap::new();
        collect(&self.disk, &RelativePath::root(), &mut truth);
        // A directory's own times are nobody's concern.
        let strip = |map: &BTreeMap<RelativePath, Fingerprint>| -> BTreeSet<_> {
            map.iter().map(|(at, f)| (at.clone(), f.handle.clone(), f.size)).collect()
        };
        let (seen, there) = (strip(&self.known), strip(&truth));
        let missed: Vec<_> = there.difference(&seen).take(5).collect();
        let stale: Vec<_> = seen.difference(&there).take(5).collect();
        assert!(missed.is_empty() && stale.is_empty(), "{about}: missed {missed:?}, stale {stale:?}");
    }
}

fn collect(disk: &OsDisk, directory: &RelativePath, into: &mut BTreeMap<RelativePath, Fingerprint>) {
    for entry in disk.list(&Place::from(directory)).unwrap().entries {
        let at = directory.join(&entry.name);
        if entry.kind == EntryKind::Directory {
            collect(disk, &at, into);
        }
        into.insert(at, entry.fingerprint);
    }
}

/// Runs a test by every method that has something to tell, or by all.
macro_rules! by_every_method {
    ($($name:ident),* $(,)?) => {
        mod fanotify {
            $(#[test]
            fn $name() {
                super::$name(super::by(super::best()));
            })*
        }
        mod inotify {
            $(#[test]
            fn $name() {
                super::$name(super::by(super::WatchMode::Inotify));
            })*
        }
        mod unprivileged {
            $(#[test]
            fn $name() {
                super::without_privileges(|| super::$name(super::by(super::WatchMode::Auto)));
            })*
        }
    };
}

macro_rules! by_scans {
    ($($name:ident),* $(,)?) => {
        mod scan {
            $(#[test]
            fn $name() {
                super::$name(super::by(super::WatchMode::Scan));
            })*
        }
    };
}

by_every_method!(
    five_hundred_files_in_new_directories_are_all_told,
    what_was_there_before_is_watched,
    our_own_private_directory_is_never_told,
    a_restless_user_is_followed_through_moves_of_whole_trees,
    a_queue_that_overflows_means_that_everything_is_looked_at_again,
    every_kind_of_change_names_where_it_was,
    a_directory_that_comes_in_is_lost_and_one_that_goes_is_forgotten,
    ten_thousand_files_made_quickly_are_all_told,
    what_many_hands_make_in_new_directories_is_named,
    everything_is_told_while_many_hands_move_nested_directories,
    what_happens_elsewhere_is_not_told,
);

by_scans!(
    five_hundred_files_in_new_directories_are_all_told,
    a_restless_user_is_followed_through_moves_of_whole_trees,
    ten_thousand_files_made_quickly_are_all_told,
);

fn by(mode: WatchMode) -> WatchOptions {
    WatchOptions { mode, ..WatchOptions::default() }
}

#[allow(clippy::print_stderr, reason = "who runs the tests has to know what was not tested")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// fanotify, where there is a chance of it.
fn best() -> WatchMode {
    if is_root() {
        return WatchMode::Fanotify;
    }
    say("fanotify needs root: tested by inotify instead");
    WatchMode::Inotify
}

/// Runs a test in a thread whose user is nobody. Threads that it starts inherit that.
fn without_privileges(test: impl FnOnce() + Send) {
    if !is_root() {
        return test();
    }
    let nobody = |id| (rustix::fs::Uid::from_raw(id), rustix::fs::Gid::from_raw(id));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (user, group) = nobody(65534);
            rustix::thread::set_thread_groups(&[group]).unwrap();
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn five_hundred_files_in_new_directories_are_all_told(options: WatchOptions) {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    for index in 0..500 {
        let directory = ground.at(&format!("{index}/e/f"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("x"), b"x").unwrap();
    }
    mirror.catch_up();
    mirror.assert_complete("500 x mkdir -p d/e/f; write d/e/f/x");
    assert_eq!(mirror.known.len(), 2000);
    if mirror.watcher.status().method != WatchMethod::Scan {
        assert_eq!(mirror.watcher.status().watched, 1501);
    }
}

fn what_was_there_before_is_watched(options: WatchOptions) {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("a/b/c")).unwrap();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    fs::write(ground.at("a/b/c/x"), b"1").unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(
        mirror.told_before(barrier),
        [WatchEvent::Entry(path("a/b/c/x")), WatchEvent::Passed(barrier)]
    );
}

fn our_own_private_directory_is_never_told(options: WatchOptions) {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    let mut file = ground.disk.stage_file().unwrap();
    file.write_at(0, b"1").unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(mirror.told_before(barrier), [WatchEvent::Passed(barrier)]);
    assert_eq!(fs::read_dir(ground.at(".driftless/cookies")).unwrap().count(), 0);
}

/// A small generator: what a user does has to be the same in every run of a seed, only its timing is not.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// One thing that a restless user does; what cannot be done is not done.
fn act(random: &mut Random, root: &Path, outside: &Path) {
    let any = |random: &mut Random| {
        let depth = 1 + random.below(4);
        (0..depth).fold(root.to_owned(), |at, _| at.join(random.below(3).to_string()))
    };
    let one = any(random);
    let other = any(random);
    let _ = match random.below(12) {
        0..=3 => fs::create_dir_all(&one).and_then(|()| fs::write(one.join("file"), b"new")),
        4 => fs::write(one.join("file"), vec![b'x'; random.below(100) as usize]),
        5 | 6 => fs::rename(&one, &other),
        7 => fs::remove_dir_all(&one),
        8 => fs::rename(&one, outside.join("kept")),
        9 => fs::rename(outside.join("kept"), &one),
        10 => fs::create_dir(&one).and_then(|()| fs::rename(&one, &other)),
        _ => fs::remove_file(one.join("file")),
    };
}

fn a_restless_user_is_followed_through_moves_of_whole_trees(options: WatchOptions) {
    for seed in 0..6 {
        let ground = Ground::new();
        let mut mirror = Mirror::new(&ground, options);
        let mut random = Random(seed);
        mirror.catch_up();
        for round in 0..10 {
            for step in 0..60 {
                act(&mut random, &ground.root(), &ground.outside());
                if step % 7 == 0 {
                    mirror.follow_once();
                }
            }
            mirror.catch_up();
            mirror.assert_complete(&format!("seed {seed}, round {round}"));
        }
    }
}

fn a_queue_that_overflows_means_that_everything_is_looked_at_again(options: WatchOptions) {
    let ground = Ground::new();
    let gate = Arc::new(Mutex::new(()));
    let (sender, woken) = channel();
    let held = Arc::clone(&gate);
    let wake = Box::new(move || {
        let _ = sender.send(());
        drop(held.lock().unwrap());
    });
    let options = WatchOptions { queue: WatchQueue::System, ..options };
    let watcher = ground.disk.watch(options, wake).unwrap();
    woken.recv_timeout(PATIENCE).unwrap();
    watcher.take();
    let closed = gate.lock().unwrap();
    // The watcher's thread waits at the gate with the first of these.
    fs::write(ground.at("first"), b"").unwrap();
    let method = watcher.status().method;
    let limit = fs::read_to_string(format!("/proc/sys/fs/{method}/max_queued_events")).unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    for index in 0..limit {
        // Two events each that the system cannot merge; the thread may have read some of them before it waits.
        fs::write(ground.at(&format!("{index}")), b"").unwrap();
    }
    fs::create_dir_all(ground.at("late/below")).unwrap();
    drop(closed);
    let mut told = Vec::new();
    while !told.contains(&WatchEvent::Lost(RelativePath::root())) {
        woken.recv_timeout(PATIENCE).unwrap();
        told.extend(watcher.take());
    }
    let mut mirror = Mirror {
        disk: ground.disk.clone(),
        watcher,
        woken,
        known: BTreeMap::new(),
        shed: BTreeMap::new(),
        late: Vec::new(),
    };
    mirror.follow(&WatchEvent::Lost(RelativePath::root()));
    fs::write(ground.at("late/below/x"), b"1").unwrap();
    mirror.catch_up();
    mirror.assert_complete("after an overflow");
}

/// Whether what was told makes a caller look at a path: by its name, its directory, or a subtree that it is in.
fn covers(told: &[WatchEvent], at: &RelativePath) -> bool {
    told.iter().any(|event| match event {
        WatchEvent::Entry(entry) => entry == at,
        WatchEvent::Dirty(directory) => at.split().is_some_and(|(parent, _)| parent == *directory),
        WatchEvent::Lost(top) => at.is_within(top),
        WatchEvent::Passed(_) | WatchEvent::Status => false,
    })
}

/// What a user does, and the paths at which it can be seen.
type Change<'a> = (&'a str, &'a dyn Fn(), &'a [&'a str]);

fn every_kind_of_change_names_where_it_was(options: WatchOptions) {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("d/e")).unwrap();
    for name in ["d/x", "d/y", "d/z"] {
        fs::write(ground.at(name), b"1").unwrap();
    }
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    let at = |name: &str| ground.at(name);
    let changes: [Change<'_>; 10] = [
        ("written in place", &|| fs::write(at("d/x"), b"22").unwrap(), &["d/x"]),
        ("made", &|| drop(fs::File::create(at("d/new")).unwrap()), &["d/new"]),
        (
            "saved by a rename",
            &|| {
                fs::write(at("d/.x.tmp"), b"333").unwrap();
                fs::rename(at("d/.x.tmp"), at("d/x")).unwrap();
            },
            &["d/x", "d/.x.tmp"],
        ),
        ("removed", &|| fs::remove_file(at("d/y")).unwrap(), &["d/y"]),
        ("a second name", &|| fs::hard_link(at("d/z"), at("d/e/z")).unwrap(), &["d/e/z"]),
        ("written by its second name", &|| fs::write(at("d/e/z"), b"4").unwrap(), &["d/e/z"]),
        ("a link", &|| std::os::unix::fs::symlink("x", at("d/link")).unwrap(), &["d/link"]),
        (
            "made executable",
            &|| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                fs::set_permissions(at("d/x"), mode).unwrap();
            },
            &["d/x"],
        ),
        (
            "moved to another directory",
            &|| fs::rename(at("d/new"), at("moved")).unwrap(),
            &["d/new", "moved"],
        ),
        ("a directory renamed", &|| fs::rename(at("d/e"), at("d/f")).unwrap(), &["d/e", "d/f"]),
    ];
    for (what, change, places) in changes {
        change();
        let barrier = mirror.watcher.barrier().unwrap();
        let told = mirror.told_before(barrier);
        assert_eq!(told.last(), Some(&WatchEvent::Passed(barrier)), "{what}: {told:?}");
        for place in places {
            assert!(covers(&told, &path(place)), "{what}: {place} is not in {told:?}");
        }
        assert!(!told.contains(&WatchEvent::Lost(RelativePath::root())), "{what}: {told:?}");
    }
}

fn a_directory_that_comes_in_is_lost_and_one_that_goes_is_forgotten(options: WatchOptions) {
    let ground = Ground::new();
    let outside = ground.outside().join("outside");
    fs::create_dir_all(outside.join("a/b")).unwrap();
    fs::write(outside.join("a/b/x"), b"1").unwrap();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    fs::rename(outside.join("a"), ground.at("a")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    let told = mirror.told_before(barrier);
    assert!(told.contains(&WatchEvent::Lost(path("a"))), "{told:?}");
    fs::write(ground.at("a/b/y"), b"1").unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert!(covers(&mirror.told_before(barrier), &path("a/b/y")));
    fs::rename(ground.at("a"), outside.join("c")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert!(covers(&mirror.told_before(barrier), &path("a")));
    fs::write(outside.join("c/b/z"), b"1").unwrap();
    fs::create_dir(outside.join("c/b/new")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(mirror.told_before(barrier), [WatchEvent::Passed(barrier)]);
    fs::rename(outside.join("c"), ground.at("d")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert!(covers(&mirror.told_before(barrier), &path("d/b/z")));
    mirror.follow(&WatchEvent::Lost(RelativePath::root()));
    fs::write(ground.at("d/b/new/x"), b"1").unwrap();
    mirror.catch_up();
    mirror.assert_complete("out and in again");
}

fn ten_thousand_files_made_quickly_are_all_told(options: WatchOptions) {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    for directory in 0..100 {
        fs::create_dir(ground.at(&directory.to_string())).unwrap();
        for file in 0..100 {
            fs::write(ground.at(&format!("{directory}/{file}")), b"x").unwrap();
        }
    }
    mirror.catch_up();
    mirror.assert_complete("10,000 files");
    assert_eq!(mirror.known.len(), 10_100);
}

/// One of several restless users: makes nested directories with a file each, and moves what others have made.
fn stir(random: &mut Random, root: &Path, user: u64, rounds: u64) {
    for round in 0..rounds {
        let top = root.join(random.below(4).to_string()).join(random.below(4).to_string());
        let deep = top.join(format!("u{user}-{round}")).join("e").join("f");
        // Somebody may have moved any of them away meanwhile; then it is not made.
        if fs::create_dir_all(&deep).is_ok() {
            let _ = fs::write(deep.join("x"), b"x");
            let _ = fs::write(deep.parent().unwrap().join("y"), b"y");
        }
        let other = root.join(random.below(4).to_string()).join(random.below(4).to_string());
        let _ = match random.below(4) {
            0 => fs::rename(&top, &other),
            1 => fs::rename(&top, root.join(format!("kept-{user}-{round}"))),
            2 => {
                fs::rename(top.join(format!("u{user}-{round}")), other.join(format!("moved-{user}-{round}")))
            }
            _ => Ok(()),
        };
    }
}

/// Nothing is asked of the order of what is told, nor that a caller follows at once: every path that is there in the end,
/// and was not in the beginning, has to be named by something that was told, as a caller that comes late would need it.
fn everything_is_told_while_many_hands_move_nested_directories(options: WatchOptions) {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    for seed in 0..2 {
        std::thread::scope(|scope| {
            for user in 0..3 {
                let root = ground.root();
                scope.spawn(move || stir(&mut Random(seed * 100 + user), &root, seed * 10 + user, 50));
            }
            for _ in 0..20 {
                let _ = mirror.woken.recv_timeout(Duration::from_millis(2));
                mirror.follow_once();
            }
        });
        mirror.catch_up();
        mirror.assert_complete(&format!("seed {seed}"));
    }
}

/// Without a caller's help: what is in a directory that is new is not looked at unless it is named.
fn what_many_hands_make_in_new_directories_is_named(options: WatchOptions) {
    let ground = Ground::new();
    let mirror = Mirror::new(&ground, options);
    let mut told = mirror.told_before(mirror.watcher.barrier().unwrap());
    told.clear();
    std::thread::scope(|scope| {
        for user in 0..4 {
            let root = ground.root();
            scope.spawn(move || {
                for round in 0..100 {
                    // All make the same ones, so that most find themselves in a directory made a moment ago by another.
                    let deep = root.join(format!("{}/{round}/e/f", round % 3));
                    fs::create_dir_all(&deep).unwrap();
                    fs::write(deep.join(format!("x{user}")), b"x").unwrap();
                    fs::write(deep.parent().unwrap().join(format!("y{user}")), b"y").unwrap();
                }
            });
        }
        for _ in 0..20 {
            let _ = mirror.woken.recv_timeout(Duration::from_millis(1));
            told.extend(mirror.watcher.take());
        }
    });
    told.extend(mirror.told_before(mirror.watcher.barrier().unwrap()));
    let mut truth = BTreeMap::new();
    collect(&ground.disk, &RelativePath::root(), &mut truth);
    assert_eq!(truth.len(), 3 + 100 * 3 + 100 * 8);
    let told: Vec<_> = told.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let missed: Vec<_> = truth.keys().filter(|at| !covers(&told, at)).take(5).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

fn what_happens_elsewhere_is_not_told(options: WatchOptions) {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("d/e")).unwrap();
    let elsewhere = ground.outside().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let mut mirror = Mirror::new(&ground, options);
    mirror.catch_up();
    let script =
        "i=0; while [ $i -lt 1000 ]; do echo x > $i; i=$((i+1)); done; mkdir -p a/b/c; mv a z; rm -r z";
    let status = std::process::Command::new("sh").args(["-c", script]).current_dir(&elsewhere).status();
    assert!(status.unwrap().success());
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(mirror.told_before(barrier), [WatchEvent::Passed(barrier)]);
}

#[test]
fn without_watches_enough_the_active_ones_are_watched_and_the_others_named() {
    let ground = Ground::new();
    for index in 0..50 {
        fs::create_dir(ground.at(&index.to_string())).unwrap();
    }
    let mut mirror = Mirror::new(
        &ground,
        WatchOptions { mode: WatchMode::Inotify, watches_max: Some(20), ..WatchOptions::default() },
    );
    mirror.catch_up();
    let status = mirror.watcher.status();
    assert_eq!((status.watched, status.unwatched), (20, 31));
    let unwatched = mirror.watcher.unwatched();
    assert_eq!(unwatched.len(), 31);
    // One that is new is active: an idle one gives up its watch for it.
    fs::create_dir(ground.at("new")).unwrap();
    mirror.catch_up();
    assert!(!mirror.watcher.unwatched().contains(&path("new")));
    fs::write(ground.at("new/x"), b"1").unwrap();
    mirror.catch_up();
    assert!(mirror.known.contains_key(&path("new/x")));
    // So is one where a scan found something.
    let attended = unwatched[0].clone();
    mirror.watcher.attend(&attended);
    mirror.catch_up();
    assert!(!mirror.watcher.unwatched().contains(&attended));
    assert_eq!(mirror.watcher.status().watched, 20);
    fs::write(ground.at(&format!("{attended}/x")), b"1").unwrap();
    mirror.catch_up();
    assert!(mirror.known.contains_key(&attended.join(&model::Name::new("x").unwrap())));
}

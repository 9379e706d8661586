//! Whoever looks where the watcher says knows what is there.

use crate::ground::{Ground, path};
use filesystem::{Barrier, Disk, Place, WatchEvent, Watcher};
use filesystem_os::{OsDisk, OsWatcher, WatchOptions};
use model::{Entry, EntryKind, Fingerprint, RelativePath};
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
}

impl Mirror {
    fn new(ground: &Ground, options: WatchOptions) -> Self {
        let (sender, woken) = channel();
        // Nobody listens any more when the test is over.
        let wake = Box::new(move || {
            let _ = sender.send(());
        });
        let watcher = ground.disk.watch(options, wake).unwrap();
        Self { disk: ground.disk.clone(), watcher, woken, known: BTreeMap::new() }
    }

    /// Looks where it is told to, until everything that happened before now has been told.
    fn catch_up(&mut self) {
        let barrier = WatchEvent::Passed(self.watcher.barrier().unwrap());
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

    /// Looks where it has been told to so far.
    fn follow_once(&mut self) {
        for event in self.watcher.take() {
            self.follow(&event);
        }
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
        self.known.insert(at.clone(), entry.fingerprint);
        if entry.kind == EntryKind::Directory && (deep || is_new) {
            self.list(at, true);
        }
    }

    fn forget(&mut self, top: &RelativePath) {
        let within: Vec<_> = self
            .known
            .range(top.clone()..)
            .map(|(at, _)| at.clone())
            .take_while(|at| at.is_within(top))
            .collect();
        within.iter().for_each(|at| drop(self.known.remove(at)));
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

#[test]
fn five_hundred_files_in_new_directories_are_all_told() {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, WatchOptions::default());
    mirror.catch_up();
    for index in 0..500 {
        let directory = ground.at(&format!("{index}/e/f"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("x"), b"x").unwrap();
    }
    mirror.catch_up();
    mirror.assert_complete("500 x mkdir -p d/e/f; write d/e/f/x");
    assert_eq!(mirror.known.len(), 2000);
    assert_eq!(mirror.watcher.status().watched, 1501);
}

#[test]
fn what_was_there_before_is_watched() {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("a/b/c")).unwrap();
    let mut mirror = Mirror::new(&ground, WatchOptions::default());
    mirror.catch_up();
    fs::write(ground.at("a/b/c/x"), b"1").unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(
        mirror.told_before(barrier),
        [WatchEvent::Entry(path("a/b/c/x")), WatchEvent::Passed(barrier)]
    );
}

#[test]
fn our_own_private_directory_is_never_told() {
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, WatchOptions::default());
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

#[test]
fn a_restless_user_is_followed_through_moves_of_whole_trees() {
    for seed in 0..6 {
        let ground = Ground::new();
        let mut mirror = Mirror::new(&ground, WatchOptions::default());
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

#[test]
fn a_queue_that_overflows_means_that_everything_is_looked_at_again() {
    let ground = Ground::new();
    let gate = Arc::new(Mutex::new(()));
    let (sender, woken) = channel();
    let held = Arc::clone(&gate);
    let wake = Box::new(move || {
        let _ = sender.send(());
        drop(held.lock().unwrap());
    });
    let watcher = ground.disk.watch(WatchOptions::default(), wake).unwrap();
    woken.recv_timeout(PATIENCE).unwrap();
    watcher.take();
    let closed = gate.lock().unwrap();
    // The watcher's thread waits at the gate with the first of these.
    fs::write(ground.at("first"), b"").unwrap();
    let limit: usize =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
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
    let mut mirror = Mirror { disk: ground.disk.clone(), watcher, woken, known: BTreeMap::new() };
    mirror.follow(&WatchEvent::Lost(RelativePath::root()));
    fs::write(ground.at("late/below/x"), b"1").unwrap();
    mirror.catch_up();
    mirror.assert_complete("after an overflow");
}

#[test]
fn without_watches_enough_the_active_ones_are_watched_and_the_others_named() {
    let ground = Ground::new();
    for index in 0..50 {
        fs::create_dir(ground.at(&index.to_string())).unwrap();
    }
    let mut mirror = Mirror::new(&ground, WatchOptions { watches_max: Some(20) });
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

//! Copies are removed where the remote side has their bytes, and nowhere else, whatever happens meanwhile.

use chunker::Chunker;
use filesystem::fake::{FakeDisk, FakeOptions, Fault, Seen};
use filesystem::{Disk as _, Place};
use model::conflict::Author;
use model::{Content, ContentId, EntryKind, Epoch, NameRule, NodeKey, NodeState, RelativePath, Timestamp};
use pair_store::SqliteStore;
use planner::Triple;
use replica::{Copies, WipeError, Wiped};
use std::sync::atomic::{AtomicU64, Ordering};
use sync_engine::{Memory, PairState, PairStore as _, Row};

/// The lineage that all was agreed on with.
const EPOCH: Epoch = Epoch([1; 16]);

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn content_of(bytes: &[u8]) -> ContentId {
    let mut manifest = chunker::Manifest::default();
    let mut chunker = Chunker::new();
    let mut collect = |chunk: chunker::Chunk<'_>| {
        manifest.push(chunker::Entry { chunk: chunk.id, length: u32::try_from(chunk.bytes.len()).unwrap() });
    };
    chunker.push(bytes, &mut collect);
    chunker.finish(&mut collect);
    manifest.content_id()
}

/// A replica, and what its pair remembers.
struct World {
    disk: FakeDisk,
    directory: tempfile::TempDir,
}

impl World {
    /// All of it in step with the remote side.
    fn in_step() -> Self {
        Self::in_step_on(FakeOptions::default())
    }

    fn in_step_on(options: FakeOptions) -> Self {
        let world = Self { disk: FakeDisk::new(options), directory: tempfile::tempdir().unwrap() };
        world.disk.user(|user| {
            for directory in ["a", "a/deep", "a/deep/er", "empty"] {
                user.make_directory(&path(directory)).unwrap();
            }
            for file in ["top", "a/one", "a/two", "a/deep/three", "a/deep/er/four"] {
                user.write(&path(file), format!("content of {file}").as_bytes()).unwrap();
            }
            user.make_link(&path("a/link"), b"one").unwrap();
        });
        world.disk.advance_ms(10_000);
        let mut store = world.store();
        world.agree(&mut store, &RelativePath::root(), NodeKey::ROOT);
        store.set_state(&PairState { epoch: Some(EPOCH), ..PairState::default() }).unwrap();
        store.commit().unwrap();
        world
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.directory.path().join("pair.db"), NameRule::Portable).unwrap()
    }

    /// Records what stands in a directory as agreed on.
    fn agree(&self, store: &mut SqliteStore, at: &RelativePath, parent: NodeKey) {
        for entry in self.disk.list(&Place::from(at)).unwrap().entries {
            let below = at.join(&entry.name);
            let content = match &entry.kind {
                EntryKind::Directory => Content::Directory,
                EntryKind::Link { target } => Content::Link { target: target.clone() },
                _ => {
                    let bytes = self.disk.user(|user| user.read(&below)).unwrap();
                    Content::File { id: content_of(&bytes), size: bytes.len() as u64 }
                }
            };
            let state = NodeState {
                parent,
                name: entry.name.clone(),
                content: content.clone(),
                executable: false,
                mtime: Timestamp(0),
            };
            let key = store.new_key().unwrap();
            let triple = Triple {
                synced: Some(state.clone()),
                remote: Some(state.clone()),
                local: Some(state),
                frozen: false,
            };
            let extra = Memory { disk: Some(entry.fingerprint.clone()), ..Memory::default() };
            store.put(key, Row { triple, extra }).unwrap();
            if content == Content::Directory {
                self.agree(store, &below, key);
            }
        }
    }

    fn wipe(&self) -> Result<Wiped, WipeError> {
        self.wipe_for(EPOCH)
    }

    fn wipe_for(&self, epoch: Epoch) -> Result<Wiped, WipeError> {
        let author = Author { user: "alice".into(), device: "laptop".into() };
        let memory = self.directory.path().join("pair.db");
        let copies =
            Copies { disk: &self.disk, memory: &memory, names: NameRule::Portable, epoch, author: &author };
        let counted = AtomicU64::new(0);
        let wiped = replica::wipe(copies, &counted, &|| false);
        if let Ok(wiped) = &wiped {
            assert_eq!(counted.load(Ordering::Relaxed), wiped.removed);
        }
        wiped
    }

    fn left(&self) -> Vec<String> {
        self.disk.user(|user| user.tree().keys().map(ToString::to_string).collect())
    }

    /// All bytes that a person can still find.
    fn bytes(&self) -> Vec<Vec<u8>> {
        let tree = self.disk.user(|user| user.tree());
        let bytes = |seen| match seen {
            Seen::File { bytes, .. } => Some(bytes.to_vec()),
            _ => None,
        };
        tree.into_values().filter_map(bytes).collect()
    }
}

#[test]
fn what_is_in_step_goes_and_so_do_trash_and_stage() {
    let world = World::in_step();
    // Something the remote side removed lies in the trash, and half a download in the stage.
    let expected = world.disk.look(&Place::from(&path("top"))).unwrap().unwrap().fingerprint;
    let gone = filesystem::change::remove(&world.disk, &path("top"), &expected, None, &|_| unreachable!());
    assert!(matches!(gone, Ok(filesystem::change::Outcome::Done { .. })));
    drop(world.disk.stage_file().unwrap());
    assert_eq!(world.disk.user(|user| user.trash().len()), 1);
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 5, kept: 0, left: 0 });
    assert_eq!(world.left(), [""; 0]);
    assert!(world.disk.user(|user| user.trash().is_empty() && user.stage_is_empty()));
    assert_eq!(world.wipe().unwrap(), Wiped::default(), "once more is no harm");
}

#[test]
fn what_is_not_on_the_remote_side_stays_with_the_directories_above_it() {
    let world = World::in_step();
    world.disk.user(|user| {
        user.save(&path("a/one"), b"edited and saved").unwrap();
        user.append(&path("a/deep/er/four"), b"!").unwrap();
        user.make_directory(&path("mine")).unwrap();
        user.write(&path("mine/new"), b"never synced").unwrap();
        user.write(&path("empty/film.part"), b"half a film").unwrap();
        user.make_directory(&path("Not synced")).unwrap();
        user.write(&path("Not synced/old"), b"gave way").unwrap();
        user.remove(&path("a/link")).unwrap();
        user.make_link(&path("a/link"), b"elsewhere").unwrap();
        user.make_special(&path("a/pipe")).unwrap();
    });
    let wiped = world.wipe().unwrap();
    let left = [
        "Not synced",
        "Not synced/old",
        "a",
        "a/deep",
        "a/deep/er",
        "a/deep/er/four",
        "a/link",
        "a/one",
        "a/pipe",
        "empty",
        "empty/film.part",
        "mine",
        "mine/new",
    ];
    assert_eq!(world.left(), left);
    assert_eq!(wiped, Wiped { removed: 3, kept: 7, left: 0 });
    assert_eq!(world.bytes().len(), 5);
}

#[test]
fn copies_are_known_by_their_bytes_wherever_they_are_and_however_they_look() {
    let world = World::in_step();
    world.disk.user(|user| {
        // Moved while nobody watched, also out of and into other directories.
        user.rename(&path("a/one"), &path("moved")).unwrap();
        user.make_directory(&path("mine")).unwrap();
        user.rename(&path("a/deep"), &path("mine/deep")).unwrap();
        // Touched, and saved again with the same bytes.
        user.set_mtime(&path("top"), Timestamp(5)).unwrap();
        user.save(&path("a/two"), b"content of a/two").unwrap();
        // What has a copy's name and node, and other bytes of the same length, is none.
        user.write(&path("mine/deep/three"), b"CONTENT of a/deep/three").unwrap();
    });
    let wiped = world.wipe().unwrap();
    assert_eq!(world.left(), ["mine", "mine/deep", "mine/deep/three"]);
    assert_eq!(wiped, Wiped { removed: 5, kept: 1, left: 0 });
}

#[test]
fn what_is_gone_from_the_remote_side_and_not_from_here_yet_stays() {
    let world = World::in_step();
    let mut store = world.store();
    let top = store.all_keys(NodeKey::ROOT, 100).unwrap().into_iter().find_map(|key| {
        let row = store.row(key).unwrap()?;
        (row.triple.local.as_ref()?.name.as_str() == "top").then_some((key, row))
    });
    let (key, mut row) = top.unwrap();
    row.triple.remote = None;
    store.put(key, row).unwrap();
    store.commit().unwrap();
    drop(store);
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 4 + 1, kept: 1, left: 0 });
    assert_eq!(world.left(), ["top"]);
}

#[test]
fn where_times_are_coarse_or_writers_unknown_every_file_is_read() {
    let hidden = |options: FakeOptions| {
        let world = World::in_step_on(options);
        let at = path("a/one");
        let before = world.disk.look(&Place::from(&at)).unwrap().unwrap().fingerprint;
        world.disk.user(|user| {
            user.write(&at, b"CONTENT of a/one").unwrap();
            user.set_mtime(&at, before.mtime).unwrap();
        });
        // As if the disk had told no difference: the memory holds how it looks now.
        let now = world.disk.look(&Place::from(&at)).unwrap().unwrap().fingerprint;
        let mut store = world.store();
        let key = store.keys_of_handles(std::slice::from_ref(&now.handle)).unwrap()[&now.handle][0];
        let mut row = store.row(key).unwrap().unwrap();
        row.extra.disk = Some(now);
        store.put(key, row).unwrap();
        store.commit().unwrap();
        drop(store);
        world.wipe().unwrap();
        world.bytes()
    };
    let edited = [b"CONTENT of a/one".to_vec()];
    assert_eq!(hidden(FakeOptions { mtime_granularity_ns: 2_000_000_000, ..FakeOptions::default() }), edited);
    assert_eq!(hidden(FakeOptions { writers: false, ..FakeOptions::default() }), edited);
}

#[test]
fn what_file_managers_leave_goes_with_the_directories_that_it_shows() {
    let world = World::in_step();
    world.disk.user(|user| {
        user.write(&path("a/Thumbs.db"), b"small pictures of a").unwrap();
        user.write(&path(".DS_Store"), b"of the root").unwrap();
        user.make_directory(&path("mine")).unwrap();
        user.write(&path("mine/.DS_Store"), b"of what was never synced").unwrap();
    });
    world.wipe().unwrap();
    assert_eq!(world.left(), ["mine", "mine/.DS_Store"]);
}

#[test]
fn a_copy_that_is_being_written_is_left_until_it_is_not() {
    let world = World::in_step();
    let writer = world.disk.user(|user| user.open(&path("a/one")).unwrap());
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 5, kept: 0, left: 1 });
    assert_eq!(world.left(), ["a", "a/one"]);
    let edited = world.disk.fork();
    world.disk.user(|user| user.close(writer));
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 1, kept: 0, left: 0 });
    let world = World { disk: edited, ..world };
    world.disk.user(|user| {
        user.write_open(writer, 0, b"CONTENT").unwrap();
        user.close(writer);
    });
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 0, kept: 1, left: 0 });
    assert_eq!(world.bytes(), [b"CONTENT of a/one"]);
}

#[test]
fn without_the_replica_or_its_memory_nothing_goes() {
    let world = World::in_step();
    let before = world.left();
    world.disk.set_offline(true);
    assert!(matches!(world.wipe(), Err(WipeError::Disk(_))));
    world.disk.set_offline(false);
    std::fs::remove_file(world.directory.path().join("pair.db")).unwrap();
    std::fs::write(world.directory.path().join("pair.db"), vec![7; 4096]).unwrap();
    assert!(matches!(world.wipe(), Err(WipeError::Memory(_))));
    std::fs::remove_file(world.directory.path().join("pair.db")).unwrap();
    assert_eq!(world.wipe().unwrap(), Wiped { removed: 0, kept: 6, left: 0 });
    assert_eq!(world.left(), before);
}

#[test]
fn a_server_that_was_restored_from_a_backup_has_nothing_removed_that_was_agreed_on_before() {
    let world = World::in_step();
    let expected = world.disk.look(&Place::from(&path("top"))).unwrap().unwrap().fingerprint;
    filesystem::change::remove(&world.disk, &path("top"), &expected, None, &|_| unreachable!()).unwrap();
    let before = (world.left(), world.disk.user(|user| user.trash()));
    assert_eq!(world.wipe_for(Epoch([2; 16])).unwrap(), Wiped { removed: 0, kept: 5, left: 0 });
    assert_eq!((world.left(), world.disk.user(|user| user.trash())), before);
}

/// How many primitives a wipe takes.
fn steps() -> (u64, u64) {
    let world = World::in_step();
    let first = world.disk.steps();
    world.wipe().unwrap();
    (first, world.disk.steps())
}

#[test]
fn whatever_is_saved_at_any_step_is_still_there() {
    let (first, last) = steps();
    assert!(last - first > 40, "{first} to {last}");
    for (way, step) in (0..3).flat_map(|way| (first..last).map(move |step| (way, step))) {
        let world = World::in_step();
        let bytes = format!("saved at {step}").into_bytes();
        let (saved, mut is_done) = (bytes.clone(), false);
        world.disk.set_hook(Some(Box::new(move |now, user| {
            if now < step || is_done {
                return;
            }
            is_done = true;
            // Whoever saves where there is no directory any more is told so, and saves elsewhere.
            let at = path("a/deep/er/four");
            let done = match way {
                0 => user.write(&at, &saved),
                1 => user.save(&at, &saved),
                _ => user.write(&path("a/deep/er/new"), &saved),
            };
            if done.is_err() {
                user.write(&path("elsewhere"), &saved).unwrap();
            }
        })));
        world.wipe().unwrap();
        world.disk.set_hook(None);
        assert!(world.bytes().contains(&bytes), "way {way}, step {step}: {:?}", world.left());
        world.wipe().unwrap();
        assert!(world.bytes().contains(&bytes), "way {way}, step {step}, once more");
        assert_eq!(world.bytes().len(), 1, "and all else is gone");
    }
}

#[test]
fn stopped_at_any_step_it_is_done_by_the_next_and_keeps_what_it_must() {
    let (first, last) = steps();
    for step in first..last {
        for fault in [Fault::Halt, Fault::HaltAfter] {
            let world = World::in_step();
            world.disk.user(|user| user.save(&path("a/deep/three"), b"edited").unwrap());
            world.disk.write_back();
            world.disk.fail_at(world.disk.steps() + (step - first), fault);
            let _stopped = world.wipe();
            world.disk.restart_machine(step);
            world.wipe().unwrap();
            assert_eq!(world.bytes(), [b"edited"], "step {step}, {fault:?}");
            assert!(world.disk.user(|user| user.trash().is_empty()), "step {step}, {fault:?}");
        }
    }
}

//! A backup is whole or is not there, and costs what is new.

use crate::world::{World, adapters, noise};
use backup::{Error, backups};
use content::ChunkStore;
use model::Timestamp;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use versioning::collection::{collect, plan::Rules};

fn below(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn a_backup_is_whole_its_owners_alone_and_the_next_one_costs_what_is_new() {
    let world = World::new();
    for seed in 0..10 {
        world.file(&format!("file {seed}"), &noise(seed, 40_000));
    }
    let first = world.create().unwrap();
    assert!(first.packs >= 4 && first.known_packs == 0, "{first:?}");
    let found = world.verify();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.report.unwrap().versions, 10);
    for path in below(&first.backup) {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    assert_eq!(fs::read(first.backup.join("tls/key.pem")).unwrap(), b"secret");
    assert_eq!(fs::read(first.backup.join(backup::SEAL_KEY)).unwrap(), [7; 32]);

    world.file("one more", &noise(100, 40_000));
    let second = world.create().unwrap();
    assert_eq!((second.known_packs, second.packs), (first.packs, first.packs + 1));
    let catalog = fs::metadata(second.backup.join("catalog.db")).unwrap().len();
    assert!(second.written_bytes < catalog + 1000, "packs are linked: {second:?}");
    assert_eq!(world.verify().report.unwrap().versions, 11);
    assert_eq!(backups(&world.target()).unwrap(), [first.backup, second.backup.clone()]);

    let copied = world.create_with(|order| backup::Order { copy: true, keep: Some(2), ..order }).unwrap();
    assert!(copied.written_bytes > 400_000 && copied.known_packs == 0, "{copied:?}");
    let packs = below(&copied.backup.join(backup::PACKS));
    assert!(packs.iter().all(|pack| pack.metadata().unwrap().nlink() == 1));
    assert_eq!(backups(&world.target()).unwrap(), [second.backup, copied.backup]);
    assert_eq!(world.verify().problems, Vec::<String>::new());
}

/// Commits and collection without any grace go on while backups are made.
#[test]
fn a_backup_made_while_files_come_and_go_is_consistent() {
    let world = World::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&stop);
        scope.spawn(|| {
            for seed in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let node = world.file(&format!("file {seed}"), &noise(seed, 9_000));
                if seed % 3 != 0 {
                    forget(&world, node);
                }
            }
        });
        scope.spawn(|| {
            let rules = Rules { grace_ns: 0, most_percent: None, seal_bytes: 1, ..Rules::default() };
            while !stop.load(Ordering::SeqCst) {
                let now = Timestamp(crate::world::NOW.0);
                collect(&*world.database, &*world.store, rules, now, &mut || true).unwrap();
            }
        });
        for _ in 0..8 {
            world.create().unwrap();
            let found = world.verify();
            assert_eq!(found.problems, Vec::<String>::new());
        }
        drop(ends);
    });
    let scratch = tempfile::tempdir().unwrap();
    let oldest = &backups(&world.target()).unwrap()[0];
    let name = oldest.file_name().unwrap().to_str();
    let found = backup::verify(&world.target(), name, scratch.path(), &adapters()).unwrap();
    assert_eq!(found.problems, Vec::<String>::new(), "what went since then is still in it");
}

/// Tells the others to end, also when a check has failed.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A file is removed and purged.
fn forget(world: &World, node: model::NodeId) {
    let folder = world.folder;
    let revision = metadata::read::<_, metadata::Error>(&*world.database, move |s| s.nodes(folder, &[node]))
        .unwrap()[0]
        .revision;
    world.commit(model::Operation::Remove { node, base: revision }, Vec::new());
    metadata::write::<_, metadata::Error>(&*world.database, move |t| {
        let rows = t.versions(folder, node, model::Seq(0), 100)?;
        t.purge_nodes(folder, &[node])?;
        t.drop_versions(folder, &rows.iter().map(|row| (node, row.seq)).collect::<Vec<_>>())
    })
    .unwrap();
}

#[test]
fn every_flipped_bit_is_found_and_named() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    let backup = world.create().unwrap().backup;
    for file in below(&backup) {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            // A file of its own: the store keeps its bytes.
            fs::remove_file(&file).unwrap();
            fs::write(&file, &flipped).unwrap();
            let scratch = tempfile::tempdir().unwrap();
            let name = file.strip_prefix(&backup).unwrap().display().to_string();
            match backup::verify(&world.target(), None, scratch.path(), &adapters()) {
                Ok(found) => assert!(found.problems[0].starts_with(&name), "{name}: {:?}", found.problems),
                Err(Error::Damaged { path, .. }) => {
                    assert!(name.starts_with("manifest") && path.ends_with("manifest.json"));
                }
                Err(error) => panic!("{name}: {error}"),
            }
        }
        fs::write(&file, &whole).unwrap();
    }
    let pack = below(&backup.join(backup::PACKS)).remove(0);
    fs::remove_file(pack).unwrap();
    assert!(world.verify().problems.iter().any(|problem| problem.contains("it is missing")));
}

#[test]
fn what_a_killed_run_leaves_is_no_backup_and_goes_with_the_next() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    let first = world.create().unwrap();
    let unfinished = world.target().join(".unfinished-2026-11-22T10-20-30Z");
    fs::create_dir_all(unfinished.join("store")).unwrap();
    fs::write(unfinished.join("manifest.json"), "{").unwrap();
    fs::write(world.target().join("notes.txt"), "mine").unwrap();
    assert_eq!(backups(&world.target()).unwrap(), std::slice::from_ref(&first.backup));
    assert_eq!(world.verify().backup, first.backup);
    let interrupted = world.create_with(|order| backup::Order { go_on: &|| false, ..order });
    assert!(matches!(interrupted, Err(Error::Interrupted)));
    assert!(!unfinished.exists());
    assert_eq!(backups(&world.target()).unwrap(), [first.backup]);
    world.create().unwrap();
    assert_eq!(fs::read(world.target().join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn a_place_that_is_no_good_is_refused() {
    let world = World::new();
    let inside = world.data.join("backups");
    let refused = world.create_with(|order| backup::Order { target: Path::new("relative"), ..order });
    assert!(matches!(refused, Err(Error::Unfit { .. })));
    let source = backup::Source { database: &*world.database, store: &*world.store, data: &world.data };
    let order = backup::Order {
        target: &inside,
        copy: false,
        keep: None,
        version: "test",
        now: crate::world::NOW,
        go_on: &|| true,
    };
    assert!(matches!(backup::create(source, order), Err(Error::Unfit { .. })));
    assert!(!inside.exists());
    let plain = world.place.path().join("plain");
    let stored = plain.clone().into_os_string().into_encoded_bytes();
    let set = move |settings: &mut metadata::folder::FolderSettings| settings.plain_directory = Some(stored);
    let authority = versioning::folder::Authority::Administrator;
    versioning::folder::set(&*world.database, authority, world.folder, set, crate::world::NOW).unwrap();
    fs::create_dir_all(&plain).unwrap();
    let within = plain.join("backups");
    let refused = backup::create(source, backup::Order { target: &within, ..order });
    assert!(matches!(refused, Err(Error::Unfit { .. })), "it would be taken for people's files");
    fs::create_dir_all(world.target()).unwrap();
    let lock = fs::File::create(world.target().join(".lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(world.create(), Err(Error::InUse(_))));
}

/// The oldest goes, and the newest is what is restored, whatever the clock says.
#[test]
fn a_clock_that_goes_back_takes_no_new_backup_for_an_old_one() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    let first = world.create().unwrap().backup;
    let days = |days: i64| Timestamp(crate::world::NOW.0 + days * 86_400_000_000_000);
    let back = world.create_with(|order| backup::Order { now: days(-2), keep: Some(1), ..order }).unwrap();
    assert!(back.backup.exists() && back.removed == [first]);
    for _ in 0..11 {
        let next = world.create().unwrap();
        assert_eq!(backups(&world.target()).unwrap().last(), Some(&next.backup));
    }
    let later = world.create_with(|order| backup::Order { now: days(1), keep: Some(2), ..order }).unwrap();
    assert_eq!(backups(&world.target()).unwrap()[1], later.backup);
    assert_eq!(world.verify().backup, later.backup);
}

#[test]
fn what_an_earlier_backup_has_lost_is_taken_from_the_store_again() {
    let world = World::new();
    for seed in 0..6 {
        world.file(&format!("file {seed}"), &noise(seed, 40_000));
    }
    let first = world.create().unwrap();
    let packs = below(&first.backup.join(backup::PACKS));
    fs::remove_file(&packs[0]).unwrap();
    fs::remove_file(&packs[1]).unwrap();
    fs::write(&packs[1], "cut short").unwrap();
    let second = world.create().unwrap();
    assert_eq!(second.known_packs, first.packs - 2);
    assert_eq!(world.verify().problems, Vec::<String>::new());
}

/// A pack that holds nothing any more and has waited long enough is in nobody's snapshot, but in the list of packs.
#[test]
fn collection_takes_no_pack_from_under_a_backup() {
    let world = World::new();
    content::conformance::append(&*world.store, &[content::conformance::single(&noise(9, 5_000))]).unwrap();
    world.store.seal().unwrap();
    world.file("a", &noise(1, 30_000));
    let rules = Rules { grace_ns: 1, ..Rules::default() };
    let at = |later: i64| {
        let now = Timestamp(crate::world::NOW.0 + later);
        collect(&*world.database, &*world.store, rules, now, &mut || true).unwrap()
    };
    assert_eq!(at(0).removed_packs, 0);
    let source = backup::Source { database: &*world.database, store: &*world.store, data: &world.data };
    let order = backup::Order {
        target: &world.target(),
        copy: false,
        keep: None,
        version: "test",
        now: crate::world::NOW,
        go_on: &|| {
            assert_eq!(at(10).removed_packs, 0);
            true
        },
    };
    let made = backup::create(source, order).unwrap();
    assert!(made.packs >= 2);
    assert_eq!(at(20).removed_packs, 1);
    assert_eq!(world.verify().problems, Vec::<String>::new());
}

/// A number that was given twice, by a server brought back and by the one that went on, is not taken for the same pack.
#[test]
fn in_another_epoch_no_pack_counts_as_known() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    world.create().unwrap();
    versioning::identity::start_epoch(&*world.database, model::Epoch([5; 16])).unwrap();
    let second = world.create().unwrap();
    assert_eq!(second.known_packs, 0);
    assert!(world.store.packs().unwrap().len() as u64 >= second.packs);
}

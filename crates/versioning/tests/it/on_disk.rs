//! Database and chunk store as a server has them: files that outlive the process, and that rot.

use crate::world::{NOW, World, applied, create_file, digest, one, remove};
use content::{ChunkStore, Codec, Depth, Entry, Record};
use content_store::PackStore;
use metadata_sqlite::Sqlite;
use model::NodeId;
use std::path::Path;
use std::sync::Arc;
use versioning::fetch::file;
use versioning::restore::{Item, Restore, restore};
use versioning::verify::{Problem, Report, verify};
use versioning::{Commit, commit};

const TEXT: &[u8] = b"bytes that are kept for years";

fn check(database: &Sqlite, store: PackStore, depth: Depth) -> Report {
    verify(database, Arc::new(store), depth, digest).unwrap()
}

fn packs(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn a_file_survives_a_restart_and_a_removal_and_its_damage_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let (catalog, packs_in) = (directory.path().join("catalog.db"), directory.path().join("packs"));
    let world = World::on(Arc::new(Sqlite::open(&catalog).unwrap()));
    let text = std::str::from_utf8(TEXT).unwrap();
    let node = {
        let store = PackStore::open(&packs_in).unwrap();
        let entries = [Entry { chunk: crate::world::chunk_id(TEXT), length: TEXT.len() as u32 }];
        let received = store.append(&[Record { entries: &entries, codec: Codec::Raw, bytes: TEXT }]).unwrap();
        let plain = world.plain(vec![one(create_file(0, NodeId::ROOT, "kept", text))]);
        let answer = commit(&*world.database, Commit { received, ..plain }).unwrap();
        applied(&answer.outcomes[0])[0]
    };
    world.each(vec![remove(node, world.revision(node))], &[]);
    drop(world.database);

    let database = Arc::new(Sqlite::open(&catalog).unwrap());
    let world = World { database: Arc::<Sqlite>::clone(&database), ..world };
    let request = Restore {
        permit: world.may_write(),
        key: world.next_key(),
        digest: [0; 32],
        items: vec![Item::Node(node)],
        limits: world.limits,
        now: NOW,
    };
    applied(&restore(&*world.database, request).unwrap().outcomes[0]);
    let store = PackStore::open(&packs_in).unwrap();
    let read = file(&*world.database, world.may_read(), node, None, NOW).unwrap();
    assert_eq!(store.read_chunk(&read.chunks[0]).unwrap(), TEXT);
    assert_eq!(check(&database, store, Depth::AllBytes).problems, []);

    // One bit of the stored bytes turns.
    let damaged = packs(&packs_in).into_iter().find_map(|path| {
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(TEXT.len()).position(|window| window == TEXT)?;
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        Some(path)
    });
    assert!(damaged.is_some(), "so short a chunk is stored as it is");
    let report = check(&database, PackStore::open(&packs_in).unwrap(), Depth::AllBytes);
    assert!(
        report.problems.iter().any(|problem| matches!(problem, Problem::Chunk { chunk, .. }
            if *chunk == crate::world::chunk_id(TEXT))),
        "{report:?}"
    );
}

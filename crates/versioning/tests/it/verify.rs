//! Verification finds every planted fault, and nothing else.

use crate::world::{World, create, digest, manifest, one, update};
use content::MemoryStore;
use metadata::audit::AuditEntry;
use metadata_sqlite::Sqlite;
use model::{Content, NodeId, NodeRef, Timestamp};
use std::sync::Arc;
use versioning::verify::Problem;
use versioning::{Commit, commit};

const ROOT: NodeId = NodeId::ROOT;

/// A folder with a bit of everything, and a second connection to its database.
fn world() -> (World, rusqlite::Connection, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let world = World::on(Arc::new(Sqlite::open(&path).unwrap()));
    let d = world.directory(ROOT, "d");
    let a = world.file(d, "a", "one");
    world.each(vec![update(a, world.revision(a).version, "two")], &["two"]);
    let big = manifest(&[b"part one", b"part two"]);
    let received = world.store(&[b"part one", b"part two"]);
    let content = Content::File { id: big.content(), size: big.size() };
    let plain = world.plain(vec![one(create(0, NodeRef::Id(d), "big", content))]);
    commit(&*world.database, Commit { received, manifests: vec![big], ..plain }).unwrap();
    for number in 1..4 {
        let entry = AuditEntry {
            at: Timestamp(number),
            user: None,
            device: None,
            address: String::new(),
            action: "test",
            folder: None,
            allowed: false,
            details: vec![],
        };
        metadata::write::<_, metadata::Error>(&*world.database, move |t| t.append_audit(&entry, digest))
            .unwrap();
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    (world, connection, directory)
}

#[test]
fn a_sound_state_is_sound_and_counted() {
    let (world, _connection, _directory) = world();
    world.store(&[b"left over from a refused group"]);
    let report = world.verify();
    assert_eq!(report.problems, []);
    assert!(report.is_clean());
    assert_eq!((report.folders, report.nodes, report.versions, report.contents), (1, 4, 3, 3));
    assert_eq!((report.chunks, report.unreferenced_chunks), (4, 0));
}

#[test]
fn every_planted_fault_is_found() {
    let faults = [
        "UPDATE node SET name_key = 'q' WHERE id = 3",
        "UPDATE node SET parent = 99 WHERE id = 3",
        "UPDATE node SET parent = 3 WHERE id = 4",
        "UPDATE node SET deleted = 1 WHERE id = 2",
        "UPDATE node SET parent = 2 WHERE id = 2",
        "UPDATE node SET seq = 77 WHERE id = 3",
        "UPDATE node SET subtree_seq = 1 WHERE id = 2",
        "UPDATE node SET size = 4 WHERE id = 3",
        "UPDATE node SET version = 1 WHERE id = 3",
        "DELETE FROM node WHERE id = 3",
        "DELETE FROM node WHERE id = 4",
        "DELETE FROM placement WHERE node = 3",
        "UPDATE placement SET name = 'other' WHERE node = 2",
        "DELETE FROM version WHERE node = 3 AND number = 2",
        "INSERT INTO version SELECT folder, 50, seq, number, content, size, target, executable, mtime, user, device,
             origin, of_number, reason, epoch, at, thinned_from FROM version WHERE node = 4",
        "UPDATE folder SET used_bytes = used_bytes + 1",
        "UPDATE folder SET nodes = nodes - 1",
        "UPDATE folder SET next_node = 4",
        "UPDATE folder SET head_seq = 3",
        "UPDATE user SET used_bytes = 5",
        "DELETE FROM content",
        "UPDATE content SET size = size + 1",
        "DELETE FROM folder_chunk WHERE chunk = (SELECT min(chunk) FROM folder_chunk)",
        "DELETE FROM chunk WHERE length = 3",
        "DELETE FROM chunk WHERE length = 8",
        "UPDATE chunk SET length = 4 WHERE length = 3",
        "UPDATE chunk SET record = record + 1",
        "UPDATE chunk SET pack = 7",
        "UPDATE pack SET live_bytes = 0",
        "DELETE FROM audit WHERE number = 2",
        "DROP TRIGGER audit_is_never_changed; UPDATE audit SET allowed = 1 WHERE number = 3",
    ];
    let (world, connection, directory) = world();
    let path = directory.path().join("catalog.db");
    drop(world.database);
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    for (index, fault) in faults.iter().enumerate() {
        let copy = directory.path().join(format!("{index}.db"));
        std::fs::copy(&path, &copy).unwrap();
        rusqlite::Connection::open(&copy).unwrap().execute_batch(fault).unwrap();
        let database = Sqlite::open(&copy).unwrap();
        let store = Arc::new(world.store.clone());
        let report = versioning::verify::verify(&database, store, content::Depth::Index, digest).unwrap();
        assert!(!report.is_clean(), "{fault}");
        report.problems.iter().for_each(|problem| assert!(!problem.to_string().is_empty()));
    }
}

#[test]
fn missing_packs_are_found() {
    let (world, _connection, _directory) = world();
    let world = World { store: MemoryStore::new(), ..world };
    let report = world.verify();
    assert_eq!(report.problem_count, 4);
    let missing = |problem: &Problem| matches!(problem, Problem::Chunk { what: "its pack is missing", .. });
    assert!(report.problems.iter().all(missing), "{:?}", report.problems);
}

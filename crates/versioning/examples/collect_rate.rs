//! How long a collection takes, and how long its longest step: `cargo run --release -p versioning --example collect_rate [FILES]`.
//!
//! Half of the files are nobody's any more; their packs are rewritten. What a step takes is what a commit may have to wait.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the program")]

use content::{BlockBuilder, ChunkStore, Record, StoredRecord};
use content_store::PackStore;
use metadata::account::{NewUser, Subject};
use metadata::{Database, Error, read, write};
use metadata_sqlite::Sqlite;
use model::permit::Write;
use model::{
    Action, Content, ContentId, FolderId, Group, IdempotencyKey, Limits, Name, NameRule, NodeId, NodeRef,
    Operation, Origin, Permit, Principal, Privilege, Seq, Timestamp, authorize,
};
use std::time::{Duration, Instant};
use versioning::collection::{Collection, plan::Rules};
use versioning::{Commit, commit, folder};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const BATCH: u64 = 10_000;
const FILE_BYTES: usize = 1_000;

fn main() {
    let files: u64 = std::env::args().nth(1).map_or(100_000, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&directory.path().join("catalog.db")).unwrap();
    let store = PackStore::open(&directory.path().join("packs")).unwrap();
    let permit = permit(&database);
    for number in 0..files / BATCH {
        commit(&database, request(&store, permit, number)).unwrap();
    }
    forget_half(&database, permit.folder());
    let rules = Rules { grace_ns: 0, most_percent: None, ..Rules::default() };
    for what in ["half is nobody's", "nothing to do"] {
        let mut run = Collection::new(rules);
        let (begun, mut longest, mut steps) = (Instant::now(), Duration::ZERO, 0);
        loop {
            let before = Instant::now();
            let more = run.step(&database, &store, NOW).unwrap();
            longest = longest.max(before.elapsed());
            steps += 1;
            if !more {
                break;
            }
        }
        println!(
            "{files} files, {what}: {:.2} s in {steps} steps, the longest {:.0} ms; {:?}",
            begun.elapsed().as_secs_f64(),
            longest.as_secs_f64() * 1000.0,
            run.done()
        );
    }
}

fn forget_half(database: &dyn Database, folder: FolderId) {
    write::<_, Error>(database, move |t| {
        let mut after = None;
        loop {
            let rows = t.scan_versions(folder, after, 10_000)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some((last.node, last.seq));
            let gone: Vec<(NodeId, Seq)> =
                rows.iter().filter(|row| row.node.0 % 2 == 0).map(|row| (row.node, row.seq)).collect();
            let nodes: Vec<NodeId> = gone.iter().map(|(node, _)| *node).collect();
            let mut states = t.nodes(folder, &nodes)?;
            states.iter_mut().for_each(|row| row.deleted = true);
            t.put_nodes(folder, &states, &[])?;
            t.purge_nodes(folder, &nodes)?;
            t.drop_versions(folder, &gone)?;
        }
    })
    .unwrap();
}

fn permit(database: &dyn Database) -> Permit<Write> {
    let folder: FolderId = folder::create(database, folder::Create::shared("docs"), NOW).unwrap();
    let user = write::<_, Error>(database, |t| {
        let name = Name::new("alice").unwrap();
        t.create_user(&NewUser {
            name: "alice".into(),
            name_key: NameRule::Portable.key(&name),
            administrator: false,
            quota_bytes: None,
            at: NOW,
        })
    })
    .unwrap();
    let administrator = folder::Authority::Administrator;
    folder::grant(database, administrator, folder, Subject::User(user), Some(Privilege::Write), NOW).unwrap();
    let principal = Principal { user, device: None, from: Origin::Inside };
    let facts = read::<_, Error>(database, move |s| s.facts(principal, folder, NOW)).unwrap();
    authorize(principal, folder, Action::Write, facts).unwrap()
}

/// Files of random bytes, in blocks as a bundle brings them.
fn request(store: &PackStore, permit: Permit<Write>, number: u64) -> Commit {
    let (mut blocks, mut builder) = (Vec::<StoredRecord>::new(), BlockBuilder::new());
    let groups = (0..BATCH)
        .map(|index| {
            let file = number * BATCH + index;
            let mut bytes = vec![0; FILE_BYTES];
            blake3::Hasher::new().update(&file.to_le_bytes()).finalize_xof().fill(&mut bytes);
            let (chunk, full) = builder.push(&bytes);
            blocks.extend(full);
            let content = Content::File { id: ContentId::of_single_chunk(chunk), size: FILE_BYTES as u64 };
            Group {
                operations: vec![Operation::Create {
                    temporary: u32::try_from(index).unwrap(),
                    parent: NodeRef::Id(NodeId::ROOT),
                    name: Name::new(&format!("file number {file}.txt")).unwrap(),
                    content,
                    executable: false,
                    mtime: NOW,
                }],
            }
        })
        .collect();
    blocks.extend(builder.finish());
    let records: Vec<Record<'_>> = blocks.iter().map(StoredRecord::as_record).collect();
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_le_bytes());
    Commit {
        permit,
        key: IdempotencyKey(key),
        digest: [0; 32],
        groups,
        authors: versioning::Authors::Caller,
        manifests: Vec::new(),
        received: store.append(&records).unwrap(),
        uploads: Vec::new(),
        limits: Limits { commit_operations: 20_000, ..Limits::default() },
        now: NOW,
    }
}

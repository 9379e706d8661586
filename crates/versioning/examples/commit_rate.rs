//! How many file versions a second a core commits: `cargo run --release -p versioning --example commit_rate`.
//!
//! Prints the process's CPU time (user and system, from /proc) beside the wall time; the wall time includes one
//! synchronisation of the disk a commit.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the program")]

use metadata::account::{NewUser, Subject};
use metadata::{Database, Error, read, write};
use metadata_sqlite::Sqlite;
use model::location::{Codec, Located, Location, PackId};
use model::permit::Write;
use model::{
    Action, ChunkId, Content, ContentId, FolderId, Group, IdempotencyKey, Limits, Name, NameRule, NodeId,
    NodeRef, Operation, Origin, Permit, Principal, Privilege, Timestamp, authorize,
};
use std::time::Instant;
use versioning::{Commit, commit, folder};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn main() {
    for (batch, files) in [(2_000, 100_000), (10_000, 100_000), (1, 2_000)] {
        measure(batch, files);
    }
}

fn measure(batch: u64, files: u64) {
    let directory = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&directory.path().join("catalog.db")).unwrap();
    let permit = permit(&database);
    let mut commits: Vec<Commit> = (0..files / batch).map(|number| request(permit, number, batch)).collect();
    commits.reverse();
    let before = (Instant::now(), cpu_seconds(), database.figures());
    while let Some(request) = commits.pop() {
        commit(&database, request).unwrap();
    }
    let (wall, cpu) = (before.0.elapsed().as_secs_f64(), cpu_seconds() - before.1);
    let figures = database.figures();
    println!(
        "batches of {batch}: {files} files, {cpu:.2} s of CPU, {wall:.2} s; {:.0} files/s/core, {:.1} statements a commit",
        files as f64 / cpu,
        (figures.statements - before.2.statements) as f64 / (files / batch) as f64,
    );
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

/// Files in directories of a hundred; every hash as random as real ones.
fn request(permit: Permit<Write>, number: u64, batch: u64) -> Commit {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_le_bytes());
    let (mut groups, mut received) = (Vec::new(), Vec::new());
    let mut parent = NodeRef::Id(NodeId::ROOT);
    let make = |temporary, parent, name: String, content| Group {
        operations: vec![Operation::Create {
            temporary,
            parent,
            name: Name::new(&name).unwrap(),
            content,
            executable: false,
            mtime: NOW,
        }],
    };
    for index in 0..batch {
        let file = number * batch + index;
        if batch > 1 && index % 100 == 0 {
            let temporary = u32::try_from(batch + index).unwrap();
            groups.push(make(
                temporary,
                NodeRef::Id(NodeId::ROOT),
                format!("dir {file}"),
                Content::Directory,
            ));
            parent = NodeRef::Temporary(temporary);
        }
        let chunk = ChunkId(*blake3::hash(&file.to_le_bytes()).as_bytes());
        let location = Location {
            pack: PackId(1 + file / 10_000),
            offset: file / 200 * 100_000,
            stored_length: 100_000,
            codec: Codec::Zstd,
            checksum: file as u32,
            plain_length: 819_200,
            start: (file % 200 * 4096) as u32,
            length: 4096,
        };
        received.push(Located { chunk, location });
        let content = Content::File { id: ContentId::of_single_chunk(chunk), size: 4096 };
        groups.push(make(u32::try_from(index).unwrap(), parent, format!("file number {file}.txt"), content));
    }
    Commit {
        permit,
        key: IdempotencyKey(key),
        digest: [0; 32],
        groups,
        authors: versioning::Authors::Caller,
        manifests: Vec::new(),
        received,
        uploads: Vec::new(),
        limits: Limits { commit_operations: 20_000, ..Limits::default() },
        now: NOW,
    }
}

/// User and system time of this process, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

//! What searching a million names takes: `cargo test --release -p metadata-sqlite -- --ignored --nocapture searching`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a measurement that says what it found")]

use metadata::folder::{FolderKind, FolderSettings, NewFolder};
use metadata::node::{NameSearch, NodeRow};
use metadata::{Database, Error, read, write};
use metadata_sqlite::Sqlite;
use model::{Content, ContentId, FolderId, Name, NameRule, NodeId, Revision, Seq, Timestamp, VersionNumber};
use std::time::Instant;

const NODES: u64 = 1_000_000;
const WORDS: [&str; 16] = [
    "photo", "report", "invoice", "holiday", "draft", "final", "image", "letter", "contract", "meeting",
    "summary", "budget", "garden", "kitchen", "music", "video",
];

fn row(id: u64) -> NodeRow {
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = |shift: u32| WORDS[(mixed >> shift) as usize % WORDS.len()];
    let name = Name::new(&format!("{} {} {:06}.jpg", word(8), word(16), mixed >> 44)).unwrap();
    NodeRow {
        id: NodeId(id),
        parent: NodeId(1 + id / 1_000),
        name_key: NameRule::Portable.key(&Name::new(&format!("{}-{id}", name.as_str())).unwrap()),
        name,
        content: Content::File { id: ContentId([id as u8; 32]), size: 1_000 },
        executable: false,
        mtime: Timestamp(7),
        version: VersionNumber(1),
        revision: Revision { placement: Seq(id), version: Seq(id) },
        seq: Seq(id),
        subtree_seq: Seq(id),
        deleted: false,
        purged: false,
    }
}

fn fill(database: &dyn Database) -> FolderId {
    let settings = FolderSettings {
        name: "many".into(),
        name_key: NameRule::Portable.key(&Name::new("many").unwrap()),
        owner: None,
        quota_bytes: None,
        keep_versions: 1,
        keep_days: None,
        plain_directory: None,
    };
    let new = NewFolder { kind: FolderKind::Shared, names: NameRule::Portable, settings, at: Timestamp(1) };
    let folder = write::<_, Error>(database, move |transaction| transaction.create_folder(&new)).unwrap();
    for start in (2..=NODES + 1).step_by(20_000) {
        let rows: Vec<NodeRow> = (start..(start + 20_000).min(NODES + 2)).map(row).collect();
        write::<_, Error>(database, move |transaction| transaction.put_nodes(folder, &[], &rows)).unwrap();
    }
    folder
}

#[test]
#[ignore = "a measurement: see the module"]
fn a_million_names_are_searched() {
    let directory = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&directory.path().join("catalog.db")).unwrap();
    let folder = fill(&database);
    for text in ["photo", "garden kitchen", "123456", "nothing has this"] {
        for look in [500_000, 2_000_000] {
            let search =
                NameSearch { text: text.into(), exact: false, kind: None, size_min: 0, modified_since: None };
            let begun = Instant::now();
            let found = read::<_, Error>(&database, move |snapshot| {
                snapshot.search_names(folder, &search, None, look, 200)
            })
            .unwrap();
            eprintln!("{text:?}, {look} names: {} found in {:?}", found.nodes.len(), begun.elapsed());
        }
    }
}

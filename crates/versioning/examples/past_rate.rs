//! What retention and counting space cost in a folder of many files: `past_rate [FILES]`, a million unless said.
//!
//! A tenth of the files have three versions, a tenth are in the trash. The rows are made by SQL, not by commits.

#![allow(clippy::print_stdout, reason = "a measurement prints its figures")]

use metadata_sqlite::Sqlite;
use model::{FolderId, Timestamp};
use std::time::Instant;
use versioning::folder;
use versioning::retention::plan::DAY_NS;
use versioning::retention::{preview, round};
use versioning::space::{CHUNKS_AT_ONCE, of_all};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: i64 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("catalog.db");
    let id = {
        let database = Sqlite::open(&path)?;
        folder::create(&database, folder::Create::shared("docs"), NOW)?
    };
    fill(&path, id, files)?;
    let database = Sqlite::open(&path)?;
    let show = |what: &str, begun: Instant, said: String| {
        println!(
            "{what}: {:.2} s, at most {} MiB of memory until now; {said}",
            begun.elapsed().as_secs_f64(),
            peak_mib()
        );
    };
    let all = || of_all(&database, CHUNKS_AT_ONCE);
    let begun = Instant::now();
    show("space of everything", begun, format!("{:?}", all()?.folders[0].1));
    let change = |settings: &mut metadata::folder::FolderSettings| settings.keep_days = Some(30);
    folder::set(&database, folder::Authority::Administrator, id, change, NOW)?;
    let now = Timestamp(NOW.0 + 60 * DAY_NS);
    let begun = Instant::now();
    show("preview", begun, format!("{:?}", preview(&database, id, now)?));
    let begun = Instant::now();
    show("first round", begun, format!("{:?}", round(&database, id, now, &|| true)?));
    let begun = Instant::now();
    show("a round with nothing to do", begun, format!("{:?}", round(&database, id, now, &|| true)?));
    let begun = Instant::now();
    show("space of what is left", begun, format!("{:?}", all()?.folders[0].1));
    Ok(())
}

fn fill(path: &std::path::Path, id: FolderId, files: i64) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    let begun = Instant::now();
    connection.execute_batch(&format!(
        "PRAGMA synchronous = OFF; BEGIN;
         CREATE TEMP TABLE f AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {files})
             SELECT i, i + 2 AS id, i % 10 = 1 AS several, i % 10 = 2 AS removed FROM n;
         INSERT INTO node (folder, id, parent, name, name_key, kind, content, size, executable, mtime, version,
                 placement_seq, version_seq, seq, subtree_seq, deleted)
             SELECT {id}, id, 1, 'f' || i, 'f' || i, 1, randomblob(32), 1000 + i, 0, 0, 1 + 2 * several,
                 3 * i + 1 + 2 * removed, 3 * i + 1 + 2 * several, 3 * i + 1 + 2 * (several OR removed), 3 * i + 3, removed
             FROM f;
         INSERT INTO placement SELECT {id}, id, 3 * i + 1, 1, 'f' || i, 0, 1, NULL, {now} FROM f;
         INSERT INTO placement SELECT {id}, id, 3 * i + 3, 1, 'f' || i, 1, 1, NULL, {now} FROM f WHERE removed;
         INSERT INTO version (folder, node, seq, number, content, size, executable, mtime, user, origin, epoch, at)
             SELECT {id}, f.id, 3 * i + 1 + k, 1 + k, iif(k = 2 * several, n.content, randomblob(32)), n.size, 0, 0, 1, 0,
                 zeroblob(16), {now} + k
             FROM f JOIN (SELECT 0 AS k UNION SELECT 1 UNION SELECT 2) ON k <= 2 * several
                 JOIN node n ON n.folder = {id} AND n.id = f.id;
         INSERT INTO pack (id, chunks, live_bytes) VALUES (1, {files} * 2, 0);
         UPDATE folder SET head_seq = 3 * {files}, nodes = {files} - {files} / 10, next_node = {files} + 2;
         COMMIT;",
        id = id.0,
        now = NOW.0,
    ))?;
    println!("{files} files in {:.2} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// The most memory that the process has had.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0) / 1024
}

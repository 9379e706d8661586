//! No statement and no synchronisation of the disk for each small file.

use crate::world::{World, create_directory, create_file, move_to, one, remove, update};
use metadata_sqlite::Sqlite;
use model::{Group, GroupOutcome, NodeId};
use std::sync::Arc;
use versioning::changes::Cursor;
use versioning::fetch::{Wanted, plan};
use versioning::{Commit, commit};

const FILES: u32 = 20_000;
const BATCH: u32 = 2_000;

#[test]
fn twenty_thousand_files_cost_few_statements_and_one_commit_a_batch() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(Arc::new(Sqlite::open(&directory.path().join("catalog.db")).unwrap()));
    let before = world.database.figures();
    for start in (0..FILES).step_by(BATCH as usize) {
        let texts: Vec<String> = (start..start + BATCH).map(|number| format!("text {number}")).collect();
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let received = world.store(&texts);
        let groups: Vec<Group> = (start..start + BATCH)
            .map(|number| {
                one(create_file(number, NodeId::ROOT, &format!("file {number}"), &format!("text {number}")))
            })
            .collect();
        let answer = commit(&*world.database, Commit { received, ..world.plain(groups) }).unwrap();
        assert!(answer.outcomes.iter().all(|outcome| matches!(outcome, GroupOutcome::Applied(_))));
    }
    let after = world.database.figures();
    assert_eq!(after.commits - before.commits, u64::from(FILES / BATCH));
    let statements = after.statements - before.statements;
    assert!(statements < 250, "{statements} statements for {FILES} files");

    let before = world.database.figures().statements;
    let listing = world.follow(None, 10_000).0;
    assert_eq!(listing.len(), FILES as usize);
    let wanted = listing
        .iter()
        .map(|node| match node.content {
            model::Content::File { id, .. } => Wanted { chunk: id.as_single_chunk(), node: Some(node.id) },
            _ => panic!("only files here"),
        })
        .collect();
    let plan = plan(&*world.database, world.may_read(), wanted, &world.limits, crate::world::NOW).unwrap();
    assert!(plan.iter().all(Option::is_some));
    let statements = world.database.figures().statements - before;
    assert!(statements < 30, "{statements} statements to list and find {FILES} files");
}

/// What a commit costs follows what it changes, not what the folder holds.
#[test]
fn a_change_costs_the_same_in_a_folder_of_ten_and_of_ten_thousand() {
    let cost = |files: u32| {
        let world = World::new();
        let directory = world.directory(NodeId::ROOT, "directory");
        let other = world.directory(NodeId::ROOT, "other");
        let operations =
            (0..files).map(|number| create_file(number, directory, &format!("f{number}"), "x")).collect();
        world.each(operations, &["x"]);
        let big = world.directory(other, "big");
        let first = world.file(directory, "first", "1");
        let steps = |work: &dyn Fn()| {
            let before = world.database.figures().steps;
            work();
            world.database.figures().steps - before
        };
        let change = |operation| drop(world.each(vec![operation], &["2"]));
        vec![
            steps(&|| change(create_file(0, directory, "new", "2"))),
            steps(&|| change(create_directory(0, directory, "new directory"))),
            steps(&|| change(update(first, world.revision(first).version, "2"))),
            steps(&|| change(move_to(first, world.revision(first).placement, other, "moved"))),
            steps(&|| change(move_to(big, world.revision(big).placement, directory, "big"))),
            steps(&|| change(remove(first, world.revision(first)))),
            steps(&|| {
                let cursor = Cursor { since: world.row().counters.head, listing: None };
                world.follow(Some(cursor), 10);
            }),
        ]
    };
    let (few, many) = (cost(10), cost(10_000));
    for (index, (few, many)) in few.iter().zip(&many).enumerate() {
        assert!(*many <= few * 2, "{index}: {few} steps in a small folder, {many} in a big one");
    }
}

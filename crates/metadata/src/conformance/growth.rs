//! Sizes day by day, and what was done last.

use super::{Open, directory, file, folder, new_folder, read, write};
use crate::growth::{GrowthDay, GrowthRow};
use crate::node::NodeRow;
use crate::placement::PlacementRow;
use crate::version::{VersionOrigin, VersionRow};
use model::{DeviceId, Epoch, FolderId, NodeId, Revision, Seq, Timestamp, UserId};

pub(super) fn check(open: Open<'_>) {
    days_are_counted_once_and_summed(open);
    the_newest_change_of_each_node_is_told_with_who_made_it(open);
    names_are_found_within_a_part_of_the_ids(open);
}

fn days_are_counted_once_and_summed(open: Open<'_>) {
    let database = open();
    let one = folder(&*database);
    let other = write(&*database, |transaction| transaction.create_folder(&new_folder("Other")));
    let row = |folder: FolderId, day: u32, bytes: u64| GrowthRow {
        folder,
        day,
        at: Timestamp(i64::from(day)),
        head: Seq(bytes),
        current_bytes: bytes,
        history_bytes: 2 * bytes,
        trash_bytes: 3,
        versions: 4,
    };
    write(&*database, move |transaction| {
        transaction.put_growth(&[row(one, 5, 1), row(one, 6, 10), row(other, 6, 7)])?;
        transaction.put_growth(&[row(one, 6, 100)])
    });
    let day = |day, current_bytes, trash_bytes| GrowthDay {
        day,
        current_bytes,
        history_bytes: 2 * current_bytes,
        trash_bytes,
    };
    let growth = |folder, since| read(&*database, move |snapshot| snapshot.growth(folder, since));
    assert_eq!(growth(None, 0), [day(5, 1, 3), day(6, 107, 6)]);
    assert_eq!(growth(Some(one), 6), [day(6, 100, 3)]);
    let newest = read(&*database, |snapshot| snapshot.newest_growth());
    assert_eq!(newest, [row(one, 6, 100), row(other, 6, 7)]);
    assert_eq!(write(&*database, |transaction| transaction.forget_growth(6)), 1);
    assert_eq!(growth(None, 0), [day(6, 107, 6)]);
}

fn placement(node: u64, parent: u64, text: &str, seq: u64) -> PlacementRow {
    PlacementRow {
        node: NodeId(node),
        seq: Seq(seq),
        parent: NodeId(parent),
        name: super::name(text),
        deleted: false,
        user: UserId(1),
        device: Some(DeviceId(9)),
        at: Timestamp(seq as i64),
    }
}

fn version(row: &NodeRow, seq: u64) -> VersionRow {
    VersionRow {
        node: row.id,
        number: row.version,
        seq: Seq(seq),
        content: row.content.clone(),
        executable: row.executable,
        mtime: row.mtime,
        user: UserId(2),
        device: None,
        origin: VersionOrigin::Copy,
        of: None,
        epoch: Epoch([0; 16]),
        at: Timestamp(100 + seq as i64),
    }
}

fn the_newest_change_of_each_node_is_told_with_who_made_it(open: Open<'_>) {
    let database = open();
    let id = folder(&*database);
    let (moved, changed) = (file(3, 2, "b", 4), file(4, 2, "c", 5));
    let changed = NodeRow { revision: Revision { placement: Seq(3), version: Seq(5) }, ..changed };
    let (rows, versions) = ([directory(2, 1, "d", 1), moved, changed.clone()], [version(&changed, 5)]);
    let put = rows.clone();
    write(&*database, move |transaction| {
        transaction.put_nodes(id, &[], &put)?;
        transaction.put_placements(
            id,
            &[
                placement(2, 1, "d", 1),
                placement(3, 1, "a", 2),
                placement(3, 2, "b", 4),
                placement(4, 2, "c", 3),
            ],
        )?;
        transaction.put_versions(id, &versions)
    });
    let activity = |before, limit| read(&*database, move |snapshot| snapshot.activity(id, before, limit));
    let all = activity(None, 10);
    assert_eq!(
        all.iter().map(|row| row.node.clone()).collect::<Vec<_>>(),
        [&rows[2], &rows[1], &rows[0]].map(Clone::clone)
    );
    assert_eq!((all[0].user, all[0].at, all[0].placed), (Some(UserId(2)), Some(Timestamp(105)), false));
    assert_eq!((all[0].origin, all[0].before.clone()), (Some(VersionOrigin::Copy), None));
    assert_eq!(
        (all[1].user, all[1].device, all[1].at),
        (Some(UserId(1)), Some(DeviceId(9)), Some(Timestamp(4)))
    );
    assert_eq!(all[1].before, Some((NodeId(1), super::name("a"))));
    assert_eq!((all[2].before.clone(), all[2].placed, all[2].origin), (None, true, None));
    assert_eq!(activity(Some(Seq(5)), 1), all[1..2]);
}

fn names_are_found_within_a_part_of_the_ids(open: Open<'_>) {
    let database = open();
    let id = folder(&*database);
    let gone = NodeRow { deleted: true, ..file(4, 1, "x (y)", 4) };
    let rows = [file(2, 1, "a (y)", 2), file(3, 1, "b", 3), gone, file(5, 1, "c (y)", 5)];
    let put = rows.clone();
    write(&*database, move |transaction| transaction.put_nodes(id, &[], &put));
    let found = |after: u64, to: u64, limit| {
        read(&*database, move |snapshot| snapshot.nodes_with(id, " (y", NodeId(after), NodeId(to), limit))
    };
    assert_eq!(found(0, 9, 9), [rows[0].clone(), rows[3].clone()]);
    assert_eq!(found(0, 9, 1), rows[..1]);
    assert_eq!(found(2, 4, 9), []);
}

//! Retention's queue, marks and pins; and sums of what versions take.

use super::{Open, directory, file, folder, read, write};
use crate::node::NodeRow;
use crate::placement::PlacementRow;
use crate::retention::{PinRow, RetentionRow};
use crate::space::VersionSums;
use crate::version::{VersionOrigin, VersionRow};
use crate::{Database, Snapshot};
use model::{Epoch, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};

pub(super) fn check(open: Open<'_>) {
    progress_is_kept_and_coverage_never_grows_back(open);
    the_queue_holds_what_has_a_past_and_gives_what_is_due(open);
    rows_go_and_leave_marks(open);
    pins_are_set_and_taken_away(open);
    hours_count_nodes_once_and_mass_changes_grow(open);
    sums_tell_now_history_and_trash_apart(open);
}

const USER: UserId = UserId(7);

fn version(node: &NodeRow, number: u64, seq: u64, origin: VersionOrigin) -> VersionRow {
    VersionRow {
        node: node.id,
        number: VersionNumber(number),
        seq: Seq(seq),
        content: node.content.clone(),
        executable: false,
        mtime: Timestamp(0),
        user: USER,
        device: None,
        origin,
        of: None,
        epoch: Epoch([1; 16]),
        at: Timestamp(seq.cast_signed() * 1_000),
    }
}

fn placement(node: &NodeRow, seq: u64, deleted: bool) -> PlacementRow {
    PlacementRow {
        node: node.id,
        seq: Seq(seq),
        parent: node.parent,
        name: node.name.clone(),
        deleted,
        user: USER,
        device: None,
        at: Timestamp(seq.cast_signed() * 1_000),
    }
}

/// A directory (2), a file of one version (3), one of three rows (4), and a removed one (5).
fn tree(database: &dyn Database) -> FolderId {
    let id = folder(database);
    write(database, move |transaction| {
        let numbers = |row: NodeRow, version: u64, placement: u64, last: u64| NodeRow {
            version: VersionNumber(version),
            revision: model::Revision { placement: Seq(placement), version: Seq(last) },
            seq: Seq(placement.max(last)),
            ..row
        };
        let rows = [
            directory(2, 1, "d", 1),
            file(3, 2, "a", 2),
            numbers(file(4, 2, "b", 3), 2, 3, 6),
            NodeRow { deleted: true, ..numbers(file(5, 2, "c", 7), 1, 8, 7) },
        ];
        transaction.put_nodes(id, &[], &rows)?;
        let origins =
            [(1, 3, VersionOrigin::Commit), (1, 5, VersionOrigin::Attributes), (2, 6, VersionOrigin::Commit)];
        let many = origins.map(|(number, seq, origin)| version(&rows[2], number, seq, origin));
        transaction.put_versions(id, &[version(&rows[1], 1, 2, VersionOrigin::Commit)])?;
        transaction.put_versions(id, &many)?;
        transaction.put_versions(id, &[version(&rows[3], 1, 7, VersionOrigin::Commit)])?;
        let places = [(0, 1, false), (1, 2, false), (2, 3, false), (3, 7, false), (3, 8, true)];
        transaction.put_placements(id, &places.map(|(row, seq, deleted)| placement(&rows[row], seq, deleted)))
    });
    id
}

fn progress_is_kept_and_coverage_never_grows_back(open: Open<'_>) {
    let database = open();
    let id = folder(&*database);
    assert_eq!(read(&*database, move |snapshot| snapshot.retention(id)), RetentionRow::default());
    let row = RetentionRow { safe_days: 3, queued_to: Seq(4), watched_to: Seq(5), covered_since: Seq(6) };
    write(&*database, move |transaction| transaction.put_retention(id, &row));
    assert_eq!(read(&*database, move |snapshot| snapshot.retention(id)), row);
    let back = RetentionRow { queued_to: Seq(0), covered_since: Seq(2), ..row };
    write(&*database, move |transaction| transaction.put_retention(id, &back));
    let kept = read(&*database, move |snapshot| snapshot.retention(id));
    assert_eq!(kept, RetentionRow { covered_since: Seq(6), ..back });
}

fn the_queue_holds_what_has_a_past_and_gives_what_is_due(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let queue = |after, limit, at| {
        write(&*database, move |transaction| transaction.queue_changed(id, Seq(after), limit, Timestamp(at)))
    };
    let due = |now| {
        let nodes = read(&*database, move |snapshot| snapshot.due_nodes(id, Timestamp(now), 9));
        nodes.iter().map(|node| node.node.0).collect::<Vec<_>>()
    };
    assert_eq!(queue(0, 2, 50), Some(Seq(2)));
    assert_eq!(due(100), Vec::<u64>::new(), "one version is no past");
    assert_eq!((queue(2, 9, 50), queue(8, 9, 50)), (Some(Seq(8)), None));
    assert_eq!((due(49).len(), due(50)), (0, vec![4, 5]));
    let put = [(NodeId(4), Some(Timestamp(90))), (NodeId(5), None)];
    write(&*database, move |transaction| transaction.put_due(id, &put));
    assert_eq!((due(50), due(90)), (vec![], vec![4]));
    queue(2, 9, 60);
    assert_eq!(due(60), [4, 5], "the earlier moment counts");
    let nodes = read(&*database, move |snapshot| snapshot.nodes_with_history(id, NodeId(4), 9));
    assert_eq!((nodes.len(), nodes[0].removed_at, nodes[0].seq), (1, Some(Timestamp(8_000)), Seq(8)));
}

fn rows_go_and_leave_marks(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    write(&*database, move |transaction| {
        transaction.drop_versions(id, &[(NodeId(4), Seq(5))])?;
        transaction.mark_thinned(id, &[(NodeId(4), Seq(3), Seq(5))])?;
        transaction.mark_thinned(id, &[(NodeId(4), Seq(3), Seq(4))])
    });
    let rows = read(&*database, move |snapshot| snapshot.kept_rows(id, &[NodeId(4), NodeId(3)], 9));
    let shown: Vec<_> = rows.iter().map(|row| (row.node.0, row.seq.0, row.thinned_from)).collect();
    assert_eq!(shown, [(3, 2, None), (4, 3, Some(Seq(5))), (4, 6, None)]);
    let thinned = |seq| {
        let tree = read(&*database, move |snapshot| snapshot.tree_at(id, Seq(seq), NodeId(3), 9));
        let nodes = read(&*database, move |snapshot| snapshot.nodes_at(id, &[NodeId(4)], Seq(seq)));
        assert_eq!(nodes, tree[..1]);
        tree[0].thinned
    };
    assert_eq!((thinned(4), thinned(5), thinned(6)), (false, true, false));

    let trash = move |snapshot: &dyn Snapshot| snapshot.removed_nodes(id, None, 9).map(|rows| rows.len());
    let below = move |snapshot: &dyn Snapshot| snapshot.removed_below(id, &[NodeId(2)]);
    assert_eq!((read(&*database, trash), read(&*database, below)), (1, vec![(NodeId(2), 1, 50)]));
    write(&*database, move |transaction| {
        transaction
            .put_departures(id, &[(NodeId(2), NodeId(5)), (NodeId(5), NodeId(4)), (NodeId(2), NodeId(4))])?;
        transaction.drop_versions(id, &[(NodeId(5), Seq(7))])?;
        transaction.purge_nodes(id, &[NodeId(4), NodeId(5)])
    });
    let nodes = read(&*database, move |snapshot| snapshot.nodes(id, &[NodeId(4), NodeId(5)]));
    assert_eq!((nodes[0].purged, nodes[1].purged), (false, true), "only what is removed");
    assert_eq!((read(&*database, trash), read(&*database, below)), (0, vec![]));
    let at_seven = move |snapshot: &dyn Snapshot| {
        let tree = snapshot.tree_at(id, Seq(7), NodeId(4), 9)?;
        Ok((tree, snapshot.nodes_at(id, &[NodeId(5)], Seq(7))?))
    };
    assert_eq!(read(&*database, at_seven), (vec![], vec![]), "what it held then is gone");
    write(&*database, move |transaction| transaction.drop_tombstones(id, &[NodeId(5)]));
    assert_eq!(read(&*database, move |snapshot| snapshot.nodes(id, &[NodeId(5)])), []);
    assert_eq!(read(&*database, move |snapshot| snapshot.placements(id, NodeId(5))), []);
    let once = |directory| {
        read(&*database, move |snapshot| snapshot.once_children(id, NodeId(directory), NodeId(0), 9))
    };
    assert_eq!((once(2), once(5)), (vec![NodeId(3), NodeId(4)], vec![]));
}

fn pins_are_set_and_taken_away(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let pin = PinRow {
        node: NodeId(4),
        number: VersionNumber(1),
        pinned: false,
        label: Some("as sent".to_owned()),
        user: USER,
        at: Timestamp(9),
    };
    let row = pin.clone();
    write(&*database, move |transaction| transaction.put_pin(id, &row));
    assert_eq!(read(&*database, move |snapshot| snapshot.pins(id, &[NodeId(4)])), std::slice::from_ref(&pin));
    let pinned = move |snapshot: &dyn Snapshot| {
        Ok(snapshot.kept_rows(id, &[NodeId(4)], 9)?.iter().map(|row| row.is_pinned).collect::<Vec<_>>())
    };
    assert_eq!(read(&*database, pinned), [true, true, false], "a label keeps the whole version");
    let none = PinRow { label: None, ..pin };
    write(&*database, move |transaction| transaction.put_pin(id, &none));
    assert_eq!(read(&*database, move |snapshot| snapshot.pins(id, &[NodeId(4)])), []);
}

fn hours_count_nodes_once_and_mass_changes_grow(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let hours = |since| read(&*database, move |snapshot| snapshot.busy_hours(id, Seq(since), 0));
    let all = hours(0);
    assert_eq!(all.len(), 1);
    // One new version and one removal; new nodes and attributes do not count.
    assert_eq!((all[0].nodes, all[0].removed, all[0].first, all[0].last), (2, 1, Seq(6), Seq(8)));
    assert_eq!((hours(6)[0].nodes, hours(8).len()), (1, 0));
    let (first, later) = (all[0], crate::retention::BusyHour { nodes: 5, last: Seq(9), ..all[0] });
    write(&*database, move |transaction| {
        transaction.put_mass_change(id, &first)?;
        transaction.put_mass_change(id, &later)
    });
    let rows = read(&*database, move |snapshot| snapshot.mass_changes(id));
    assert_eq!((rows.len(), rows[0].hour, rows[0].acknowledged_at), (1, later, None));
    let acknowledge =
        |at| write(&*database, move |transaction| transaction.acknowledge_mass_changes(id, Timestamp(at)));
    assert_eq!((acknowledge(3), acknowledge(4)), (1, 0));
}

fn sums_tell_now_history_and_trash_apart(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let sums = read(&*database, move |snapshot| snapshot.version_sums(id));
    let expected = VersionSums {
        versions: 4,
        current_bytes: 30 + 40,
        history_bytes: 40,
        trash_bytes: 50,
        trash_nodes: 1,
    };
    assert_eq!(sums, expected);
    let (page, next) = read(&*database, move |snapshot| snapshot.scan_named_contents(id, None, 4));
    assert_eq!(page.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [30, 40, 40, 40]);
    let (rest, end) = read(&*database, move |snapshot| snapshot.scan_named_contents(id, next, 4));
    assert_eq!((rest.len(), rest[0].1, end), (1, 50, None));
}

//! Views.

use super::{Open, folder, name, read, write};
use crate::placement::PlacementRow;
use crate::view::ViewRow;
use model::{DeviceId, NodeId, Seq, Timestamp, UserId, ViewId};

pub(super) fn check(open: Open<'_>) {
    a_view_is_one_row_and_goes_when_it_is_not_used(open);
    places_are_those_of_the_number(open);
}

fn a_view_is_one_row_and_goes_when_it_is_not_used(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    let row = move |id: u8, device: Option<u64>, at: i64| ViewRow {
        id: ViewId([id; 16]),
        folder,
        user: UserId(1),
        device: device.map(DeviceId),
        spelling: vec![id, 0xff],
        used_at: Timestamp(at),
    };
    write(&*database, move |t| {
        t.put_view(&row(1, Some(1), 10))?;
        t.put_view(&row(2, Some(1), 20))?;
        t.put_view(&row(3, None, 30))?;
        t.put_view(&row(1, Some(2), 40))
    });
    let views = read(&*database, move |s| {
        let of = |device: Option<u64>| s.views_of(folder, UserId(1), device.map(DeviceId));
        Ok((s.view(folder, ViewId([1; 16]))?, of(Some(1))?, of(Some(2))?, of(None)?))
    });
    let ids = |ids: &[u8]| ids.iter().map(|id| ViewId([*id; 16])).collect::<Vec<_>>();
    assert_eq!(views, (Some(row(1, Some(2), 40)), ids(&[2]), ids(&[1]), ids(&[3])));
    assert_eq!(write(&*database, |t| t.delete_views_before(Timestamp(30))), 1);
    write(&*database, move |t| t.delete_views(folder, &[ViewId([3; 16])]));
    let left = read(&*database, move |s| {
        Ok([1, 2, 3].map(|id| s.view(folder, ViewId([id; 16])).map(|row| row.is_some())))
    });
    assert_eq!(left.map(|held| held.ok()), [Some(true), Some(false), Some(false)]);
}

fn places_are_those_of_the_number(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    let row = |node: u64, seq: u64, parent: u64, deleted: bool| PlacementRow {
        node: NodeId(node),
        seq: Seq(seq),
        parent: NodeId(parent),
        name: name("x"),
        deleted,
        user: UserId(1),
        device: None,
        at: Timestamp(1),
    };
    let rows = [row(2, 1, 1, false), row(2, 4, 3, false), row(2, 6, 3, true), row(5, 2, 1, false)];
    write(&*database, move |t| t.put_placements(folder, &rows));
    let at = |seq| {
        let ids = [NodeId(5), NodeId(2), NodeId(9)];
        let rows = read(&*database, move |s| s.places_at(folder, &ids, Seq(seq)));
        rows.iter().map(|row| (row.node.0, row.parent.0)).collect::<Vec<_>>()
    };
    assert_eq!(at(0), []);
    assert_eq!(at(1), [(2, 1)]);
    assert_eq!(at(3), [(2, 1), (5, 1)]);
    assert_eq!(at(5), [(2, 3), (5, 1)]);
    assert_eq!(at(6), [(5, 1)]);
}

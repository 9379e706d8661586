//! Folders, nodes, placements, versions.

use super::{Open, directory, file, folder, key, name, new_folder, read, write};
use crate::folder::{FolderCounters, FolderSettings};
use crate::moment::Moment;
use crate::node::{NamePlace, NameSearch, NamesFound, NodeRow};
use crate::placement::PlacementRow;
use crate::version::{VersionOrigin, VersionRow};
use crate::{Database, Error, ErrorKind};
use model::{
    Content, ContentId, DeviceId, Epoch, FolderId, Kind, NodeId, Seq, Timestamp, UserId, VersionNumber,
};

pub(super) fn check(open: Open<'_>) {
    a_new_folder_has_a_root_and_is_found(open);
    nodes_are_found_by_id_name_parent_and_journal(open);
    names_are_found_by_a_part_of_them(open);
    names_are_exchanged_in_one_call_and_stay_unique(open);
    the_tree_of_any_moment_comes_back(open);
    a_directory_remembers_all_it_ever_held(open);
    versions_come_back_with_their_newest_attributes(open);
    moments_never_lead_back(open);
}

fn a_new_folder_has_a_root_and_is_found(open: Open<'_>) {
    let database = open();
    let id = folder(&*database);
    let row = read(&*database, move |snapshot| snapshot.folder(id)).expect("the folder is there");
    assert_eq!(read(&*database, |snapshot| snapshot.folder_named(&key("docs"))).as_ref(), Some(&row));
    assert_eq!(row.counters, FolderCounters { head: Seq(0), next_node: NodeId(2), used_bytes: 0, nodes: 0 });
    let root = read(&*database, move |snapshot| snapshot.nodes(id, &[NodeId::ROOT]));
    assert_eq!((root.len(), root[0].parent, root[0].name.as_str()), (1, NodeId::ROOT, ""));
    let settings = FolderSettings {
        quota_bytes: Some(7),
        keep_days: Some(3),
        plain_directory: Some(b"/srv/\xff".to_vec()),
        ..row.settings
    };
    let wanted = settings.clone();
    write(&*database, move |transaction| transaction.set_folder(id, &settings));
    write(&*database, move |transaction| transaction.raise_journal_floor(id, Seq(4)));
    write(&*database, move |transaction| transaction.raise_journal_floor(id, Seq(2)));
    let row = read(&*database, move |snapshot| snapshot.folder(id)).expect("the folder is there");
    assert_eq!((row.settings, row.journal_floor), (wanted, Seq(4)));
    let missing = crate::write::<_, Error>(&*database, |transaction| {
        transaction.set_folder(FolderId(99), &new_folder("x").settings)
    });
    assert_eq!(missing.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    assert_eq!(read(&*database, |snapshot| snapshot.folders()).len(), 1);
}

fn names_are_found_by_a_part_of_them(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let search = |text: &str| NameSearch {
        text: text.to_owned(),
        exact: false,
        kind: None,
        size_min: 0,
        modified_since: None,
    };
    let find = |wanted: NameSearch, after: Option<NamePlace>, look, limit| {
        read(&*database, move |snapshot| snapshot.search_names(id, &wanted, after.as_ref(), look, limit))
    };
    let ids = |found: &NamesFound| found.nodes.iter().map(|node| node.id.0).collect::<Vec<_>>();
    let found = find(search("d"), None, 100, 10);
    assert_eq!((ids(&found), found.next), (vec![5], None));
    assert_eq!(ids(&find(search("e"), None, 100, 10)), [0; 0], "a removed node is not found");
    assert_eq!(ids(&find(search(""), None, 100, 10)).iter().filter(|id| **id > 1).count(), 4);
    let directories = NameSearch { kind: Some(Kind::Directory), ..search("b") };
    assert_eq!(ids(&find(directories.clone(), None, 100, 10)), [3]);
    assert_eq!(ids(&find(NameSearch { kind: Some(Kind::File), ..directories }, None, 100, 10)), [0; 0]);
    // Looking at one name at a time comes to the same end.
    let (mut seen, mut after) = (Vec::new(), None);
    for _ in 0..10 {
        let found = find(search("c"), after, 1, 10);
        seen.extend(ids(&found));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, after), (vec![4], None));
}

/// `/a` (2), `/a/b` (3), `/a/b/c` (4), `/d` (5); `/e` (6) was removed.
fn tree(database: &dyn Database) -> FolderId {
    let id = folder(database);
    let removed = NodeRow { deleted: true, ..file(6, 1, "e", 9) };
    let rows = vec![
        directory(2, 1, "a", 1),
        directory(3, 2, "b", 2),
        file(4, 3, "c", 3),
        file(5, 1, "D", 4),
        removed,
    ];
    write(database, move |transaction| transaction.put_nodes(id, &[], &rows));
    id
}

fn ids(rows: &[NodeRow]) -> Vec<u64> {
    rows.iter().map(|row| row.id.0).collect()
}

fn nodes_are_found_by_id_name_parent_and_journal(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let found = read(&*database, move |snapshot| {
        let of = |numbers: &[u64]| numbers.iter().map(|number| NodeId(*number)).collect::<Vec<_>>();
        assert_eq!(
            snapshot.nodes(id, &of(&[4, 77, 2, 4]))?,
            [directory(2, 1, "a", 1), file(4, 3, "c", 3)],
            "whole rows come back"
        );
        Ok(vec![
            (ids(&snapshot.nodes(id, &of(&[]))?), vec![]),
            (ids(&snapshot.nodes(id, &of(&[6]))?), vec![6]),
            (ids(&snapshot.nodes_and_ancestors(id, &of(&[4, 5]))?), vec![1, 2, 3, 4, 5]),
            (
                ids(&snapshot.nodes_named(
                    id,
                    &[
                        (NodeId(1), key("d")),
                        (NodeId(3), key("c")),
                        (NodeId(1), key("e")),
                        (NodeId(1), key("d")),
                    ],
                )?),
                vec![4, 5],
            ),
            (ids(&snapshot.children(id, NodeId(1), NodeId(0), 10)?), vec![2, 5]),
            (ids(&snapshot.children(id, NodeId(1), NodeId(2), 10)?), vec![5]),
            (ids(&snapshot.removed_children(id, NodeId(1), NodeId(0), 10)?), vec![6]),
            (ids(&snapshot.changed_nodes(id, Seq(0), Seq(99), 10)?), vec![2, 3, 4, 5]),
            (ids(&snapshot.changed_nodes(id, Seq(2), Seq(2), 2)?), vec![4, 5]),
            (ids(&snapshot.changed_nodes(id, Seq(4), Seq(8), 9)?), vec![6]),
            (ids(&snapshot.removed_nodes(id, None, 9)?), vec![6]),
            (ids(&snapshot.removed_nodes(id, Some(Seq(9)), 9)?), vec![]),
            (ids(&snapshot.scan_nodes(id, Some(NodeId(2)), 3)?), vec![3, 4, 5]),
            (ids(&snapshot.scan_nodes(id, None, 3)?), vec![1, 2, 3]),
            (ids(&snapshot.scan_nodes(FolderId(99), None, 3)?), vec![]),
        ])
    });
    found.into_iter().enumerate().for_each(|(index, (found, wanted))| assert_eq!(found, wanted, "{index}"));
    let counts = read(&*database, move |snapshot| {
        Ok((
            snapshot.child_counts(id, &[NodeId(1), NodeId(2), NodeId(4)])?,
            snapshot.deepest_paths(id, &[NodeId(1), NodeId(2), NodeId(5)])?,
        ))
    });
    assert_eq!(counts.0, [(NodeId(1), 2), (NodeId(2), 1)]);
    assert_eq!(counts.1, [(NodeId(1), 6), (NodeId(2), 4)]);
    write(&*database, move |transaction| transaction.raise_subtree_seq(id, &[NodeId(1), NodeId(2)], Seq(8)));
    let raised = read(&*database, move |snapshot| snapshot.nodes(id, &[NodeId(1), NodeId(2), NodeId(3)]));
    assert_eq!(raised.iter().map(|row| row.subtree_seq.0).collect::<Vec<_>>(), [8, 8, 2]);
}

fn names_are_exchanged_in_one_call_and_stay_unique(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let exchanged = [
        NodeRow { seq: Seq(11), ..directory(2, 1, "D", 10) },
        NodeRow { seq: Seq(10), parent: NodeId(1), ..file(5, 1, "A", 10) },
    ];
    let rows = exchanged.clone();
    write(&*database, move |transaction| {
        transaction.put_nodes(id, &rows, &[NodeRow { seq: Seq(12), ..file(7, 1, "new", 12) }])
    });
    assert_eq!(read(&*database, move |snapshot| snapshot.nodes(id, &[NodeId(2), NodeId(5)])), exchanged);
    // A removed node's name is free.
    write(&*database, move |transaction| transaction.put_nodes(id, &[], &[file(8, 1, "e", 13)]));
    let twice = crate::write::<_, Error>(&*database, move |transaction| {
        transaction.put_nodes(id, &[], &[file(9, 1, "NEW", 14)])
    });
    assert_eq!(twice.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    let twice = crate::write::<_, Error>(&*database, move |transaction| {
        transaction.put_nodes(id, &[NodeRow { deleted: false, ..file(6, 1, "e", 14) }], &[])
    });
    assert_eq!(twice.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    let absent = crate::write::<_, Error>(&*database, move |transaction| {
        transaction.put_nodes(id, &[file(55, 1, "q", 15)], &[])
    });
    assert_eq!(absent.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
}

fn placement(node: u64, seq: u64, parent: u64, text: &str, deleted: bool) -> PlacementRow {
    PlacementRow {
        node: NodeId(node),
        seq: Seq(seq),
        parent: NodeId(parent),
        name: name(text),
        deleted,
        user: UserId(1),
        device: seq.is_multiple_of(2).then_some(DeviceId(3)),
        at: Timestamp(seq.cast_signed()),
    }
}

fn version(node: u64, number: u64, seq: u64, origin: VersionOrigin) -> VersionRow {
    VersionRow {
        node: NodeId(node),
        number: VersionNumber(number),
        seq: Seq(seq),
        content: match node {
            5 => Content::Link { target: (*b"to \xff").into() },
            _ => Content::File { id: ContentId([number as u8; 32]), size: number },
        },
        executable: origin == VersionOrigin::Attributes,
        mtime: Timestamp(seq.cast_signed()),
        user: UserId(1),
        device: seq.is_multiple_of(2).then_some(DeviceId(3)),
        origin,
        of: (origin == VersionOrigin::Restore).then_some(VersionNumber(1)),
        epoch: Epoch([seq as u8; 16]),
        at: Timestamp(seq.cast_signed()),
    }
}

fn the_tree_of_any_moment_comes_back(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let places = vec![
        placement(2, 1, 1, "a", false),
        placement(4, 2, 2, "c", false),
        placement(4, 4, 1, "d", false),
        placement(2, 5, 1, "a", true),
    ];
    let rows = places.clone();
    write(&*database, move |transaction| {
        transaction.put_placements(id, &rows)?;
        transaction.put_versions(
            id,
            &[version(4, 1, 2, VersionOrigin::Commit), version(4, 2, 3, VersionOrigin::Commit)],
        )
    });
    let of_4 = read(&*database, move |snapshot| snapshot.placements(id, NodeId(4)));
    assert_eq!(of_4, places[1..3]);
    let at_moments = read(&*database, move |snapshot| {
        snapshot.placements_at(id, &[(NodeId(4), Seq(4)), (NodeId(2), Seq(5)), (NodeId(2), Seq(4))])
    });
    assert_eq!(at_moments, [places[3].clone(), places[2].clone()]);
    let (all, rest) = read(&*database, move |snapshot| {
        let rest = snapshot.scan_placements(id, Some((NodeId(2), Seq(5))), 1)?;
        Ok((snapshot.scan_placements(id, None, 9)?, rest))
    });
    assert_eq!(all, [0, 3, 1, 2].map(|index: usize| places[index].clone()));
    assert_eq!(rest, places[1..2]);
    let at = |seq| {
        let rows = read(&*database, move |snapshot| snapshot.tree_at(id, Seq(seq), NodeId(0), 10));
        let show = |content: &Content| match content {
            Content::Directory => "directory".to_owned(),
            Content::File { size, .. } => size.to_string(),
            Content::Link { .. } => "link".to_owned(),
        };
        rows.iter()
            .map(|row| format!("{} {} {} {}", row.id, row.parent, row.name, show(&row.content)))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(0), Vec::<String>::new());
    assert_eq!(at(1), ["n2 n1 a directory"]);
    assert_eq!(at(2), ["n2 n1 a directory", "n4 n2 c 1"]);
    assert_eq!(at(3), ["n2 n1 a directory", "n4 n2 c 2"]);
    assert_eq!(at(4), ["n2 n1 a directory", "n4 n1 d 2"]);
    assert_eq!(at(99), ["n4 n1 d 2"]);
    let (then, after, later) = read(&*database, move |snapshot| {
        Ok((
            snapshot.nodes_at(id, &[NodeId(9), NodeId(4), NodeId(1), NodeId(4)], Seq(3))?,
            snapshot.placements_after(id, &[NodeId(2), NodeId(4)], Seq(2))?,
            snapshot.versions_after(id, &[NodeId(2), NodeId(4)], Seq(2))?,
        ))
    });
    assert_eq!(then.len(), 1);
    assert_eq!((then[0].id, then[0].parent, then[0].version), (NodeId(4), NodeId(2), VersionNumber(2)));
    assert_eq!(after, [places[3].clone(), places[2].clone()]);
    assert_eq!(later.iter().map(|row| row.seq).collect::<Vec<_>>(), [Seq(3)]);
}

fn a_directory_remembers_all_it_ever_held(open: Open<'_>) {
    let database = open();
    let id = tree(&*database);
    let once = |after, limit| {
        let found =
            read(&*database, move |snapshot| snapshot.once_children(id, NodeId(1), NodeId(after), limit));
        found.iter().map(|id| id.0).collect::<Vec<_>>()
    };
    let before = once(0, 99);
    assert!(!before.contains(&1), "the root is not in itself");
    let removed = read(&*database, move |snapshot| snapshot.removed_nodes(id, None, 99));
    assert!(removed.iter().filter(|row| row.parent == NodeId(1)).all(|row| before.contains(&row.id.0)));
    for _ in 0..2 {
        write(&*database, move |transaction| {
            transaction.put_departures(id, &[(NodeId(1), NodeId(77)), (NodeId(2), NodeId(78))])
        });
    }
    assert_eq!(once(0, 99), [&before[..], &[77]].concat());
    assert_eq!(once(76, 99), [77]);
    assert_eq!(once(0, 1), before[..1]);
    let below = read(&*database, move |snapshot| snapshot.removed_below(id, &[NodeId(1), NodeId(2)]));
    let bytes: u64 = removed.iter().map(|row| row.content.size()).sum();
    assert_eq!(below, [(NodeId(1), removed.len() as u64, bytes)]);
}

fn versions_come_back_with_their_newest_attributes(open: Open<'_>) {
    let database = open();
    let id = folder(&*database);
    let rows = vec![
        version(4, 1, 2, VersionOrigin::Commit),
        version(4, 1, 3, VersionOrigin::Attributes),
        version(4, 2, 5, VersionOrigin::Restore),
        version(5, 1, 6, VersionOrigin::Copy),
    ];
    let put = rows.clone();
    write(&*database, move |transaction| transaction.put_versions(id, &put));
    let found = read(&*database, move |snapshot| {
        let wanted =
            [(5, 1), (4, 1), (4, 3), (4, 2)].map(|(node, number)| (NodeId(node), VersionNumber(number)));
        Ok((
            snapshot.versions_numbered(id, &wanted)?,
            snapshot.versions(id, NodeId(4), Seq(2), 5)?,
            snapshot.scan_versions(id, None, 2)?,
            snapshot.scan_versions(id, Some((NodeId(4), Seq(3))), 9)?,
        ))
    });
    assert_eq!(found.0, rows[1..]);
    let pairs =
        [(4, 2), (5, 1), (4, 1), (4, 3)].map(|(node, number)| (NodeId(node), ContentId([number; 32])));
    let holding = read(&*database, move |snapshot| snapshot.versions_holding(id, &pairs));
    assert_eq!(holding, [pairs[2], pairs[0]], "a link holds no content");
    assert_eq!(found.1, rows[1..3]);
    assert_eq!(found.2, rows[..2]);
    assert_eq!(found.3, rows[2..]);
}

fn moments_never_lead_back(open: Open<'_>) {
    let database = open();
    let docs = folder(&*database);
    let other = write(&*database, |transaction| transaction.create_folder(&new_folder("other")));
    let seen = |at| {
        let found = read(&*database, move |snapshot| snapshot.moment(docs, Timestamp(at)));
        found.map(|moment| (moment.at.0, moment.seq.0))
    };
    assert_eq!(seen(i64::MAX), None);
    // The clock steps back before the third, and two commits are of one time.
    for (folder, at, seq) in
        [(docs, 100, 1), (docs, 300, 4), (docs, 200, 5), (docs, 250, 6), (docs, 400, 7), (docs, 400, 9)]
    {
        let moment = Moment { at: Timestamp(at), seq: Seq(seq) };
        write(&*database, move |transaction| transaction.put_moment(folder, moment));
    }
    let moment = Moment { at: Timestamp(50), seq: Seq(3) };
    write(&*database, move |transaction| transaction.put_moment(other, moment));
    assert_eq!(seen(99), None);
    assert_eq!(seen(100), Some((100, 1)));
    assert_eq!(seen(260), Some((100, 1)), "when the clock said so, it had been there before");
    assert_eq!(seen(300), Some((300, 6)));
    assert_eq!(seen(399), Some((300, 6)));
    assert_eq!(seen(i64::MAX), Some((400, 9)));
}

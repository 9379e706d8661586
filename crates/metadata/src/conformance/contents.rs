//! Contents, chunks, packs, uploads.

use super::{Open, folder, read, write};
use crate::content::{ChunkRow, ContentRow, PackRow};
use crate::upload::UploadRow;
use crate::{Error, ErrorKind};
use model::location::{Codec, Location, PackId};
use model::{ChunkId, ContentId, DeviceId, FolderId, NodeId, Seq, Timestamp, UploadId, UserId};

pub(super) fn check(open: Open<'_>) {
    contents_come_back(open);
    a_chunk_keeps_its_place_and_takes_a_folder_once(open);
    folders_hold_their_own_chunks(open);
    uploads_hold_what_arrived_until_they_end(open);
}

fn chunk(number: u8) -> ChunkId {
    ChunkId([number; 32])
}

fn row(number: u8, pack: u64, folder: Option<FolderId>) -> ChunkRow {
    let location = Location {
        pack: PackId(pack),
        offset: 1 << 33,
        stored_length: 100,
        codec: Codec::Zstd,
        checksum: u32::MAX,
        plain_length: 1000,
        start: 10,
        length: u32::from(number),
    };
    ChunkRow { id: chunk(number), location, folder }
}

fn contents_come_back(open: Open<'_>) {
    let database = open();
    let content = |number: u8| ContentRow {
        id: ContentId([number; 32]),
        size: u64::from(number) << 20,
        manifest: vec![(chunk(number), 1 << 20), (chunk(1), 7)],
    };
    let rows = vec![content(9), content(3)];
    write(&*database, move |transaction| transaction.put_contents(&rows));
    // A second time changes nothing.
    let other = ContentRow { size: 1, ..content(3) };
    write(&*database, move |transaction| transaction.put_contents(&[other]));
    let ids = [ContentId([3; 32]), ContentId([9; 32]), ContentId([4; 32])];
    let found =
        read(&*database, move |snapshot| Ok((snapshot.contents(&ids)?, snapshot.content_sizes(&ids)?)));
    assert_eq!(found.0, [content(3), content(9)]);
    assert_eq!(found.1, [(ids[0], 3 << 20), (ids[1], 9 << 20)]);
    let scanned = read(&*database, move |snapshot| {
        Ok((snapshot.scan_contents(None, 1)?, snapshot.scan_contents(Some(ids[0]), 5)?))
    });
    assert_eq!((scanned.0, scanned.1), (vec![content(3)], vec![content(9)]));
}

fn a_chunk_keeps_its_place_and_takes_a_folder_once(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    write(&*database, move |transaction| {
        transaction.put_chunks(&[row(5, 1, None), row(2, 1, Some(folder)), row(5, 7, Some(folder))])?;
        transaction.put_chunks(&[row(2, 9, Some(FolderId(77))), row(6, 2, None), row(8, 2, None)])?;
        transaction.own_chunks(folder, &[chunk(6), chunk(2), chunk(99)])
    });
    let rows =
        read(&*database, |snapshot| snapshot.chunks(&[chunk(6), chunk(5), chunk(2), chunk(1), chunk(8)]));
    // Of two places in one call either may stay.
    assert!(rows[1] == row(5, 7, Some(folder)) || rows[1] == row(5, 1, Some(folder)));
    assert_eq!(
        [rows[0], rows[2], rows[3]],
        [row(2, 1, Some(folder)), row(6, 2, Some(folder)), row(8, 2, None)]
    );
    let packs = read(&*database, |snapshot| snapshot.packs());
    assert_eq!(packs.iter().map(|pack| pack.chunks).sum::<u64>(), 4);
    assert!(
        packs.contains(&PackRow { id: PackId(2), chunks: 2, live_bytes: 14, condemned_at: None }),
        "{packs:?}"
    );
    let scanned = read(&*database, |snapshot| snapshot.scan_chunks(Some(chunk(5)), 1));
    assert_eq!(scanned, [row(6, 2, Some(folder))]);
    assert_eq!(read(&*database, |snapshot| snapshot.scan_chunks(None, 9)).len(), 4);
}

fn folders_hold_their_own_chunks(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    write(&*database, move |transaction| {
        transaction.put_folder_chunks(folder, &[chunk(2), chunk(1), chunk(2)])
    });
    write(&*database, move |transaction| transaction.put_folder_chunks(folder, &[chunk(2), chunk(3)]));
    let held = read(&*database, move |snapshot| {
        let asked = [chunk(4), chunk(3), chunk(2)];
        Ok((snapshot.folder_chunks(folder, &asked)?, snapshot.folder_chunks(FolderId(99), &asked)?))
    });
    assert_eq!(held, (vec![chunk(2), chunk(3)], vec![]));
}

fn uploads_hold_what_arrived_until_they_end(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    let upload = move |number: u8, user: u64, expires: i64| UploadRow {
        id: UploadId([number; 16]),
        folder,
        user: UserId(user),
        device: Some(DeviceId(u64::from(number))),
        node: (number == 1).then_some(NodeId(4)),
        base: (number == 1).then_some(Seq(2)),
        size: 1 << 40,
        created_at: Timestamp(1),
        expires_at: Timestamp(expires),
    };
    write(&*database, move |transaction| {
        for row in [upload(1, 1, 10), upload(2, 1, 20), upload(3, 2, 20)] {
            transaction.put_upload(&row)?;
            transaction.put_upload_chunks(row.id, &[chunk(row.id.0[0]), chunk(50)])?;
            transaction.put_upload_chunks(row.id, &[chunk(50)])?;
        }
        Ok(())
    });
    let twice =
        crate::write::<_, Error>(&*database, move |transaction| transaction.put_upload(&upload(1, 1, 10)));
    assert_eq!(twice.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    let arrived = move |now: i64| {
        read(&*database, move |snapshot| {
            assert_eq!(snapshot.upload(UploadId([1; 16]))?, Some(upload(1, 1, 10)));
            assert_eq!(snapshot.uploads(folder, UserId(1), None)?.len(), 2);
            assert_eq!(snapshot.uploads(folder, UserId(1), Some(DeviceId(2)))?, [upload(2, 1, 20)]);
            assert_eq!(snapshot.upload_chunks(UploadId([3; 16]))?, [chunk(3), chunk(50)]);
            assert_eq!(snapshot.expired_uploads(Timestamp(10), 9)?, [UploadId([1; 16])]);
            snapshot.arrived_chunks(
                folder,
                UserId(1),
                Timestamp(now),
                &[chunk(1), chunk(2), chunk(3), chunk(50)],
            )
        })
    };
    assert_eq!(arrived(9), [chunk(1), chunk(2), chunk(50)]);
    let database = open();
    let folder = super::folder(&*database);
    write(&*database, move |transaction| {
        let row = UploadRow { folder, ..upload(1, 1, 10) };
        transaction.put_upload(&row)?;
        transaction.put_upload_chunks(row.id, &[chunk(1)])?;
        transaction.extend_upload(row.id, Timestamp(30))?;
        assert_eq!(transaction.arrived_chunks(folder, UserId(1), Timestamp(29), &[chunk(1)])?, [chunk(1)]);
        assert_eq!(transaction.arrived_chunks(folder, UserId(1), Timestamp(30), &[chunk(1)])?, []);
        transaction.delete_uploads(&[row.id])?;
        assert_eq!(transaction.upload(row.id)?, None);
        assert_eq!(transaction.upload_chunks(row.id)?, []);
        Ok(())
    });
}

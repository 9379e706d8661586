//! One of everything that a bundle can hold.

use model::{
    Applied, ChunkId, Content, ContentId, Group, GroupOutcome, IdempotencyKey, Name, NodeId, NodeRef,
    Operation, Refusal, RemoteNode, Revision, Seq, Timestamp, UploadId, VersionNumber,
};
use protocol::bundle::{
    BundleError, ChunkRef, CommitHead, CommitResult, Decoder, Encoder, NodeContent, PageEnd, Record, Splice,
    WantedChunk,
};
use protocol::v1::ClientInfo;
use protocol::{Cursor, Problem, ProblemKind};

pub(crate) fn head() -> CommitHead {
    CommitHead {
        key: IdempotencyKey([0x11; 16]),
        uploads: vec![UploadId([0x22; 16])],
        groups: 4,
        operations: 6,
        chunk_bytes: 4100,
        client: ClientInfo { name: "driftless".into(), version: "0.1.0".into() },
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn file(byte: u8, size: u64) -> Content {
    Content::File { id: ContentId([byte; 32]), size }
}

pub(crate) fn groups() -> Vec<Group> {
    let create = Operation::Create {
        temporary: 0,
        parent: NodeRef::Id(NodeId::ROOT),
        name: name("a"),
        content: Content::Directory,
        executable: false,
        mtime: Timestamp(0),
    };
    let inside = Operation::Create {
        temporary: 1,
        parent: NodeRef::Temporary(0),
        name: name("caf\u{e9}"),
        content: Content::Link { target: b"../x\xff".as_slice().into() },
        executable: false,
        mtime: Timestamp(0),
    };
    let update = Operation::Update {
        node: NodeId(7),
        base: Seq(300),
        content: file(0x33, 4096),
        executable: true,
        mtime: Timestamp(-1),
    };
    let attributes =
        Operation::Attributes { node: NodeId(8), base: Seq(2), executable: true, mtime: Timestamp(1) };
    let shift =
        Operation::Move { node: NodeId(9), base: Seq(3), parent: NodeRef::Id(NodeId(1)), name: name("b") };
    let remove =
        Operation::Remove { node: NodeId(10), base: Revision { placement: Seq(4), version: Seq(u64::MAX) } };
    let copy = Operation::Copy {
        temporary: u32::MAX,
        source: NodeId(11),
        version: Some(VersionNumber(2)),
        parent: NodeRef::Temporary(1),
        name: name("c"),
    };
    let group = |operations| Group { operations };
    vec![
        group(vec![create, inside]),
        group(vec![update]),
        group(vec![attributes, shift, remove]),
        group(vec![copy]),
    ]
}

pub(crate) fn node(id: u64, text: &str) -> RemoteNode {
    RemoteNode {
        id: NodeId(id),
        parent: NodeId(1),
        name: name(text),
        content: file(id as u8, id),
        executable: id.is_multiple_of(2),
        mtime: Timestamp(1_795_303_532_000_000_005),
        revision: Revision { placement: Seq(id), version: Seq(id + 1) },
        seq: Seq(id + 1),
        deleted: id == 3,
    }
}

pub(crate) fn outcomes() -> Vec<GroupOutcome> {
    let applied = |node, seq| Applied {
        node: NodeId(node),
        revision: Revision { placement: Seq(seq), version: Seq(seq) },
    };
    vec![
        GroupOutcome::Applied(vec![applied(20, 30), applied(21, 31)]),
        GroupOutcome::Refused {
            operation: 0,
            reason: Refusal::Stale,
            current: Some(Box::new(node(7, "seven"))),
        },
        GroupOutcome::Applied(vec![applied(9, 32), applied(4, 33), applied(1, 34)]),
        GroupOutcome::Refused { operation: 0, reason: Refusal::Dependency, current: None },
    ]
}

pub(crate) fn splices() -> Vec<Splice> {
    let fresh = vec![ChunkRef { id: ChunkId([0x44; 32]), length: 65_536 }];
    vec![Splice::Keep { start: 0, count: 300 }, Splice::New(fresh), Splice::Keep { start: 301, count: 1 }]
}

pub(crate) fn wanted() -> [WantedChunk; 2] {
    [
        WantedChunk { chunk: ChunkId([1; 32]), node: None },
        WantedChunk { chunk: ChunkId([2; 32]), node: Some(NodeId(9)) },
    ]
}

/// Every record but the head, into an encoder.
pub(crate) fn write_everything(encoder: &mut Encoder) {
    encoder.commit_head(&head());
    encoder.groups(&groups());
    encoder.manifest(
        ContentId([0x55; 32]),
        1 << 30,
        Some(NodeContent { node: NodeId(7), content: ContentId([0x66; 32]) }),
        &splices(),
    );
    encoder.chunk(ChunkId([0x77; 32]), b"as they are");
    encoder.chunk(ChunkId([0x78; 32]), &[b'z'; 4096]);
    encoder.small_chunk(None, b"one");
    encoder.small_chunk(None, b"two");
    encoder.small_chunk(Some(ChunkId([0x79; 32])), b"named");
    encoder.commit_result(&CommitResult {
        before: Seq(30),
        head: Seq(34),
        cursor: Cursor("c1after".to_owned()),
        replayed: true,
    });
    encoder.outcomes(&outcomes());
    encoder.nodes(&[node(2, "two"), node(3, "three")]);
    encoder.page_end(&PageEnd { cursor: Cursor("c1".into()), head: Seq(34), more: true });
    encoder.wanted_chunks(&wanted());
    encoder.missing_chunks(&[ChunkId([2; 32])]);
    encoder.wanted_manifests(&[NodeContent { node: NodeId(300), content: ContentId([3; 32]) }]);
    encoder.problem(&Problem::new(ProblemKind::DiskFull).detail("no room"));
}

/// Every kind of record, each too short to be compressed.
pub(crate) fn write_without_compression(encoder: &mut Encoder) {
    encoder.commit_head(&CommitHead { uploads: vec![], ..head() });
    for group in groups() {
        if group.operations.len() < 3 {
            encoder.groups([&group]);
        }
    }
    encoder.manifest(ContentId([0x55; 32]), 9, None, &[Splice::Keep { start: 0, count: 300 }]);
    encoder.chunk(ChunkId([0x77; 32]), b"as they are");
    encoder.small_chunk(None, b"one");
    encoder.small_chunk(None, b"two");
    encoder.small_chunk(Some(ChunkId([0x79; 32])), b"named");
    encoder.commit_result(&CommitResult {
        before: Seq(3),
        head: Seq(4),
        cursor: Cursor("c".into()),
        replayed: true,
    });
    encoder.outcomes(&outcomes()[..1]);
    encoder.nodes(&[RemoteNode { content: Content::Directory, ..node(2, "two") }]);
    encoder.page_end(&PageEnd { cursor: Cursor("c1".into()), head: Seq(34), more: true });
    encoder.wanted_chunks(&wanted()[1..]);
    encoder.missing_chunks(&[ChunkId([2; 32])]);
    encoder.wanted_manifests(&[NodeContent { node: NodeId(300), content: ContentId([3; 32]) }]);
    encoder.problem(&Problem::new(ProblemKind::DiskFull));
}

pub(crate) fn everything() -> Vec<u8> {
    let mut encoder = Encoder::new();
    write_everything(&mut encoder);
    encoder.finish()
}

/// Reads a bundle that arrives in pieces of so many bytes.
pub(crate) fn read_in_pieces(bytes: &[u8], piece: usize) -> Result<Vec<Record>, BundleError> {
    let mut decoder = Decoder::new(bytes.len() as u64);
    let mut records = Vec::new();
    for part in bytes.chunks(piece.max(1)) {
        decoder.push(part)?;
        while let Some(record) = decoder.next_record()? {
            records.push(record);
        }
    }
    decoder.finish()?;
    Ok(records)
}

//! `docs/examples/bundle.py` was written from `docs/bundle-format.md` alone: what Rust encodes, it reads, and what is
//! damaged, both refuse. A difference is a fault of the document or of one of the two.

use crate::samples;
use model::{
    Applied, ChunkId, Content, ContentId, Group, GroupOutcome, IdempotencyKey, Name, NodeId, NodeRef,
    Operation, Refusal, RemoteNode, Revision, Seq, Timestamp, UploadId, VersionNumber,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use protocol::bundle::{
    ChunkRef, CommitHead, CommitResult, Encoder, Groups, NodeContent, PageEnd, Record, Splice, Unpacker,
    WantedChunk,
};
use protocol::schema::refusal_word;
use protocol::v1::ClientInfo;
use protocol::{Cursor, Problem, ProblemKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Whether Python and `zstd` are here; says so if not.
fn can_run() -> bool {
    let works = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    let missing: Vec<_> = ["python3", "zstd"].into_iter().filter(|program| !works(program)).collect();
    if !missing.is_empty() {
        // A failed remark is no failed test.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not installed", missing.join(" and "));
    }
    missing.is_empty()
}

/// What the second reader makes of each bundle.
fn read_by_python(bundles: &[Vec<u8>]) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/bundle.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(reader);
    for (number, bytes) in bundles.iter().enumerate() {
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, bytes).unwrap();
        command.arg(path);
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read: Vec<Value> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read.len(), bundles.len());
    read
}

/// One of each kind of record, in the words of `model`.
#[derive(Debug, Clone)]
struct Contents {
    head: CommitHead,
    groups: Vec<Group>,
    manifests: Vec<(ContentId, u64, Option<NodeContent>, Vec<Splice>)>,
    chunks: Vec<Vec<u8>>,
    blocks: Vec<(bool, Vec<u8>)>,
    result: CommitResult,
    outcomes: Vec<GroupOutcome>,
    nodes: Vec<RemoteNode>,
    page: PageEnd,
    wanted: Vec<WantedChunk>,
    missing: Vec<ChunkId>,
    manifests_wanted: Vec<NodeContent>,
    problem: Problem,
}

fn id() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn a_name() -> impl Strategy<Value = Name> {
    "[a-z\u{e9}\u{1f600} ]{1,20}".prop_map(|text| Name::new(&text).unwrap())
}

fn a_content() -> impl Strategy<Value = Content> {
    prop_oneof![
        Just(Content::Directory),
        (id(), any::<u64>()).prop_map(|(id, size)| Content::File { id: ContentId(id), size }),
        vec(1u8.., 1..30).prop_map(|target| Content::Link { target: target.into() }),
    ]
}

fn a_reference() -> impl Strategy<Value = NodeRef> {
    prop_oneof![
        any::<u64>().prop_map(|id| NodeRef::Id(NodeId(id))),
        any::<u32>().prop_map(NodeRef::Temporary)
    ]
}

fn an_operation() -> impl Strategy<Value = Operation> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<i64>(), any::<bool>());
    (0..6, numbers, a_reference(), a_name(), a_content(), any::<Option<u64>>()).prop_map(
        |(kind, (one, two, three, temporary, mtime, executable), parent, name, content, version)| {
            let (node, base, mtime) = (NodeId(one), Seq(two), Timestamp(mtime));
            match kind {
                0 => Operation::Create { temporary, parent, name, content, executable, mtime },
                1 => Operation::Update { node, base, content, executable, mtime },
                2 => Operation::Attributes { node, base, executable, mtime },
                3 => Operation::Move { node, base, parent, name },
                4 => Operation::Remove { node, base: Revision { placement: base, version: Seq(three) } },
                _ => Operation::Copy {
                    temporary,
                    source: node,
                    version: version.map(VersionNumber),
                    parent,
                    name,
                },
            }
        },
    )
}

fn a_node() -> impl Strategy<Value = RemoteNode> {
    let numbers = (2u64.., any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, a_name(), a_content(), any::<(bool, bool)>(), any::<i64>()).prop_map(
        |((id, parent, seq, placement, version), name, content, (executable, deleted), mtime)| RemoteNode {
            id: NodeId(id),
            parent: NodeId(parent),
            name,
            content,
            executable,
            mtime: Timestamp(mtime),
            revision: Revision { placement: Seq(placement), version: Seq(version) },
            seq: Seq(seq),
            deleted,
        },
    )
}

fn an_outcome() -> impl Strategy<Value = GroupOutcome> {
    // Small numbers make runs.
    let applied = (0..5u64, 0..5u64, any::<u64>()).prop_map(|(node, placement, version)| Applied {
        node: NodeId(node),
        revision: Revision { placement: Seq(placement), version: Seq(version) },
    });
    let reasons = [
        Refusal::Stale,
        Refusal::Gone,
        Refusal::NameTaken,
        Refusal::Forbidden,
        Refusal::Quota,
        Refusal::TooLarge,
        Refusal::BadName,
        Refusal::ChunkMissing,
        Refusal::Dependency,
        Refusal::Held,
    ];
    prop_oneof![
        vec(applied, 1..6).prop_map(GroupOutcome::Applied),
        (any::<u32>(), prop::sample::select(reasons.to_vec()), prop::option::of(a_node())).prop_map(
            |(operation, reason, current)| GroupOutcome::Refused {
                operation,
                reason,
                current: current.map(Box::new)
            }
        ),
    ]
}

fn a_splice() -> impl Strategy<Value = Splice> {
    let chunk = (id(), any::<u32>()).prop_map(|(id, length)| ChunkRef { id: ChunkId(id), length });
    prop_oneof![
        any::<(u32, u32)>().prop_map(|(start, count)| Splice::Keep { start, count }),
        vec(chunk, 1..9).prop_map(Splice::New),
    ]
}

/// Bytes that compress, or do not.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 1..1500),
        (any::<u8>(), 1..3000usize).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

fn contents() -> impl Strategy<Value = Contents> {
    let held = || {
        (any::<u64>(), id()).prop_map(|(node, id)| NodeContent { node: NodeId(node), content: ContentId(id) })
    };
    let commit = (
        any::<([u8; 16], u32, u32, u64)>(),
        vec(any::<[u8; 16]>(), 0..3),
        "\\PC{0,20}",
        vec(vec(an_operation(), 1..5).prop_map(|operations| Group { operations }), 0..12),
        vec((id().prop_map(ContentId), any::<u64>(), prop::option::of(held()), vec(a_splice(), 0..5)), 0..3),
    );
    let bytes = (vec(some_bytes(), 0..3), vec((any::<bool>(), some_bytes()), 0..5));
    let answers = (
        any::<(u64, u64, bool)>(),
        vec(an_outcome(), 0..20),
        vec(a_node(), 0..15),
        any::<(u64, bool)>(),
        "[0-9a-f]{1,96}",
    );
    let wanted = (id(), any::<Option<u64>>()).prop_map(|(chunk, node)| WantedChunk {
        chunk: ChunkId(chunk),
        node: node.filter(|node| *node > 0).map(NodeId),
    });
    let asked = (vec(wanted, 0..9), vec(id().prop_map(ChunkId), 0..9), vec(held(), 0..9), "\\PC{0,30}");
    (commit, bytes, answers, asked).prop_map(|(commit, (chunks, blocks), answers, asked)| {
        let ((key, group_count, operations, chunk_bytes), uploads, name, groups, manifests) = commit;
        let ((before, head, replayed), outcomes, nodes, (page_head, more), cursor) = answers;
        let (wanted, missing, manifests_wanted, detail) = asked;
        Contents {
            head: CommitHead {
                key: IdempotencyKey(key),
                uploads: uploads.into_iter().map(UploadId).collect(),
                groups: group_count,
                operations,
                chunk_bytes,
                client: ClientInfo { name, version: "1".to_owned() },
            },
            groups,
            manifests,
            chunks,
            blocks,
            result: CommitResult {
                before: Seq(before),
                head: Seq(head),
                cursor: Cursor(cursor.clone()),
                replayed,
            },
            outcomes,
            nodes,
            page: PageEnd { cursor: Cursor(cursor), head: Seq(page_head), more },
            wanted,
            missing,
            manifests_wanted,
            problem: Problem::new(ProblemKind::DiskFull).detail(detail).member("maximum", page_head),
        }
    })
}

impl Contents {
    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.commit_head(&self.head);
        encoder.groups(&self.groups);
        for (content, size, base, splices) in &self.manifests {
            encoder.manifest(*content, *size, *base, splices);
        }
        for plain in &self.chunks {
            encoder.chunk(hash(plain), plain);
        }
        for (named, plain) in &self.blocks {
            encoder.small_chunk(named.then(|| hash(plain)), plain);
        }
        encoder.commit_result(&self.result);
        encoder.outcomes(&self.outcomes);
        encoder.nodes(&self.nodes);
        encoder.page_end(&self.page);
        encoder.wanted_chunks(&self.wanted);
        encoder.missing_chunks(&self.missing);
        encoder.wanted_manifests(&self.manifests_wanted);
        encoder.problem(&self.problem);
        encoder.finish()
    }

    /// What a reader should find.
    fn expected(&self) -> Value {
        let chunks = self.chunks.iter().map(|plain| (true, plain));
        let blocks = self.blocks.iter().map(|(named, plain)| (*named, plain));
        let chunks = chunks.chain(blocks).map(|(named, plain)| {
            let id = hex(&hash(plain).0);
            json!([if named { json!(id) } else { Value::Null }, plain.len(), id])
        });
        let manifests = self.manifests.iter().map(|(content, size, base, splices)| {
            json!({
                "content": hex(&content.0), "size": size, "base": base.map(|base| held(&base)), "last": true,
                "splices": splices.iter().map(splice).collect::<Vec<_>>(),
            })
        });
        let wanted =
            self.wanted.iter().map(|one| json!([one.node.map_or(0, |node| node.0), hex(&one.chunk.0)]));
        json!({
            "head": {
                "key": hex(&self.head.key.0), "groups": self.head.groups, "operations": self.head.operations,
                "uploads": self.head.uploads.iter().map(|upload| hex(&upload.0)).collect::<Vec<_>>(),
                "chunk_bytes": self.head.chunk_bytes,
                "client": [self.head.client.name, self.head.client.version],
            },
            "groups": self.groups.iter()
                .map(|group| group.operations.iter().map(operation).collect()).collect::<Vec<Value>>(),
            "manifests": manifests.collect::<Vec<_>>(),
            "chunks": chunks.collect::<Vec<_>>(),
            "result": {
                "before": self.result.before.0, "head": self.result.head.0, "cursor": self.result.cursor.0,
                "replayed": self.result.replayed,
            },
            "outcomes": self.outcomes.iter().map(outcome).collect::<Vec<_>>(),
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "page": { "cursor": self.page.cursor.0, "head": self.page.head.0, "more": self.page.more },
            "wanted_chunks": wanted.collect::<Vec<_>>(),
            "missing_chunks": self.missing.iter().map(|id| hex(&id.0)).collect::<Vec<_>>(),
            "wanted_manifests": self.manifests_wanted.iter().map(held).collect::<Vec<_>>(),
            "problem": self.problem,
        })
    }
}

fn hash(plain: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(plain).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn held(one: &NodeContent) -> Value {
    json!([one.node.0, hex(&one.content.0)])
}

fn splice(splice: &Splice) -> Value {
    match splice {
        Splice::Keep { start, count } => json!({ "start": start, "count": count }),
        Splice::New(chunks) => {
            json!({ "new": chunks.iter().map(|chunk| json!([hex(&chunk.id.0), chunk.length])).collect::<Vec<_>>() })
        }
    }
}

fn content(content: &Content) -> Value {
    match content {
        Content::Directory => json!({ "is": "directory" }),
        Content::File { id, size } => json!({ "is": "file", "id": hex(&id.0), "size": size }),
        Content::Link { target } => json!({ "is": "link", "target": hex(target) }),
    }
}

fn reference(node: &NodeRef) -> Value {
    match node {
        NodeRef::Id(id) => json!({ "node": id.0 }),
        NodeRef::Temporary(number) => json!({ "temporary": number }),
    }
}

fn operation(operation: &Operation) -> Value {
    match operation {
        Operation::Create { temporary, parent, name, content: what, executable, mtime } => json!({
            "do": "create", "temporary": temporary, "parent": reference(parent), "name": name.as_str(),
            "content": content(what), "executable": executable, "mtime": mtime.0,
        }),
        Operation::Update { node, base, content: what, executable, mtime } => json!({
            "do": "update", "node": node.0, "base": base.0, "content": content(what), "executable": executable,
            "mtime": mtime.0,
        }),
        Operation::Attributes { node, base, executable, mtime } => json!({
            "do": "attributes", "node": node.0, "base": base.0, "executable": executable, "mtime": mtime.0,
        }),
        Operation::Move { node, base, parent, name } => json!({
            "do": "move", "node": node.0, "base": base.0, "parent": reference(parent), "name": name.as_str(),
        }),
        Operation::Remove { node, base } => json!({
            "do": "remove", "node": node.0, "placement": base.placement.0, "version": base.version.0,
        }),
        Operation::Copy { temporary, source, version, parent, name } => json!({
            "do": "copy", "temporary": temporary, "source": source.0,
            "version": version.map(|version| version.0), "parent": reference(parent), "name": name.as_str(),
        }),
    }
}

fn node(node: &RemoteNode) -> Value {
    json!({
        "id": node.id.0, "parent": node.parent.0, "name": node.name.as_str(), "content": content(&node.content),
        "executable": node.executable, "mtime": node.mtime.0, "seq": node.seq.0, "deleted": node.deleted,
        "placement": node.revision.placement.0, "version": node.revision.version.0,
    })
}

fn outcome(outcome: &GroupOutcome) -> Value {
    match outcome {
        GroupOutcome::Applied(entries) => {
            let numbers =
                |entry: &Applied| json!([entry.node.0, entry.revision.placement.0, entry.revision.version.0]);
            json!({ "applied": entries.iter().map(numbers).collect::<Vec<_>>() })
        }
        GroupOutcome::Refused { operation, reason, current } => json!({
            "operation": operation, "reason": refusal_word(*reason), "current": current.as_deref().map(node),
        }),
    }
}

/// Numbers beside the contents, which only the format knows.
fn without_kinds(mut found: Value) -> (Vec<u64>, Value) {
    let kinds: Option<Value> =
        found.as_object_mut().and_then(|members: &mut Map<_, _>| members.remove("kinds"));
    let kinds = kinds.unwrap_or_else(|| panic!("{found}"));
    (kinds.as_array().unwrap().iter().map(|kind| kind.as_u64().unwrap()).collect(), found)
}

#[test]
fn the_second_reader_finds_what_was_encoded() {
    if !can_run() {
        return;
    }
    // The same bundles each time: a difference is then one that can be looked into.
    let mut runner = TestRunner::deterministic();
    let all: Vec<Contents> = (0..60).map(|_| contents().new_tree(&mut runner).unwrap().current()).collect();
    let bundles: Vec<Vec<u8>> = all.iter().map(Contents::encode).collect();
    let mut seen = BTreeSet::new();
    for (contents, found) in all.iter().zip(read_by_python(&bundles)) {
        let (kinds, found) = without_kinds(found);
        seen.extend(kinds);
        assert_eq!(found, contents.expected());
    }
    let every: Vec<u64> = (0x01..=0x0c).chain([0x7e, 0x7f]).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), every, "every kind of record was among them");
}

#[test]
fn the_second_reader_reads_the_pinned_bytes() {
    if !can_run() {
        return;
    }
    let file = |name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles").join(name);
        crate::golden::bytes_of(&std::fs::read_to_string(path).unwrap())
    };
    let mut read =
        read_by_python(&[file("empty.hex"), file("everything.hex")]).into_iter().map(without_kinds);
    assert_eq!(read.next().unwrap().0, [0x7f]);
    let (kinds, found) = read.next().unwrap();
    assert_eq!(kinds, [1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0x7e, 0x7f]);
    let groups: Vec<Value> =
        samples::groups().iter().map(|group| group.operations.iter().map(operation).collect()).collect();
    assert_eq!(found["groups"], json!(groups));
    assert_eq!(found["outcomes"], json!(samples::outcomes().iter().map(outcome).collect::<Vec<_>>()));
    assert_eq!(found["nodes"], json!([node(&samples::node(2, "two")), node(&samples::node(3, "three"))]));
    assert_eq!(found["chunks"][1], json!([hex(&[0x78; 32]), 4096, hex(&hash(&[b'z'; 4096]).0)]));
    assert_eq!(found["result"]["cursor"], "c1after");
}

/// Whether Rust takes it, to the last byte of the last chunk.
fn is_read_by_rust(bytes: &[u8]) -> bool {
    let read = || -> Result<(), protocol::bundle::BundleError> {
        let (mut unpacker, mut groups) = (Unpacker::default(), Groups::default());
        for record in samples::read_in_pieces(bytes, usize::MAX)? {
            match record {
                Record::Chunk(chunk) => drop(unpacker.chunk(&chunk)?),
                Record::Block(block) => drop(unpacker.block(&block)?),
                Record::Operations(run) => groups.push(run),
                Record::Outcomes(outcomes) => drop(outcomes.expand(10_000)?),
                _ => {}
            }
        }
        drop(groups.finish());
        Ok(())
    };
    read().is_ok()
}

#[test]
fn what_is_damaged_is_refused_by_both() {
    if !can_run() {
        return;
    }
    // Short chunks alone: which damage of a compressed frame is noticed is a matter of the decompressor.
    let mut encoder = Encoder::new();
    samples::write_without_compression(&mut encoder);
    let whole = encoder.finish();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
    damaged.push([&whole[..], &[0]].concat());
    let cut = damaged.len();
    for at in 0..whole.len() {
        for bit in BTreeSet::from([at % 8, 7]) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            damaged.push(flipped);
        }
    }
    let mut refused = 0;
    for (number, (bytes, found)) in damaged.iter().zip(read_by_python(&damaged)).enumerate() {
        let by_python = found.get("refused").is_some();
        assert_eq!(!is_read_by_rust(bytes), by_python, "{}\n{found}", hex(bytes));
        assert!(number >= cut || by_python, "a bundle cut off or followed by something was taken");
        refused += usize::from(by_python);
    }
    // Of flipped bits most break the format; the others are in names, numbers and bytes, which ids and hashes prove.
    assert!(refused > cut + 200, "{refused} of {}", damaged.len());
}

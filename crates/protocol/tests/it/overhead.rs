//! What small files cost on the wire beside their own bytes.

use crate::samples;
use model::{ChunkId, Content, ContentId, Group, GroupOutcome, NodeId, NodeRef, Operation, Timestamp};
use protocol::bundle::{Encoder, WantedChunk};

/// Bytes that do not compress (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.next() >> 32) as u8)
    }
}

const FILES: usize = 10_000;
const FILE_BYTES: usize = 4096;

fn creation(index: usize, id: [u8; 32], noise: &mut Noise) -> Group {
    let create = Operation::Create {
        temporary: index as u32,
        parent: NodeRef::Id(NodeId(2 + index as u64 / 100)),
        name: samples::name(&format!("file-{index:05}.bin")),
        content: Content::File { id: ContentId(id), size: FILE_BYTES as u64 },
        executable: false,
        mtime: Timestamp(1_795_303_532_000_000_000 + (noise.next() % 5_000_000_000) as i64),
    };
    Group { operations: vec![create] }
}

#[test]
fn small_random_files_travel_at_under_two_percent_overhead() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let groups: Vec<Group> = (0..FILES).map(|index| creation(index, noise.bytes(), &mut noise)).collect();
    let mut encoder = Encoder::new();
    encoder.commit_head(&samples::head());
    encoder.groups(&groups);
    let mut bytes = encoder.take().len();
    for _ in 0..FILES {
        encoder.small_chunk(None, &noise.bytes::<FILE_BYTES>());
        bytes += encoder.take().len();
    }
    bytes += encoder.finish().len();
    let overhead = (bytes - FILES * FILE_BYTES) as f64 / FILES as f64;
    assert!(overhead < 60.0, "{overhead} bytes a file");
}

#[test]
fn the_answer_to_small_files_is_a_few_bytes() {
    let outcomes: Vec<_> = (0..FILES as u64)
        .map(|index| {
            let seq = model::Seq(500 + index);
            let revision = model::Revision { placement: seq, version: seq };
            GroupOutcome::Applied(vec![model::Applied { node: NodeId(900 + index), revision }])
        })
        .collect();
    let mut encoder = Encoder::new();
    encoder.outcomes(&outcomes);
    let length = encoder.finish().len();
    assert!(length < 200, "{length}");
}

#[test]
fn changes_of_small_files_are_listed_in_under_sixty_bytes_each() {
    let mut noise = Noise(77);
    let nodes: Vec<_> = (0..FILES as u64)
        .map(|index| {
            let mut node = samples::node(900 + index, &format!("file-{index:05}.bin"));
            node.content = Content::File { id: ContentId(noise.bytes()), size: 4096 };
            node.mtime = Timestamp(node.mtime.0 + (noise.next() % 5_000_000_000) as i64);
            node
        })
        .collect();
    let mut encoder = Encoder::new();
    encoder.nodes(&nodes);
    let each = encoder.finish().len() as f64 / FILES as f64;
    assert!(each < 60.0, "{each} bytes a node");
}

#[test]
fn chunks_asked_for_cost_their_ids_and_nodes() {
    let wanted: Vec<_> = (0..FILES)
        .map(|index| WantedChunk {
            chunk: ChunkId([index as u8; 32]),
            node: Some(NodeId(900 + index as u64)),
        })
        .collect();
    let mut encoder = Encoder::new();
    encoder.wanted_chunks(&wanted);
    assert!(encoder.finish().len() < FILES * 34 + 40);
}

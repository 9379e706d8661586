//! What was written is what is read, however it arrives.

use crate::samples::{self, node};
use model::{ChunkId, Content, Group, NodeId, NodeRef, Operation, Timestamp};
use proptest::prelude::*;
use protocol::bundle::{Encoder, Groups, Record, Splice, Unpacker};

#[test]
fn every_record_is_read_back_from_pieces_of_any_size() {
    let bytes = samples::everything();
    let whole = samples::read_in_pieces(&bytes, usize::MAX).unwrap();
    for piece in [1, 2, 3, 7, 64, 1000] {
        assert_eq!(samples::read_in_pieces(&bytes, piece).unwrap(), whole);
    }

    let mut groups = Groups::default();
    let mut unpacker = Unpacker::default();
    let mut chunks = Vec::new();
    for record in whole {
        match record {
            Record::CommitHead(head) => assert_eq!(head, samples::head()),
            Record::Operations(run) => groups.push(run),
            Record::Manifest(part) => {
                assert_eq!(part.splices, samples::splices());
                assert!(part.last);
            }
            Record::Chunk(chunk) => chunks.push((Some(chunk.id), unpacker.chunk(&chunk).unwrap())),
            Record::Block(block) => {
                let plain = unpacker.block(&block).unwrap();
                chunks.extend(block.entries.iter().map(|entry| entry.id).zip(plain));
            }
            Record::CommitResult(result) => assert_eq!(
                (result.before.0, result.head.0, result.cursor.0.as_str(), result.replayed),
                (30, 34, "c1after", true)
            ),
            Record::Outcomes(outcomes) => {
                assert_eq!(outcomes.expand(6).unwrap(), samples::outcomes());
                assert!(outcomes.expand(4).is_err());
            }
            Record::Nodes(nodes) => assert_eq!(nodes, [node(2, "two"), node(3, "three")]),
            Record::PageEnd(page) => assert!(page.more),
            Record::WantedChunks(wanted) => assert_eq!(wanted, samples::wanted()),
            Record::MissingChunks(ids) => assert_eq!(ids, [ChunkId([2; 32])]),
            Record::WantedManifests(wanted) => assert_eq!(wanted[0].node, NodeId(300)),
            Record::Problem(problem) => assert_eq!(problem.status, 507),
            Record::End(count) => assert_eq!(count, 15),
        }
    }
    let groups: Vec<Group> = groups.finish().into_iter().map(Result::unwrap).collect();
    assert_eq!(groups, samples::groups());
    let plain: Vec<_> = chunks.iter().map(|(id, bytes)| (id.map(|id| id.0[0]), &bytes[..])).collect();
    assert_eq!(
        plain,
        [
            (Some(0x77), b"as they are".as_slice()),
            (Some(0x78), &[b'z'; 4096]),
            (None, b"one"),
            (None, b"two"),
            (Some(0x79), b"named"),
        ]
    );
}

#[test]
fn a_group_and_a_manifest_of_any_length_are_put_together_again() {
    let operation = |index: u32| Operation::Create {
        temporary: index,
        parent: NodeRef::Id(NodeId::ROOT),
        name: samples::name(&format!("{index:0>200}")),
        content: Content::Directory,
        executable: false,
        mtime: Timestamp(0),
    };
    let group = Group { operations: (0..10_000).map(operation).collect() };
    let chunks: Vec<_> = (0..20_000u32)
        .map(|index| protocol::bundle::ChunkRef { id: ChunkId([index as u8; 32]), length: index + 1 })
        .collect();
    let mut encoder = Encoder::new();
    encoder.groups([&group]);
    encoder.manifest(model::ContentId([1; 32]), 9, None, &[Splice::New(chunks.clone())]);
    let mut groups = Groups::default();
    let mut read = Vec::new();
    let mut parts = 0;
    for record in samples::read_in_pieces(&encoder.finish(), 65_536).unwrap() {
        match record {
            Record::Operations(run) => groups.push(run),
            Record::Manifest(part) => {
                parts += 1;
                assert_eq!(part.last, read.len() + part.splices.len() * 4096 >= 20_000);
                for splice in part.splices {
                    let Splice::New(chunks) = splice else { panic!("nothing was kept") };
                    read.extend(chunks);
                }
            }
            Record::End(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(groups.finish(), [Ok(group)]);
    assert_eq!((read, parts), (chunks, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_chunks_are_read_back(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..3000)), 0..40)
    ) {
        let mut encoder = Encoder::new();
        let mut bytes = Vec::new();
        for (small, chunk) in &chunks {
            if *small {
                encoder.small_chunk(None, chunk);
            } else {
                encoder.chunk(ChunkId([chunk[0]; 32]), chunk);
            }
            bytes.extend(encoder.take());
        }
        bytes.extend(encoder.finish());
        let mut unpacker = Unpacker::default();
        let mut back = Vec::new();
        for record in samples::read_in_pieces(&bytes, 997).unwrap() {
            match record {
                Record::Chunk(chunk) => back.push(unpacker.chunk(&chunk).unwrap().to_vec()),
                Record::Block(block) => {
                    back.extend(unpacker.block(&block).unwrap().iter().map(|plain| plain.to_vec()));
                }
                _ => {}
            }
        }
        prop_assert_eq!(back, chunks.into_iter().map(|(_, chunk)| chunk).collect::<Vec<_>>());
    }
}

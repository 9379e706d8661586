//! What many small files cost: requests, flushes and statements do not grow with their number.

use crate::bundles::{Draft, chunk_id};
use crate::world::{World, bundle};
use protocol::bundle::{Record, Unpacker, WantedChunk};

const FILES: usize = 20_000;
const IN_ONE_COMMIT: usize = 10_000;
const FILE_BYTES: usize = 4096;

/// Bytes that do not compress and differ from file to file.
fn noise(index: usize) -> Vec<u8> {
    let mut bytes = vec![0; FILE_BYTES];
    blake3::Hasher::new().update(&index.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_files_cost_two_requests_and_a_few_flushes_and_statements() {
    let world = World::start().await;
    let alice = world.writer().await;
    let before = (world.chunks.counters(), world.database.figures());
    let mut sent = 0;
    let mut answered = 0;
    for commit in 0..FILES / IN_ONE_COMMIT {
        let first = commit * IN_ONE_COMMIT;
        let mut draft = Draft::new();
        for index in first..first + IN_ONE_COMMIT {
            draft = draft.file(&format!("file-{index:05}.bin"), &noise(index));
        }
        let bytes = draft.bytes();
        sent += bytes.len();
        let answer = alice.bundle(&alice.folder_path("commits"), bytes).await;
        answered += answer.body.len();
        let done = crate::bundles::committed(&answer);
        assert!(done.refusals().iter().all(Option::is_none));
    }
    let after = (world.chunks.counters(), world.database.figures());
    let flushes = after.0.fsyncs - before.0.fsyncs + after.1.commits - before.1.commits;
    let statements = after.1.statements - before.1.statements;
    // 80 MB in batches of 8 MiB, a pack of 64 MiB and its directory, and a commit of the database for each request.
    assert!(flushes <= 30, "{flushes} flushes");
    assert!(statements <= 1500, "{statements} statements");
    let payload = FILES * FILE_BYTES;
    assert!(sent + answered <= payload + payload / 50, "{sent} + {answered} bytes for {payload}");

    let listing = alice.listing().await;
    assert_eq!(listing.len(), FILES);
    let wanted: Vec<_> = (0..IN_ONE_COMMIT)
        .map(|index| WantedChunk { chunk: chunk_id(&noise(index)), node: Some(listing[index].id) })
        .collect();
    let before = world.database.figures().statements;
    let body = bundle(|encoder| encoder.wanted_chunks(&wanted));
    let answer = alice.bundle(&alice.folder_path("chunks/fetch"), body).await;
    assert!(world.database.figures().statements - before <= 40);
    let (mut unpacker, mut index) = (Unpacker::default(), 0);
    for record in answer.records() {
        if let Record::Block(block) = record {
            for plain in unpacker.block(&block).unwrap() {
                assert!(plain == noise(index));
                index += 1;
            }
        }
    }
    assert_eq!(index, IN_ONE_COMMIT);
    let payload = IN_ONE_COMMIT * FILE_BYTES;
    assert!(answer.body.len() <= payload + payload / 200, "{} bytes for {payload}", answer.body.len());
}

//! Whatever arrives: an error or records, never a panic, never memory that was not paid for.

use crate::samples;
use proptest::prelude::*;
use protocol::bundle::{BundleError, Decoder, Groups, MAGIC, Record, Unpacker};

/// Reads all there is to read, and unpacks it.
fn read_everything(bytes: &[u8]) -> Result<(), BundleError> {
    let mut unpacker = Unpacker::default();
    let mut groups = Groups::default();
    for record in samples::read_in_pieces(bytes, 4096)? {
        match record {
            Record::Chunk(chunk) => assert_eq!(unpacker.chunk(&chunk)?.len(), chunk.length as usize),
            Record::Block(block) => assert_eq!(unpacker.block(&block)?.len(), block.entries.len()),
            Record::Operations(run) => groups.push(run),
            Record::Outcomes(outcomes) => {
                let _ = outcomes.expand(10_000)?;
            }
            _ => {}
        }
    }
    let _ = groups.finish();
    Ok(())
}

fn with_magic(records: &[u8]) -> Vec<u8> {
    [&MAGIC, records].concat()
}

#[test]
fn a_bundle_cut_anywhere_is_not_taken_for_a_whole_one() {
    let bytes = samples::everything();
    for end in 0..bytes.len() {
        assert_eq!(read_everything(&bytes[..end]), Err(BundleError::Truncated), "cut at {end}");
    }
    assert_eq!(read_everything(&bytes), Ok(()));
}

#[test]
fn what_follows_the_end_is_an_error() {
    let mut bytes = samples::everything();
    bytes.push(0);
    assert!(matches!(read_everything(&bytes), Err(BundleError::BadEnd(_))));
}

#[test]
fn a_dropped_record_is_missed_by_the_end() {
    let mut bytes = samples::everything();
    // The first record is the commit's head: its type, a length of one byte, its payload.
    let length = 2 + usize::from(bytes[9]);
    assert!(bytes[9] < 0x80);
    bytes.drain(8..8 + length);
    assert!(matches!(read_everything(&bytes), Err(BundleError::BadEnd(_))));
}

#[test]
fn a_record_over_its_bound_is_refused_before_it_arrives() {
    let bytes = with_magic(&[0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    assert_eq!(read_everything(&bytes), Err(BundleError::RecordTooLong(u64::MAX)));
    let one_over = with_magic(&[0x04, 0x81, 0x80, 0x80, 0x01]);
    assert_eq!(read_everything(&one_over), Err(BundleError::RecordTooLong((2 << 20) + 1)));
}

#[test]
fn more_bytes_than_the_reader_takes_are_refused() {
    let bytes = samples::everything();
    let mut decoder = Decoder::new(bytes.len() as u64 - 1);
    assert!(matches!(decoder.push(&bytes), Err(BundleError::TooLong { .. })));
    assert!(decoder.next_record().is_err());
}

#[test]
fn other_formats_and_versions_are_told_apart() {
    assert_eq!(read_everything(b"GET / HTTP/1.1"), Err(BundleError::BadMagic));
    assert_eq!(read_everything(b"DRIFTLS\x02"), Err(BundleError::UnknownVersion(2)));
    assert_eq!(read_everything(&with_magic(&[0x20, 1, 1])), Err(BundleError::UnknownRecord(0x20)));
    assert_eq!(read_everything(&with_magic(&[0x00, 1, 1])), Err(BundleError::UnknownRecord(0)));
}

#[test]
fn records_of_the_skippable_range_are_skipped() {
    let bytes = with_magic(&[0x80, 3, 9, 9, 9, 0x7f, 2, 1, 1]);
    assert_eq!(samples::read_in_pieces(&bytes, 1).unwrap(), [Record::End(1)]);
}

#[test]
fn a_few_bytes_cannot_ask_for_much_memory() {
    // (a record's bytes, what they claim)
    let claims: &[(&[u8], &str)] = &[
        (&[0x02, 7, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f], "4 GiB of compressed operations"),
        (&[0x02, 7, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], "4 Gi operations"),
        (&[0x05, 6, 1, 1, 0, 0x81, 0x80, 0x01], "16,385 chunks in a block"),
        (&[0x05, 8, 1, 0, 0, 1, 0x81, 0x80, 0x40, 0], "a block of 1 MiB and a byte"),
        (&[0x0a, 2, 1, 0], "a part of an id"),
        (&[0x0b, 2, 1, 0], "a part of an id"),
        (&[0x0c, 1, 1], "no ids"),
        (&[0x7f, 1, 1], "an end without a count"),
        (&[0x01, 0], "an empty payload"),
        (&[0x01, 1, 2], "an unknown payload version"),
        (&[0x01, 2, 1, 9], "an unknown codec"),
    ];
    for (record, claim) in claims {
        let error = read_everything(&with_magic(record)).unwrap_err();
        assert!(matches!(error, BundleError::Malformed { .. }), "{claim}: {error}");
    }
}

#[test]
fn a_compressed_chunk_that_unpacks_to_another_length_is_refused() {
    let mut bytes = samples::everything();
    // The chunk of 4,096 times 'z': its length is spelled 80 20 before its id of 0x78.
    let id = bytes.windows(32).position(|window| window == [0x78; 32]).unwrap();
    assert_eq!(&bytes[id - 2..id], [0x80, 0x20]);
    for length in [[0x81, 0x20], [0xff, 0x1f], [0xff, 0x7f]] {
        bytes[id - 2..id].copy_from_slice(&length);
        assert!(matches!(read_everything(&bytes), Err(BundleError::Malformed { kind: 4, .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_an_error_or_records(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_everything(&bytes);
        let _ = read_everything(&with_magic(&bytes));
    }

    #[test]
    fn any_payload_of_any_kind_is_an_error_or_records(
        kind in 0u8..=0x80, codec in 0u8..3, body in prop::collection::vec(any::<u8>(), 0..100)
    ) {
        let mut record = vec![kind, body.len() as u8 + 2, 1, codec];
        record.extend(body);
        record.extend([0x7f, 2, 1, 1]);
        let _ = read_everything(&with_magic(&record));
    }

    #[test]
    fn flipped_bits_are_an_error_or_records(flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4)) {
        let mut bytes = samples::everything();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let _ = read_everything(&bytes);
    }
}

//! The bytes of the format, pinned: a change of any of them breaks peers of other versions.
//!
//! `tests/bundles/*.hex` hold one line a record. A new file is written by running with `DRIFTLESS_BLESS=1`;
//! an existing one must never change within a format version.

use crate::samples;
use protocol::bundle::{Encoder, Record};
use std::fmt::Write as _;

/// Records apart, as lines of hexadecimal: the magic, then type, length and payload of each.
fn lines_of(bytes: &[u8]) -> String {
    let (magic, mut rest) = bytes.split_at(8);
    let mut text = String::new();
    let mut line = |part: &[u8]| {
        part.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    };
    line(magic);
    while !rest.is_empty() {
        let digits = 1 + rest[1..].iter().position(|byte| byte & 0x80 == 0).unwrap();
        let length =
            rest[1..=digits].iter().rev().fold(0usize, |value, byte| value << 7 | usize::from(byte & 0x7f));
        let (record, tail) = rest.split_at(1 + digits + length);
        line(record);
        rest = tail;
    }
    text
}

pub(crate) fn bytes_of(lines: &str) -> Vec<u8> {
    let digits: Vec<u8> = lines.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn check(file: &str, bytes: &[u8]) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles").join(file);
    if std::env::var_os("DRIFTLESS_BLESS").is_some() && !path.exists() {
        std::fs::write(&path, lines_of(bytes)).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines_of(bytes), golden, "the bytes of {file} have changed");
    bytes_of(&golden)
}

#[test]
fn an_empty_bundle_is_its_magic_and_its_end() {
    let golden = check("empty.hex", &Encoder::new().finish());
    assert_eq!(golden, b"DRIFTLS\x01\x7f\x02\x01\x00");
}

#[test]
fn every_kind_of_record_keeps_its_bytes() {
    let golden = check("everything.hex", &samples::everything());
    assert_eq!(samples::read_in_pieces(&golden, usize::MAX).unwrap().len(), 16);
}

#[test]
fn bytes_of_another_compressor_are_read_all_the_same() {
    // A zstd frame of 300 times 'a', written by the `zstd` program at its highest level: what a peer sends is not
    // bound to our compressor, and the golden file above not to be taken for the only spelling.
    let frame = bytes_of("28b52ffd006845000008610100282a1002");
    let mut payload = vec![1, 1, 0xac, 0x02];
    payload.extend([9; 32]);
    payload.extend(&frame);
    let mut bundle = b"DRIFTLS\x01\x04".to_vec();
    bundle.push(payload.len() as u8);
    bundle.extend(payload);
    bundle.extend(b"\x7f\x02\x01\x01");
    let records = samples::read_in_pieces(&bundle, 1).unwrap();
    let Record::Chunk(chunk) = &records[0] else { panic!("{records:?}") };
    let plain = protocol::bundle::Unpacker::default().chunk(chunk).unwrap();
    assert_eq!(&plain[..], [b'a'; 300]);
}

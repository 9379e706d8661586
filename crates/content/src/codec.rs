//! Compressing and decompressing records: one Zstandard frame, bounded on both sides.

use crate::RECORD_BYTES_MAX;
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// Level 1: 740 MB/s on source text at a ratio of .16.
const LEVEL: i32 = 1;

/// From this length on, three samples decide first whether the whole is tried. zstd gives up on random bytes by
/// itself, but only after reading and copying all of them: as dear as hashing them.
const SAMPLED_FROM_BYTES: usize = 128 << 10;
const SAMPLE_BYTES: usize = 4 << 10;

thread_local! {
    // A context is some hundred KiB and costs more to make than a small chunk to compress. Fresh memory for the
    // output would cost more than giving up on random bytes does, so that is kept as well.
    static COMPRESSOR: RefCell<Option<(Compressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses the bytes into one frame if that saves at least 3 %, for less is not worth decompressing later.
#[must_use]
pub fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    // A frame has at least 9 bytes of overhead; tiny records never win.
    if plain.len() < 64 {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Compressor::new(LEVEL).ok().map(|compressor| (compressor, Vec::new()));
        }
        let (compressor, packed) = slot.as_mut()?;
        let hopeless = plain.len() >= SAMPLED_FROM_BYTES
            && samples(plain).iter().all(|sample| !shrinks(compressor, sample, packed));
        (!hopeless && shrinks(compressor, plain, packed)).then(|| packed.clone())
    })
}

/// Whether the bytes come out at least 3 % shorter.
fn shrinks(compressor: &mut Compressor<'_>, plain: &[u8], packed: &mut Vec<u8>) -> bool {
    packed.clear();
    // zstd works fastest with room for its worst case.
    packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
    let worth_it = plain.len() - plain.len() / 32;
    compressor.compress_to_buffer(plain, packed).is_ok_and(|length| length <= worth_it)
}

/// A piece of the beginning, the middle and the end of bytes that are longer than all three.
fn samples(plain: &[u8]) -> [&[u8]; 3] {
    let middle = plain.len() / 2;
    [&plain[..SAMPLE_BYTES], &plain[middle..middle + SAMPLE_BYTES], &plain[plain.len() - SAMPLE_BYTES..]]
}

/// Decompresses one frame into `plain`, which is cleared first. `None` if it is not a frame of exactly `length`
/// plain bytes; nothing longer than `length` is ever made.
#[must_use]
pub fn decompress(stored: &[u8], length: u32, plain: &mut Vec<u8>) -> Option<()> {
    if length > RECORD_BYTES_MAX {
        return None;
    }
    plain.clear();
    plain.reserve(length as usize);
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        let capacity = plain.capacity();
        let made = slot.as_mut()?.decompress_to_buffer(stored, plain).ok()?;
        debug_assert!(made <= capacity, "the buffer bounds the output");
        (made == length as usize).then_some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shrinks_and_comes_back() {
        let plain = b"fn main() { println!(\"hello\"); }\n".repeat(1000);
        let packed = compress(&plain).unwrap();
        assert!(packed.len() < plain.len() / 10);
        let mut again = Vec::new();
        decompress(&packed, u32::try_from(plain.len()).unwrap(), &mut again).unwrap();
        assert_eq!(again, plain);
    }

    #[test]
    fn bytes_that_do_not_shrink_are_left_alone() {
        let mut random = vec![0; 100_000];
        blake3::Hasher::new().finalize_xof().fill(&mut random);
        assert_eq!(compress(&random), None);
        assert_eq!(compress(b"short"), None);
    }

    #[test]
    fn long_bytes_are_compressed_if_any_part_of_them_promises_it() {
        let mut mixed = vec![0; 600_000];
        blake3::Hasher::new().finalize_xof().fill(&mut mixed);
        assert_eq!(compress(&mixed), None);
        mixed[290_000..].fill(b'x');
        assert!(compress(&mixed).unwrap().len() < 300_000);
        mixed[..290_000].fill(b'y');
        assert!(compress(&mixed).unwrap().len() < 1000);
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let packed = compress(&[7; 5000]).unwrap();
        let mut plain = Vec::new();
        assert_eq!(decompress(&packed, 4999, &mut plain), None);
        assert_eq!(decompress(&packed, 5001, &mut plain), None);
        assert_eq!(decompress(&packed, u32::MAX, &mut plain), None);
        assert_eq!(decompress(&packed[..packed.len() - 1], 5000, &mut plain), None);
        assert_eq!(decompress(b"no frame", 8, &mut plain), None);
    }
}

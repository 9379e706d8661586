//! Lengths and type bytes: the frame around a payload.

/// Record types. From [`SKIPPABLE`] on, a reader that does not know one skips it.
pub(crate) mod kind {
    pub(crate) const COMMIT_HEAD: u8 = 0x01;
    pub(crate) const OPERATIONS: u8 = 0x02;
    pub(crate) const MANIFEST: u8 = 0x03;
    pub(crate) const CHUNK: u8 = 0x04;
    pub(crate) const BLOCK: u8 = 0x05;
    pub(crate) const COMMIT_RESULT: u8 = 0x06;
    pub(crate) const OUTCOMES: u8 = 0x07;
    pub(crate) const NODES: u8 = 0x08;
    pub(crate) const PAGE_END: u8 = 0x09;
    pub(crate) const WANTED_CHUNKS: u8 = 0x0a;
    pub(crate) const MISSING_CHUNKS: u8 = 0x0b;
    pub(crate) const WANTED_MANIFESTS: u8 = 0x0c;
    pub(crate) const PROBLEM: u8 = 0x7e;
    pub(crate) const END: u8 = 0x7f;
    pub(crate) const SKIPPABLE: u8 = 0x80;
}

/// The version byte that begins every payload.
pub(crate) const PAYLOAD_VERSION: u8 = 1;

/// Appends a number as LEB128: seven bits a byte, the lowest first, the high bit set on all but the last.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads such a number off the front. `None` if it is not whole yet; an error if it is no number of 64 bits in
/// its shortest spelling.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Result<Option<u64>, &'static str> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && *byte > 1 {
            return Err("a number is over 64 bits");
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            if index > 0 && bits == 0 {
                return Err("a number is spelled longer than it needs");
            }
            *bytes = &bytes[index + 1..];
            return Ok(Some(value));
        }
    }
    if bytes.len() >= 10 { Err("a number is over 64 bits") } else { Ok(None) }
}

/// Like [`take_varint`] where everything has arrived.
pub(crate) fn take_whole_varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    take_varint(bytes)?.ok_or("it ends inside a number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_read_back(value: u64, tail: Vec<u8>) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            for end in 0..bytes.len() {
                prop_assert_eq!(take_varint(&mut &bytes[..end]), Ok(None));
            }
            bytes.extend(&tail);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_varint(&mut rest), Ok(Some(value)));
            prop_assert_eq!(rest, &tail[..]);
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert!(take_varint(&mut &[0x80, 0x00][..]).is_err());
        assert!(take_varint(&mut &[0xff; 10][..]).is_err());
        assert!(take_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..]).is_err());
    }
}

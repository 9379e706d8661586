//! The records of a zip archive that is written from its beginning to its end (PKWARE's APPNOTE 6.3.10).
//!
//! *Always:* how long a record is depends on path and size alone, so that the length of the whole is known before its first
//! byte. What a file's bytes come to is not known before they have passed, so it follows them; and because a reader
//! that cannot seek has to see where they end, they travel as Deflate blocks of the kind that compresses nothing (RFC 1951,
//! 3.2.4). Archives, files and counts that are too big for the old fields use ZIP64.

use model::Timestamp;

/// The most bytes of one block.
const BLOCK_BYTES: u64 = 65_535;
/// What stands before each block.
const BLOCK_HEAD_BYTES: u64 = 5;
const MAX_32: u64 = 0xffff_ffff;
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;
const UTF_8: u16 = 1 << 11;
const DEFLATE: u16 = 8;
const UNIX: u16 = 3 << 8;
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Directory,
    /// A file of so many bytes.
    File(u64),
    /// A symbolic link.
    Link(Box<[u8]>),
}

/// What is said of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// With `/` between the names, none at the beginning, and at a directory's end.
    pub path: String,
    pub body: Body,
    pub mtime: Timestamp,
    pub executable: bool,
}

/// Little-endian fields, one after the other.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A field of 32 bits, or the sign that the value stands in the ZIP64 field.
    fn narrow(self, value: u64) -> Self {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX))
    }
}

impl Head {
    fn is_file_with_bytes(&self) -> bool {
        matches!(self.body, Body::File(size) if size > 0)
    }

    fn plain_bytes(&self) -> u64 {
        match &self.body {
            Body::Directory => 0,
            Body::File(size) => *size,
            Body::Link(target) => target.len() as u64,
        }
    }

    /// How many bytes stand between the local record and the descriptor.
    pub fn body_bytes(&self) -> u64 {
        let plain = self.plain_bytes();
        if self.is_file_with_bytes() { plain + plain.div_ceil(BLOCK_BYTES) * BLOCK_HEAD_BYTES } else { plain }
    }

    fn is_wide(&self) -> bool {
        self.body_bytes() >= MAX_32
    }

    fn flags(&self) -> u16 {
        UTF_8 | if self.is_file_with_bytes() { DESCRIPTOR_FOLLOWS } else { 0 }
    }

    fn method(&self) -> u16 {
        if self.is_file_with_bytes() { DEFLATE } else { 0 }
    }

    /// Version, flags, method, time and date.
    fn common(&self, record: Record) -> Record {
        let (time, date) = dos(self.mtime);
        let version = if self.is_wide() { VERSION_64 } else { VERSION };
        record.u16(version).u16(self.flags()).u16(self.method()).u16(time).u16(date)
    }

    /// What stands before an entry's bytes; `crc` only of what is known before.
    pub fn local(&self) -> Vec<u8> {
        let extra = match self.is_wide() {
            // Both sizes follow the bytes.
            true => Record::default().u16(1).u16(16).u64(0).u64(0).0,
            false => Vec::new(),
        };
        let extra = [extra, moment(self.mtime)].concat();
        let (crc, size) = match &self.body {
            Body::Link(target) => (crc32fast::hash(target), target.len() as u64),
            _ if self.is_wide() => (0, MAX_32),
            _ => (0, 0),
        };
        let record = self.common(Record::default().u32(0x0403_4b50)).u32(crc).narrow(size).narrow(size);
        record.u16(self.path.len() as u16).u16(extra.len() as u16).bytes(self.path.as_bytes()).bytes(&extra).0
    }

    /// What stands behind an entry's bytes.
    pub fn descriptor(&self, crc: u32) -> Vec<u8> {
        if !self.is_file_with_bytes() {
            return Vec::new();
        }
        let record = Record::default().u32(0x0807_4b50).u32(crc);
        let (packed, plain) = (self.body_bytes(), self.plain_bytes());
        match self.is_wide() {
            true => record.u64(packed).u64(plain).0,
            false => record.narrow(packed).narrow(plain).0,
        }
    }

    /// The entry's record in the directory at the archive's end.
    pub fn central(&self, crc: u32, offset: u64) -> Vec<u8> {
        let crc = if let Body::Link(target) = &self.body { crc32fast::hash(target) } else { crc };
        let mut wide = Record::default();
        if self.is_wide() {
            wide = wide.u64(self.plain_bytes()).u64(self.body_bytes());
        }
        if offset >= MAX_32 {
            wide = wide.u64(offset);
        }
        let wide = match wide.0.len() {
            0 => Vec::new(),
            length => Record::default().u16(1).u16(length as u16).bytes(&wide.0).0,
        };
        let extra = [wide, moment(self.mtime)].concat();
        let (packed, plain) = match self.is_wide() {
            true => (MAX_32, MAX_32),
            false => (self.body_bytes(), self.plain_bytes()),
        };
        let record = self.common(Record::default().u32(0x0201_4b50).u16(UNIX | VERSION_64)).u32(crc);
        let record = record.narrow(packed).narrow(plain).u16(self.path.len() as u16).u16(extra.len() as u16);
        let record = record.u16(0).u16(0).u16(0).u32(self.attributes()).narrow(offset.min(MAX_32));
        record.bytes(self.path.as_bytes()).bytes(&extra).0
    }

    /// The mode of Unix, and the sign for a directory of DOS.
    fn attributes(&self) -> u32 {
        let mode = match (&self.body, self.executable) {
            (Body::Directory, _) => return 0o040_755 << 16 | 0x10,
            (Body::Link(_), _) => 0o120_777,
            (Body::File(_), true) => 0o100_755,
            (Body::File(_), false) => 0o100_644,
        };
        mode << 16
    }
}

/// Time and date in steps of two seconds, as far as 1980 to 2107.
fn dos(at: Timestamp) -> (u16, u16) {
    let (year, month, day) = at.date();
    match year {
        ..1980 => return (0, 0x0021),
        2108.. => return (0xbf7d, 0xff9f),
        _ => {}
    }
    let second = at.parts().0.rem_euclid(86_400);
    let time = ((second / 3600) << 11) | ((second / 60 % 60) << 5) | (second % 60 / 2);
    let date = ((year - 1980) << 9) | i64::from(month << 5 | day);
    (time as u16, date as u16)
}

/// The moment in seconds since 1970, which does not depend on where somebody is.
fn moment(at: Timestamp) -> Vec<u8> {
    match i32::try_from(at.parts().0) {
        Ok(seconds) => Record::default().u16(0x5455).u16(5).bytes(&[1]).bytes(&seconds.to_le_bytes()).0,
        Err(_) => Vec::new(),
    }
}

/// What stands before the block that begins at `position` of a file of `size` bytes, and how many bytes it has; none inside
/// of a block.
pub fn block_head(position: u64, size: u64) -> Option<[u8; 5]> {
    if !position.is_multiple_of(BLOCK_BYTES) {
        return None;
    }
    let length = BLOCK_BYTES.min(size - position);
    let is_last = position + length == size;
    let [low, high] = (length as u16).to_le_bytes();
    Some([u8::from(is_last), low, high, !low, !high])
}

/// How many bytes there are up to the end of the block at `position`.
pub fn left_in_block(position: u64) -> u64 {
    BLOCK_BYTES - position % BLOCK_BYTES
}

/// What closes an archive.
pub fn end(entries: u64, central_offset: u64, central_bytes: u64) -> Vec<u8> {
    let mut record = Record::default();
    if entries >= 0xffff || central_offset >= MAX_32 || central_bytes >= MAX_32 {
        record = record.u32(0x0606_4b50).u64(44).u16(UNIX | VERSION_64).u16(VERSION_64).u32(0).u32(0);
        record = record.u64(entries).u64(entries).u64(central_bytes).u64(central_offset);
        record = record.u32(0x0706_4b50).u32(0).u64(central_offset + central_bytes).u32(1);
    }
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    let record = record.u32(0x0605_4b50).u16(0).u16(0).u16(count).u16(count);
    record.narrow(central_bytes).narrow(central_offset).u16(0).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> Head {
        let mtime = Timestamp::from_parts(1_795_303_532, 0);
        Head { path: "a".into(), body: Body::File(size), mtime, executable: false }
    }

    #[test]
    fn blocks_cover_a_file_and_only_the_last_says_so() {
        for size in [1, 65_534, 65_535, 65_536, 131_070, 200_000] {
            let (mut position, mut packed, mut last) = (0, 0, 0);
            while position < size {
                let head = block_head(position, size).unwrap();
                let length = u64::from(u16::from_le_bytes([head[1], head[2]]));
                assert_eq!([!head[1], !head[2]], [head[3], head[4]]);
                last += u64::from(head[0]);
                packed += 5 + length;
                position += length;
                assert_eq!(head[0] == 1, position == size);
            }
            assert_eq!((position, last, packed), (size, 1, file(size).body_bytes()));
        }
    }

    #[test]
    fn wide_fields_are_used_exactly_when_they_are_needed() {
        // The largest file whose blocks still fit into 32 bits.
        let largest =
            (1..).map(|below| MAX_32 - below).find(|size| file(*size).body_bytes() < MAX_32).unwrap();
        assert_eq!(file(largest).descriptor(0).len(), 16);
        assert_eq!(file(largest + 1).descriptor(0).len(), 24);
        assert_eq!(file(largest + 1).local().len() - file(largest).local().len(), 20);
        assert_eq!(file(1).central(0, MAX_32).len() - file(1).central(0, MAX_32 - 1).len(), 12);
        assert_eq!(end(0xfffe, 0, 0).len(), 22);
        assert_eq!(end(0xffff, 0, 0).len(), 98);
    }

    #[test]
    fn moments_out_of_range_become_the_nearest() {
        assert_eq!(dos(Timestamp::from_parts(0, 0)), (0, 33));
        assert_eq!(dos(Timestamp::from_parts(315_532_800, 0)), (0, 33));
        assert_eq!(
            dos(Timestamp::from_parts(1_795_303_532, 0)),
            ((23 << 11) | (25 << 5) | 16, (46 << 9) | (11 << 5) | 21)
        );
        assert_eq!(dos(Timestamp(i64::MAX)).1 >> 9, 127);
        assert!(moment(Timestamp::from_parts(1 << 31, 0)).is_empty());
    }
}

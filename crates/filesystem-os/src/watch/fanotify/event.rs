//! What fanotify writes, taken apart.
//!
//! The buffer is the system's, and read as if it were anybody's: every length is checked, nothing is copied, and what does
//! not add up ends the reading with [`Malformed`].

use crate::system::HandleRef;
use std::ffi::CStr;
use std::mem::size_of;

const METADATA_BYTES: usize = size_of::<libc::fanotify_event_metadata>();
const HEADER_BYTES: usize = size_of::<libc::fanotify_event_info_header>();
/// The number of the file system, then the handle's length and kind.
const HANDLE_AT: usize = 16;

/// What happened, once or several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mask(pub(crate) u64);

impl Mask {
    pub(crate) fn is_overflow(self) -> bool {
        self.0 & libc::FAN_Q_OVERFLOW != 0
    }

    /// It happened to a directory.
    pub(crate) fn is_of_directory(self) -> bool {
        self.0 & libc::FAN_ONDIR != 0
    }

    /// A name was made.
    pub(crate) fn is_create(self) -> bool {
        self.0 & libc::FAN_CREATE != 0
    }

    /// A name was made, removed or moved.
    pub(crate) fn is_of_name(self) -> bool {
        self.0 & (libc::FAN_CREATE | libc::FAN_DELETE | libc::FAN_RENAME) != 0
    }

    /// Bytes were written.
    pub(crate) fn is_write(self) -> bool {
        self.0 & (libc::FAN_MODIFY | libc::FAN_CLOSE_WRITE) != 0
    }
}

/// A name in a directory; none, or `.`, for the directory itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot<'b> {
    pub(crate) directory: HandleRef<'b>,
    pub(crate) name: Option<&'b CStr>,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'b> {
    pub(crate) mask: Mask,
    /// Where it happened, but for a rename.
    pub(crate) slot: Option<Slot<'b>>,
    /// Where a renamed node was.
    pub(crate) from: Option<Slot<'b>>,
    /// Where it went.
    pub(crate) to: Option<Slot<'b>>,
    /// The node itself.
    pub(crate) target: Option<HandleRef<'b>>,
}

/// The buffer does not hold what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The events of a buffer.
#[derive(Debug)]
pub(crate) struct Events<'b> {
    rest: &'b [u8],
}

impl<'b> Events<'b> {
    pub(crate) fn new(buffer: &'b [u8]) -> Self {
        Self { rest: buffer }
    }
}

impl<'b> Iterator for Events<'b> {
    type Item = Result<Event<'b>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((event, rest)) = event(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        self.rest = rest;
        Some(Ok(event))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The first event, and what comes behind it.
fn event(bytes: &[u8]) -> Option<(Event<'_>, &[u8])> {
    let length = u32_at(bytes, 0)? as usize;
    let metadata = u16_at(bytes, 6)?;
    let mask = u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
    let is_known = *bytes.get(4)? == libc::FANOTIFY_METADATA_VERSION;
    if !is_known || metadata < METADATA_BYTES || length < metadata {
        return None;
    }
    let (bytes, rest) = bytes.split_at_checked(length)?;
    let mut event = Event { mask: Mask(mask), slot: None, from: None, to: None, target: None };
    let mut records = bytes.get(metadata..)?;
    while !records.is_empty() {
        let (record, others) = records.split_at_checked(u16_at(records, 2)?)?;
        take_record(record, &mut event)?;
        records = others;
    }
    Some((event, rest))
}

fn take_record<'b>(record: &'b [u8], event: &mut Event<'b>) -> Option<()> {
    let kind = *record.first()?;
    // Shorter than its own head: the next one would begin at the same place.
    let body = record.get(HEADER_BYTES..)?;
    match kind {
        libc::FAN_EVENT_INFO_TYPE_FID => event.target = Some(handle(body)?.0),
        libc::FAN_EVENT_INFO_TYPE_DFID => {
            event.slot = Some(Slot { directory: handle(body)?.0, name: None });
        }
        libc::FAN_EVENT_INFO_TYPE_DFID_NAME => event.slot = Some(slot(body)?),
        libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME => event.from = Some(slot(body)?),
        libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME => event.to = Some(slot(body)?),
        // Newer systems may tell more.
        _ => {}
    }
    Some(())
}

fn slot(body: &[u8]) -> Option<Slot<'_>> {
    let (directory, rest) = handle(body)?;
    let name = CStr::from_bytes_until_nul(rest).ok()?;
    Some(Slot { directory, name: (name != c"." && !name.is_empty()).then_some(name) })
}

/// A handle, and what comes behind it.
fn handle(body: &[u8]) -> Option<(HandleRef<'_>, &[u8])> {
    let length = u32_at(body, HANDLE_AT - 8)? as usize;
    let kind = u32_at(body, HANDLE_AT - 4)?.cast_signed();
    let (bytes, rest) = body.get(HANDLE_AT..)?.split_at_checked(length)?;
    Some((HandleRef { kind, bytes }, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What the system would write.
    pub(crate) fn event_bytes(mask: u64, records: &[(u8, &[u8], &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, handle, name) in records {
            let mut record = vec![*kind, 0, 0, 0];
            record.extend_from_slice(&[7; 8]);
            record.extend_from_slice(&(handle.len() as u32).to_ne_bytes());
            record.extend_from_slice(&1_i32.to_ne_bytes());
            record.extend_from_slice(handle);
            if *kind != libc::FAN_EVENT_INFO_TYPE_FID {
                record.extend_from_slice(name.as_bytes());
                record.push(0);
            }
            record.resize(record.len().next_multiple_of(4), 0);
            let length = (record.len() as u16).to_ne_bytes();
            record[2..4].copy_from_slice(&length);
            body.extend_from_slice(&record);
        }
        let mut bytes = ((METADATA_BYTES + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&[libc::FANOTIFY_METADATA_VERSION, 0]);
        bytes.extend_from_slice(&(METADATA_BYTES as u16).to_ne_bytes());
        bytes.extend_from_slice(&mask.to_ne_bytes());
        bytes.extend_from_slice(&libc::FAN_NOFD.to_ne_bytes());
        bytes.extend_from_slice(&1234_i32.to_ne_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    fn handle_of(bytes: &[u8]) -> HandleRef<'_> {
        HandleRef { kind: 1, bytes }
    }

    fn sample() -> Vec<u8> {
        let mut bytes = event_bytes(
            libc::FAN_CREATE | libc::FAN_ONDIR,
            &[
                (libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"parent--", "new"),
                (libc::FAN_EVENT_INFO_TYPE_FID, b"child---", ""),
            ],
        );
        bytes.extend(event_bytes(
            libc::FAN_RENAME,
            &[
                (libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, b"one", "a"),
                (libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, b"other", "b"),
                (libc::FAN_EVENT_INFO_TYPE_FID, b"node", ""),
            ],
        ));
        bytes.extend(event_bytes(
            libc::FAN_ATTRIB | libc::FAN_ONDIR,
            &[(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"self", ".")],
        ));
        bytes.extend(event_bytes(libc::FAN_Q_OVERFLOW, &[]));
        bytes
    }

    #[test]
    fn events_say_where_and_what() {
        let bytes = sample();
        let events: Vec<_> = Events::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(events.len(), 4);
        let slot = Slot { directory: handle_of(b"parent--"), name: Some(c"new") };
        assert_eq!((events[0].slot, events[0].target), (Some(slot), Some(handle_of(b"child---"))));
        assert!(events[0].mask.is_create() && events[0].mask.is_of_directory());
        assert_eq!(events[1].from.unwrap().name, Some(c"a"));
        assert_eq!(events[1].to.unwrap(), Slot { directory: handle_of(b"other"), name: Some(c"b") });
        assert_eq!(events[2].slot.unwrap(), Slot { directory: handle_of(b"self"), name: None });
        assert!(events[3].mask.is_overflow() && events[3].slot.is_none());
    }

    #[test]
    fn what_is_cut_off_anywhere_is_malformed_and_never_read_beyond() {
        let bytes = sample();
        let ends: Vec<usize> = {
            let mut ends = vec![0];
            while let Some(length) = u32_at(&bytes, ends[ends.len() - 1]) {
                ends.push(ends[ends.len() - 1] + length as usize);
            }
            ends
        };
        for length in 0..bytes.len() {
            let last = Events::new(&bytes[..length]).last();
            let is_whole = ends.contains(&length);
            assert_eq!(last.is_none_or(|event| event.is_ok()), is_whole, "cut at {length}");
        }
    }

    #[test]
    fn a_length_that_lies_is_malformed_and_the_reading_ends() {
        let good = sample();
        for at in 0..good.len() {
            for value in [0_u8, 1, 3, 4, 23, 0x7f, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                // At most as many events as there is room for, whatever the lengths say.
                assert!(Events::new(&bytes).count() <= bytes.len() / METADATA_BYTES + 1);
            }
        }
        let mut endless = good.clone();
        endless[0..4].copy_from_slice(&0_u32.to_ne_bytes());
        assert_eq!(Events::new(&endless).collect::<Vec<_>>(), [Err(Malformed)]);
        let mut record = event_bytes(libc::FAN_MODIFY, &[(libc::FAN_EVENT_INFO_TYPE_FID, b"node", "")]);
        record[METADATA_BYTES + 2] = 0;
        assert_eq!(Events::new(&record).collect::<Vec<_>>(), [Err(Malformed)], "a record without length");
        let mut nameless =
            event_bytes(libc::FAN_MODIFY, &[(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"node", "abc")]);
        let end = nameless.len();
        nameless[end - 4..].copy_from_slice(b"abcd");
        assert_eq!(Events::new(&nameless).collect::<Vec<_>>(), [Err(Malformed)], "a name without an end");
        let mut other = good;
        other[4] = libc::FANOTIFY_METADATA_VERSION + 1;
        assert_eq!(Events::new(&other).next(), Some(Err(Malformed)), "another version");
    }
}

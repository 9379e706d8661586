//! Reading a file that nobody changes meanwhile.

use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::Place;
use model::Fingerprint;
use std::ops::ControlFlow;

/// How much is read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Reads the file at a place from its start to its end, handing on piece by piece, and gives the fingerprint that
/// what was read belongs to. What was handed on counts for nothing before that.
///
/// `Changed` if the file is not `expected` (where given), or was changed or replaced while it was read. None if
/// `consume` broke off. What a program changes through a memory map shows only once the system notices.
pub fn read_stable(
    disk: &dyn Disk,
    place: &Place,
    expected: Option<&Fingerprint>,
    consume: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<Fingerprint>> {
    let changed = || Error::at(ErrorKind::Changed, Operation::Read, place);
    let mut file = disk.open_read(place)?;
    let before = file.fingerprint()?;
    if expected.is_some_and(|expected| *expected != before) {
        return Err(changed());
    }
    let buffer_bytes = usize::try_from(before.size).unwrap_or(usize::MAX).clamp(1, BUFFER_BYTES);
    let mut buffer = vec![0; buffer_bytes];
    let mut offset = 0;
    while offset < before.size {
        let read = file.read_at(offset, &mut buffer)?;
        if read == 0 {
            return Err(changed());
        }
        if consume(&buffer[..read]).is_break() {
            return Ok(None);
        }
        offset += read as u64;
    }
    let is_still_there = disk.look(place)?.is_some_and(|found| found.fingerprint.handle == before.handle);
    if offset != before.size || file.fingerprint()? != before || !is_still_there {
        return Err(changed());
    }
    Ok(Some(before))
}

/// Reads a small text file, or as much of it as is used. What is not UTF-8 of it is replaced.
///
/// # Errors
/// It is not there, cannot be read, or changed meanwhile.
pub fn read_text(disk: &dyn Disk, place: &Place, most: usize) -> Result<String> {
    let mut bytes = Vec::new();
    read_stable(disk, place, None, &mut |part| {
        bytes.extend_from_slice(&part[..part.len().min(most - bytes.len())]);
        if bytes.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

//! Packs kept open for reading.

use crate::files::Files;
use content::PackId;
use content::pack::ReadAt;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many packs stay open: far below the usual limit of 1,024 files a process.
const OPEN_MAX: usize = 64;

/// A pack open for reading.
#[derive(Debug)]
pub(crate) struct PackFile(File);

impl ReadAt for PackFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        // pread refuses offsets that a signed number cannot hold; to us they are beyond the end.
        if i64::try_from(offset).is_err() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        FileExt::read_exact_at(&self.0, buffer, offset)
    }
}

/// The packs used last.
#[derive(Debug, Default)]
pub(crate) struct Handles(Mutex<Cache>);

#[derive(Debug, Default)]
struct Cache {
    open: BTreeMap<PackId, (u64, Arc<PackFile>)>,
    clock: u64,
}

impl Handles {
    /// The pack, opened if it was not.
    pub(crate) fn get(&self, files: &Files, pack: PackId) -> io::Result<Arc<PackFile>> {
        let mut cache = self.cache();
        cache.clock += 1;
        let now = cache.clock;
        if let Some((used, file)) = cache.open.get_mut(&pack) {
            *used = now;
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(PackFile(files.read(pack)?));
        if cache.open.len() >= OPEN_MAX {
            let oldest = cache.open.iter().min_by_key(|(_, (used, _))| *used).map(|(pack, _)| *pack);
            oldest.map(|pack| cache.open.remove(&pack));
        }
        cache.open.insert(pack, (now, Arc::clone(&file)));
        Ok(file)
    }

    /// Closes a pack. Reads that have begun go on.
    pub(crate) fn forget(&self, pack: PackId) {
        self.cache().open.remove(&pack);
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A cache is whole between any two steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Making a backup of a server that may be at work.

use crate::files::{self, Bring};
use crate::manifest::{self, FileEntry, FolderEntry, Manifest};
use crate::{BESIDE, CATALOG, Error, PACKS, Result};
use content::pack::{PACK_HEAD_BYTES, relative_path};
use content::{ChunkStore, PackInfo};
use metadata::setting::Setting;
use metadata::{Database, read};
use model::{Epoch, Timestamp};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How what is not finished is called.
const UNFINISHED: &str = ".unfinished-";

/// What is backed up.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The database.
    pub database: &'a dyn Database,
    /// The chunk store, whose packs lie below the data directory.
    pub store: &'a dyn ChunkStore,
    /// The data directory.
    pub data: &'a Path,
}

/// How.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// Where backups are.
    pub target: &'a Path,
    /// Whether every pack is copied anew, instead of linked.
    pub copy: bool,
    /// How many backups are kept; none: all.
    pub keep: Option<usize>,
    /// The program's version.
    pub version: &'a str,
    /// Now.
    pub now: Timestamp,
    /// Whether to go on; asked now and then.
    pub go_on: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Where it is.
    pub backup: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many packs.
    pub packs: u64,
    /// Packs that an earlier backup had.
    pub known_packs: u64,
    /// Bytes that were written for it, not linked.
    pub written_bytes: u64,
    /// Older backups that went.
    pub removed: Vec<PathBuf>,
}

/// Makes a backup. Blocks for as long as new packs take to be read.
///
/// # Errors
/// Any [`Error`] but `NotFound` and `Damaged`. Nothing is there then but what was there before.
pub fn create(source: Source<'_>, order: Order<'_>) -> Result<Created> {
    let target = order.target;
    check_target(source, target)?;
    files::make_directory(target)?;
    let lock_path = target.join(".lock");
    let lock = fs::File::options().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(Error::disk("open", &lock_path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(Error::InUse(target.to_owned())),
        Err(fs::TryLockError::Error(error)) => return Err(Error::disk("lock", &lock_path)(error)),
    }
    remove_unfinished(target)?;
    let before = manifest::backups(target)?;
    let name = free_name(target, before.last().map(PathBuf::as_path), order.now);
    let unfinished = target.join(format!("{UNFINISHED}{name}"));
    let made = gather(source, order, &unfinished, before.last().map(PathBuf::as_path));
    let mut created = match made {
        Ok(created) => created,
        Err(error) => {
            // What cannot be taken away now is taken away by the next run.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(error);
        }
    };
    created.backup = target.join(name);
    fs::rename(&unfinished, &created.backup).map_err(Error::disk("finish", &created.backup))?;
    files::sync_directory(target)?;
    if let Some(keep) = order.keep {
        created.removed = remove_old(target, keep.max(1))?;
    }
    Ok(created)
}

/// A backup inside of what it backs up is lost with it; one in a plain directory would be taken for people's files.
fn check_target(source: Source<'_>, target: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let existing = target.ancestors().find(|path| path.exists()).unwrap_or(target);
    if target.is_relative() {
        return Err(Error::Unfit { path: target.to_owned(), what: "it is no full path" });
    }
    let is_inside = |directory: &Path| real(existing).starts_with(real(directory));
    if is_inside(source.data) {
        return Err(Error::Unfit { path: target.to_owned(), what: "it is inside the server's own data" });
    }
    let folders = read::<_, metadata::Error>(source.database, |snapshot| snapshot.folders())?;
    let mut plain = folders.into_iter().filter_map(|folder| folder.settings.plain_directory);
    if plain.any(|directory| is_inside(Path::new(OsStr::from_bytes(&directory)))) {
        return Err(Error::Unfit { path: target.to_owned(), what: "it is inside a plain directory" });
    }
    Ok(())
}

fn remove_unfinished(target: &Path) -> Result<()> {
    for entry in fs::read_dir(target).map_err(Error::disk("list", target))? {
        let entry = entry.map_err(Error::disk("list", target))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path()).map_err(Error::disk("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// A name that nobody has, later than all that are there: a clock that was set back does not make the newest backup the
/// oldest, which would be the next to go, and the last to be restored.
fn free_name(target: &Path, newest: Option<&Path>, now: Timestamp) -> String {
    let moment = Timestamp::from_parts(now.parts().0, 0).to_string().replace(':', "-");
    let (moment, first) = match newest.and_then(manifest::age) {
        Some((last, number)) if last >= moment.as_str() => {
            if last > moment.as_str() {
                tracing::warn!(%last, now = %moment, "a backup there is of a later moment than now");
            }
            (last.to_owned(), number.saturating_add(1))
        }
        _ => (moment, 0),
    };
    let mut names = (first..).map(|number| match number {
        0 => moment.clone(),
        number => format!("{moment}.{number}"),
    });
    names.find(|name| !target.join(name).exists()).unwrap_or(moment)
}

/// Puts everything into a directory that has no name yet, down to the disk.
fn gather(source: Source<'_>, order: Order<'_>, unfinished: &Path, before: Option<&Path>) -> Result<Created> {
    files::make_directory(unfinished)?;
    // Before the snapshot: the packs that it names, and all that are listed, stay until they are here.
    let hold = source.store.hold_all();
    let catalog = unfinished.join(CATALOG);
    source.database.copy_to(&catalog)?;
    files::settle(&catalog)?;
    // After the snapshot: what it names lies in packs that grow no more.
    let packs = closed_packs(source.store)?;
    let mut manifest = describe(source, order)?;
    manifest.files.push(FileEntry::of(unfinished, Path::new(CATALOG))?);
    let mut created = Created {
        backup: PathBuf::new(),
        bytes: 0,
        packs: packs.len() as u64,
        known_packs: 0,
        written_bytes: manifest.files[0].bytes,
        removed: Vec::new(),
    };
    let known = if order.copy { None } else { before.and_then(|before| known_packs(before, &manifest)) };
    let how = if order.copy { Bring::Copy } else { Bring::Link };
    for pack in packs {
        if !(order.go_on)() {
            return Err(Error::Interrupted);
        }
        let path = Path::new(PACKS).join(relative_path(pack.pack));
        let to = unfinished.join(&path);
        to.parent().map_or(Ok(()), files::make_directory)?;
        let known = known.as_ref().and_then(|(before, files)| Some((before, files.get(path.to_str()?)?)));
        // What was taken from the backup before, or cut short in it, does not keep this one from being whole.
        let is_as_here = |(before, entry): &(&&Path, &FileEntry)| {
            let there = before.join(&path).symlink_metadata();
            entry.bytes == pack.bytes
                && there.is_ok_and(|there| there.is_file() && there.len() == entry.bytes)
        };
        let entry = match known.filter(is_as_here) {
            Some((before, entry)) => {
                created.known_packs += 1;
                let is_link = files::bring(&before.join(&path), &to, how)?;
                created.written_bytes += if is_link { 0 } else { pack.bytes };
                entry.clone()
            }
            None => {
                let is_link = files::bring(&source.data.join(&path), &to, how)?;
                if is_link {
                    // At its end may be a batch that nobody has flushed yet.
                    files::flush(&to)?;
                }
                created.written_bytes += if is_link { 0 } else { pack.bytes };
                FileEntry::of(unfinished, &path)?
            }
        };
        manifest.files.push(entry);
    }
    drop(hold);
    bring_beside(source.data, unfinished, &mut manifest)?;
    created.bytes = manifest.files.iter().map(|file| file.bytes).sum();
    manifest.write(unfinished)?;
    files::sync_directories(unfinished)?;
    Ok(created)
}

/// All packs; the one that was open is ended.
fn closed_packs(store: &dyn ChunkStore) -> Result<Vec<PackInfo>> {
    if store.packs()?.last().is_some_and(|newest| newest.open && newest.bytes > PACK_HEAD_BYTES as u64) {
        store.seal()?;
    }
    Ok(store.packs()?.into_iter().filter(|pack| !pack.open).collect())
}

/// The packs that an earlier backup has, if it is of the same server in the same epoch: in another, the same numbers may be
/// other packs.
fn known_packs<'a>(before: &'a Path, own: &Manifest) -> Option<(&'a Path, BTreeMap<String, FileEntry>)> {
    let earlier = Manifest::read(before)
        .inspect_err(|error| tracing::warn!(%error, "the backup before this one is not built upon"))
        .ok()?;
    let packs = earlier.files.into_iter().filter(|file| Path::new(&file.path).starts_with(PACKS));
    (earlier.epoch == own.epoch).then(|| (before, packs.map(|file| (file.path.clone(), file)).collect()))
}

fn describe(source: Source<'_>, order: Order<'_>) -> Result<Manifest> {
    let (epoch, folders) = read::<_, metadata::Error>(source.database, |snapshot| {
        Ok((snapshot.setting(Setting::Epoch)?, snapshot.folders()?))
    })?;
    let epoch = Epoch(epoch.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default());
    let mut manifest = Manifest::new(order.now.to_string(), order.version, epoch, source.data);
    manifest.folders = folders
        .into_iter()
        .map(|folder| FolderEntry {
            name: folder.settings.name,
            plain: folder.settings.plain_directory.map(|path| String::from_utf8_lossy(&path).into_owned()),
        })
        .collect();
    Ok(manifest)
}

/// Settings, and the server's own certificate with its key.
fn bring_beside(data: &Path, unfinished: &Path, manifest: &mut Manifest) -> Result<()> {
    for name in BESIDE {
        let from = data.join(name);
        let found = if from.is_dir() { files::below(&from)?.0 } else { vec![from] };
        for file in found.into_iter().filter(|file| file.is_file()) {
            let Ok(path) = file.strip_prefix(data) else { continue };
            let to = unfinished.join(path);
            to.parent().map_or(Ok(()), files::make_directory)?;
            // These may be written to in place.
            files::bring(&file, &to, Bring::Copy)?;
            manifest.files.push(FileEntry::of(unfinished, path)?);
        }
    }
    Ok(())
}

/// Takes the oldest backups away until so many are left. One that is half gone has lost its name first.
fn remove_old(target: &Path, keep: usize) -> Result<Vec<PathBuf>> {
    let all = manifest::backups(target)?;
    let mut removed = Vec::new();
    for old in all.iter().take(all.len().saturating_sub(keep)) {
        let Some(name) = old.file_name().and_then(|name| name.to_str()) else { continue };
        let leaving = target.join(format!("{UNFINISHED}{name}"));
        fs::rename(old, &leaving).map_err(Error::disk("remove", old))?;
        files::sync_directory(target)?;
        fs::remove_dir_all(&leaving).map_err(Error::disk("remove", &leaving))?;
        removed.push(old.clone());
    }
    Ok(removed)
}

//! The port: one replica on a disk.

use crate::error::Result;
use crate::place::{Place, Removal, StagedId, TrashedId};
use model::{Entry, Fingerprint, Name, RelativePath, Timestamp};
use std::any::Any;
use std::fmt;

/// One replica on a disk. All calls block; call them where blocking is allowed. All may be made from several
/// threads at once.
///
/// A name is found as the disk finds it: where [`Capabilities::case_insensitive`], `a` finds `A`, and the entry
/// says how the disk writes it. The private directory is never found in the tree.
pub trait Disk: Send + Sync + fmt::Debug {
    /// What this disk can do, probed when it was opened.
    fn capabilities(&self) -> Capabilities;

    /// Whether this is still the replica that was opened: root, file system and marker are the same, else
    /// [`ErrorKind::Offline`](crate::ErrorKind::Offline). To be asked before believing that much is gone.
    fn check(&self) -> Result<Identity>;

    /// What a directory holds, sorted by name, ignored names included. What was listed while the directory was
    /// being changed may or may not hold the change.
    fn list(&self, directory: &Place) -> Result<Listing>;

    /// Like [`list`](Self::list), told what was seen there the last time, so that a disk on which asking for
    /// handles is slow need not ask for those of unchanged nodes. `known` is asked in no particular order.
    fn list_again(&self, directory: &Place, known: &dyn Fn(&Name) -> Option<Fingerprint>) -> Result<Listing> {
        let _ = known;
        self.list(directory)
    }

    /// What stands at a place; none only if it is certain that nothing does. For the root: the root.
    /// For staged and trashed things the entry's name is their file name.
    fn look(&self, place: &Place) -> Result<Option<Entry>>;

    /// Opens a regular file for reading; anything else there is [`ErrorKind::Changed`](crate::ErrorKind::Changed).
    fn open_read(&self, place: &Place) -> Result<Box<dyn ReadFile>>;

    /// Whose a node is: the number of the account on this machine; none where the disk cannot tell.
    fn owner(&self, place: &Place) -> Result<Option<u32>> {
        let _ = place;
        Ok(None)
    }

    /// Whether any program has the file at this place open for writing.
    fn writers(&self, place: &Place) -> Result<Writers>;

    /// Begins a new file in the stage.
    fn stage_file(&self) -> Result<Box<dyn StagedFile>>;

    /// Takes up a staged file again that was not finished, also after a restart.
    fn stage_resume(&self, id: StagedId) -> Result<Box<dyn StagedFile>>;

    /// Makes a symbolic link in the stage.
    fn stage_link(&self, target: &[u8], mtime: Timestamp) -> Result<Staged>;

    /// Everything in the stage.
    fn staged(&self) -> Result<Vec<StagedId>>;

    /// Everything in the trash.
    fn trashed(&self) -> Result<Vec<TrashedId>>;

    /// Makes staged files durable: up to 32 one by one, more by one sync of the file system.
    fn sync_staged(&self, staged: &[StagedId]) -> Result<()>;

    /// Makes what was renamed in or out of directories durable; a missing one is skipped. More than 32 are made
    /// durable by one sync of the file system.
    fn sync_directories(&self, directories: &[RelativePath]) -> Result<()>;

    /// How often this disk was made to sync.
    fn sync_counts(&self) -> SyncCounts;

    /// Renames, never replacing anything: [`ErrorKind::Exists`](crate::ErrorKind::Exists) instead.
    fn rename_new(&self, from: &Place, to: &Place) -> Result<()>;

    /// Lets two nodes change their places in one step.
    fn exchange(&self, one: &Place, other: &Place) -> Result<()>;

    /// Makes an empty directory in the tree.
    fn make_directory(&self, path: &RelativePath) -> Result<()>;

    /// Sets a file's mtime and owner's executable bit (with those of all who may read), or a link's mtime, if the node
    /// there is still `expected`; else, and for anything else, [`ErrorKind::Changed`](crate::ErrorKind::Changed), or `Busy` while a program writes to it.
    fn set_attributes(
        &self,
        path: &RelativePath,
        expected: &Fingerprint,
        mtime: Timestamp,
        executable: bool,
    ) -> Result<Fingerprint>;

    /// Gives a staged file the permissions and extended attributes of the file it is to replace, as far as the
    /// system allows, but for the executable bits, which stay.
    fn dress(&self, staged: StagedId, like: &RelativePath) -> Result<()>;

    /// A fresh id for what is about to leave `path`.
    fn new_trashed(&self, removal: Removal, path: &RelativePath) -> TrashedId;

    /// Destroys something staged.
    fn discard_staged(&self, id: StagedId) -> Result<()>;

    /// Destroys something trashed, with all below it.
    fn discard_trashed(&self, id: &TrashedId) -> Result<()>;

    /// Bytes that can still be written here.
    fn free_bytes(&self) -> Result<u64>;
}

/// What tells a replica from any other; equal as long as it is the same directory of the same file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What its marker says: the text it was made with.
    pub marker: Box<str>,
    /// The root directory.
    pub root: Fingerprint,
    /// The file system.
    pub file_system: u64,
}

/// What a disk can do. Probed, not assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `a` and `A` are one name.
    pub case_insensitive: bool,
    /// Composed and decomposed characters are one name.
    pub normalisation_insensitive: bool,
    /// Two names can be exchanged in one step; without it a file is absent for a moment while it is replaced.
    pub exchange: bool,
    /// Handles tell a new node from an old one of the same inode number. Without it they are made of the inode
    /// number and the time of birth.
    pub generations: bool,
    /// [`Disk::writers`] can tell.
    pub writers: bool,
    /// Symbolic links can be made.
    pub links: bool,
    /// The executable bit is kept.
    pub executable: bool,
    /// Two changes closer than this may have the same mtime.
    pub mtime_granularity_ns: u64,
}

/// What a directory holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What could be looked at, sorted by name.
    pub entries: Vec<Entry>,
    /// What is there but could not be looked at: frozen, never gone.
    pub unseen: Vec<Unseen>,
}

/// Something that is there but could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Its name on the disk.
    pub bytes: Box<[u8]>,
    /// The same, if it can be one.
    pub name: Option<Name>,
    /// Why.
    pub kind: crate::ErrorKind,
}

/// Whether a file is being written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// No program has it open for writing.
    None,
    /// Some program has.
    Some,
    /// This disk cannot tell.
    Unknown,
}

/// How often a disk was made to sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// Single files.
    pub files: u64,
    /// Single directories.
    pub directories: u64,
    /// The whole file system.
    pub file_systems: u64,
}

/// A regular file open for reading.
pub trait ReadFile: Any + Send + fmt::Debug {
    /// Reads from an offset; fewer bytes than asked for only at the end of the file, none behind it.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// How the open file is now, wherever its name has gone. What was read between two equal fingerprints was read
    /// from an unchanged file, but for programs that write through a memory map.
    fn fingerprint(&mut self) -> Result<Fingerprint>;
}

/// A file in the stage, being written. Dropping it leaves it there, to be resumed, discarded or swept.
pub trait StagedFile: Send + fmt::Debug {
    /// Its id.
    fn id(&self) -> StagedId;

    /// How many bytes it has.
    fn size(&mut self) -> Result<u64>;

    /// Reserves room for a file of this size on the disk without changing its size, so that writing cannot fail
    /// for want of room.
    fn reserve(&mut self, size: u64) -> Result<()>;

    /// Writes at an offset; a gap before it reads as zeros.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Copies bytes of a file of the same disk here, without reading them where the disk can; gives how many there
    /// were. The source may be changed meanwhile: verify what was copied.
    fn copy_at(&mut self, offset: u64, source: &mut dyn ReadFile, from: u64, length: u64) -> Result<u64>;

    /// Reads back.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Cuts it to this size, or extends it with zeros, and gives it its attributes; not yet durable.
    fn finish(self: Box<Self>, size: u64, mtime: Timestamp, executable: bool) -> Result<Staged>;
}

/// Something finished in the stage, ready to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Its id.
    pub id: StagedId,
    /// How it is.
    pub fingerprint: Fingerprint,
}

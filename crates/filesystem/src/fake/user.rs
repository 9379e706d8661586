//! What users do on a fake disk, past the port.

use super::state::{Body, Number, Result, Slot, State, TRASH};
use crate::error::ErrorKind;
use crate::place::Place;
use model::{Name, RelativePath, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A user and any program but ours. Everything acts like POSIX calls do: what is renamed replaces what was there.
#[derive(Debug)]
pub struct User<'a> {
    state: &'a mut State,
}

/// A file that a user's program has open for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriterId(u64);

/// What a user sees in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its bytes.
        bytes: Arc<Vec<u8>>,
        /// Its executable bit.
        executable: bool,
        /// When it was changed.
        mtime: Timestamp,
    },
    /// A symbolic link.
    Link(Box<[u8]>),
    /// Anything else.
    Special,
}

impl<'a> User<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        Self { state }
    }

    fn find(&self, path: &RelativePath) -> Result<(Slot, Number)> {
        self.state.find(&path.into())?.ok_or(ErrorKind::NotFound)
    }

    fn file(&self, path: &RelativePath) -> Result<Number> {
        let (_, number) = self.find(path)?;
        match self.state.node(number).body {
            Body::File(_) => Ok(number),
            _ => Err(ErrorKind::Changed),
        }
    }

    /// Makes a node where nothing is.
    fn make(&mut self, path: &RelativePath, body: Body) -> Result<Number> {
        let slot = self.state.slot(&path.into())?;
        if self.state.child(slot.0, &slot.1).is_some() {
            return Err(ErrorKind::Exists);
        }
        let number = self.state.new_node(body);
        self.state.set_names(vec![(slot, Some(number))]);
        Ok(number)
    }

    /// Writes a file in place: the same node gets other bytes.
    pub fn write(&mut self, path: &RelativePath, bytes: &[u8]) -> Result<()> {
        self.state.tick();
        let number = match self.file(path) {
            Ok(number) => number,
            Err(ErrorKind::NotFound) => self.make(path, Body::File(Arc::default()))?,
            Err(kind) => return Err(kind),
        };
        self.state.resize(number, 0)?;
        self.state.write(number, 0, bytes)
    }

    /// Adds to the end of a file.
    pub fn append(&mut self, path: &RelativePath, bytes: &[u8]) -> Result<()> {
        self.state.tick();
        let number = self.file(path)?;
        let size = self.state.node(number).fingerprint().size;
        self.state.write(number, size, bytes)
    }

    /// Saves as careful editors do: a new file, renamed over the old one.
    pub fn save(&mut self, path: &RelativePath, bytes: &[u8]) -> Result<()> {
        self.state.tick();
        let (parent, name) = path.split().ok_or(ErrorKind::Changed)?;
        let temporary =
            parent.join(&Name::new(&format!("{name}.tmp~")).map_err(|_| ErrorKind::NameNotPossible)?);
        let number = self.make(&temporary, Body::File(Arc::default()))?;
        self.state.write(number, 0, bytes)?;
        self.rename(&temporary, path)
    }

    /// Renames, replacing what is there as POSIX does.
    pub fn rename(&mut self, from: &RelativePath, to: &RelativePath) -> Result<()> {
        self.state.tick();
        let (from_slot, number) = self.find(from)?;
        let target = self.state.slot(&to.into())?;
        if self.state.is_inside(target.0, number) {
            return Err(ErrorKind::Changed);
        }
        let mut changes = vec![(from_slot.clone(), None)];
        if let Some((name, there)) = self.state.child(target.0, &target.1) {
            let there_slot = (target.0, name);
            if there == number && there_slot != from_slot {
                return Ok(());
            }
            if there != number {
                self.may_replace(number, there)?;
                changes.push((there_slot, None));
            }
        }
        changes.push((target, Some(number)));
        self.state.set_names(changes);
        Ok(())
    }

    fn may_replace(&self, number: Number, there: Number) -> Result<()> {
        match (self.state.entries(number), self.state.entries(there)) {
            (None, None) => Ok(()),
            (Some(_), Some(below)) if below.is_empty() => Ok(()),
            (Some(_), Some(_)) => Err(ErrorKind::NotEmpty),
            _ => Err(ErrorKind::Changed),
        }
    }

    /// Removes a file, a link, or an empty directory.
    pub fn remove(&mut self, path: &RelativePath) -> Result<()> {
        self.state.tick();
        let (slot, number) = self.find(path)?;
        if path.is_root() {
            return Err(ErrorKind::Busy);
        }
        if self.state.entries(number).is_some_and(|entries| !entries.is_empty()) {
            return Err(ErrorKind::NotEmpty);
        }
        self.state.set_names(vec![(slot, None)]);
        Ok(())
    }

    /// Removes a node with all below it.
    pub fn remove_all(&mut self, path: &RelativePath) -> Result<()> {
        let (_, number) = self.find(path)?;
        let names: Vec<_> =
            self.state.entries(number).into_iter().flat_map(|entries| entries.keys().cloned()).collect();
        for name in names {
            let name = Name::from_disk(&name).map_err(|_| ErrorKind::NameNotPossible)?;
            self.remove_all(&path.join(&name))?;
        }
        if path.is_root() { Ok(()) } else { self.remove(path) }
    }

    /// Makes a directory.
    pub fn make_directory(&mut self, path: &RelativePath) -> Result<()> {
        self.state.tick();
        self.make(path, Body::Directory(BTreeMap::new())).map(drop)
    }

    /// Makes a symbolic link.
    pub fn make_link(&mut self, path: &RelativePath, target: &[u8]) -> Result<()> {
        self.state.tick();
        self.make(path, Body::Link(target.into())).map(drop)
    }

    /// Makes a socket.
    pub fn make_special(&mut self, path: &RelativePath) -> Result<()> {
        self.state.tick();
        self.make(path, Body::Special).map(drop)
    }

    /// Gives a file one more name.
    pub fn make_hard_link(&mut self, path: &RelativePath, to: &RelativePath) -> Result<()> {
        self.state.tick();
        let number = self.file(to)?;
        let slot = self.state.slot(&path.into())?;
        if self.state.child(slot.0, &slot.1).is_some() {
            return Err(ErrorKind::Exists);
        }
        self.state.set_names(vec![(slot, Some(number))]);
        Ok(())
    }

    /// Makes a file of any bytes as a name in a directory.
    pub fn write_raw(&mut self, directory: &RelativePath, name: &[u8], bytes: &[u8]) -> Result<()> {
        self.state.tick();
        let directory = self.state.directory(directory.names())?;
        let number = self.state.new_node(Body::File(Arc::default()));
        self.state.set_names(vec![((directory, name.into()), Some(number))]);
        self.state.write(number, 0, bytes)
    }

    /// Sets mtime, as `touch -d` does.
    pub fn set_mtime(&mut self, path: &RelativePath, mtime: Timestamp) -> Result<()> {
        self.state.tick();
        let (_, number) = self.find(path)?;
        let executable = self.state.node(number).executable;
        self.state.set_attributes(number, mtime, executable);
        Ok(())
    }

    /// Sets the executable bit.
    pub fn set_executable(&mut self, path: &RelativePath, executable: bool) -> Result<()> {
        self.state.tick();
        let number = self.file(path)?;
        let mtime = self.state.node(number).mtime;
        self.state.set_attributes(number, mtime, executable);
        Ok(())
    }

    /// Takes away or gives the permission to read a file or to enter a directory.
    pub fn set_denied(&mut self, path: &RelativePath, denied: bool) -> Result<()> {
        let (_, number) = self.find(path)?;
        self.state.node_mut(number).denied = denied;
        Ok(())
    }

    /// Mounts another file system on a directory, or unmounts it.
    pub fn set_mounted(&mut self, path: &RelativePath, mounted: bool) -> Result<()> {
        let (_, number) = self.find(path)?;
        self.state.node_mut(number).mounted = mounted;
        Ok(())
    }

    /// Writes into every directory in the trash, as a program does whose working directory was trashed.
    pub fn write_into_trash(&mut self, name: &str, bytes: &[u8]) {
        self.state.tick();
        let trashed: Vec<Number> =
            self.state.entries(TRASH).into_iter().flat_map(|entries| entries.values().copied()).collect();
        for directory in trashed {
            if self.state.entries(directory).is_some() {
                let number = self.state.new_node(Body::File(Arc::default()));
                self.state.set_names(vec![((directory, name.as_bytes().into()), Some(number))]);
                // Only a full disk keeps it from being written.
                let _ = self.state.write(number, 0, bytes);
            }
        }
    }

    /// Opens a file for writing, and keeps it open wherever it goes.
    pub fn open(&mut self, path: &RelativePath) -> Result<WriterId> {
        let number = self.file(path)?;
        self.state.node_mut(number).writers += 1;
        self.state.next_id += 1;
        let id = self.state.next_id;
        self.state.open.insert(id, number);
        Ok(WriterId(id))
    }

    /// Writes into an open file.
    pub fn write_open(&mut self, writer: WriterId, offset: u64, bytes: &[u8]) -> Result<()> {
        self.state.tick();
        let number = *self.state.open.get(&writer.0).ok_or(ErrorKind::NotFound)?;
        self.state.write(number, offset, bytes)
    }

    /// Closes an open file.
    pub fn close(&mut self, writer: WriterId) {
        if let Some(number) = self.state.open.remove(&writer.0) {
            self.state.node_mut(number).writers -= 1;
            self.state.release(number);
        }
    }

    /// The bytes of a file; none if there is no file.
    #[must_use]
    pub fn read(&self, path: &RelativePath) -> Option<Arc<Vec<u8>>> {
        match &self.state.node(self.file(path).ok()?).body {
            Body::File(bytes) => Some(Arc::clone(bytes)),
            _ => None,
        }
    }

    /// All of the tree, but the root itself.
    #[must_use]
    pub fn tree(&self) -> BTreeMap<RelativePath, Seen> {
        let mut tree = BTreeMap::new();
        self.collect(super::state::ROOT, &RelativePath::root(), &mut tree);
        tree
    }

    /// The bytes of all files in the trash, at any depth.
    #[must_use]
    pub fn trash(&self) -> Vec<Arc<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        self.collect(TRASH, &RelativePath::root(), &mut tree);
        tree.into_values()
            .filter_map(|seen| match seen {
                Seen::File { bytes, .. } => Some(bytes),
                _ => None,
            })
            .collect()
    }

    fn collect(&self, directory: Number, path: &RelativePath, tree: &mut BTreeMap<RelativePath, Seen>) {
        let Some(entries) = self.state.entries(directory) else { return };
        for (name, number) in entries {
            let Ok(name) = Name::from_disk(name) else { continue };
            let path = path.join(&name);
            let node = self.state.node(*number);
            let seen = match &node.body {
                Body::Directory(_) => Seen::Directory,
                Body::File(bytes) => {
                    Seen::File { bytes: Arc::clone(bytes), executable: node.executable, mtime: node.mtime }
                }
                Body::Link(target) => Seen::Link(target.clone()),
                Body::Special => Seen::Special,
            };
            tree.insert(path.clone(), seen);
            self.collect(*number, &path, tree);
        }
    }

    /// Whether something is in the stage.
    #[must_use]
    pub fn stage_is_empty(&self) -> bool {
        self.state.entries(super::state::STAGE).is_none_or(BTreeMap::is_empty)
    }

    /// Whether something stands at a path.
    #[must_use]
    pub fn sees(&self, path: &RelativePath) -> bool {
        matches!(self.state.find(&Place::from(path)), Ok(Some(_)))
    }
}

impl State {
    /// Time goes by with everything that is done.
    pub(super) fn tick(&mut self) {
        self.now.0 += 1_000;
    }

    /// Whether a directory is a node or below it.
    pub(super) fn is_inside(&self, directory: Number, node: Number) -> bool {
        let mut at = Some(directory);
        while let Some(number) = at {
            if number == node {
                return true;
            }
            at = self.parents.get(&number).map(|(parent, _)| *parent);
        }
        false
    }
}

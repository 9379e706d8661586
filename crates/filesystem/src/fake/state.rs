//! The fake disk's inodes and names.

use super::FakeOptions;
use super::durable::{Change, Pending};
use super::watcher::Watch;
use crate::error::ErrorKind;
use crate::place::Place;
use model::{Entry, EntryKind, Fingerprint, Handle, Name, NameRule, RelativePath, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node's number, never used again, other than its inode number.
pub(super) type Number = u64;

pub(super) const ROOT: Number = 0;
pub(super) const STAGE: Number = 1;
pub(super) const TRASH: Number = 2;

/// A name in a directory.
pub(super) type Slot = (Number, Box<[u8]>);

pub(super) type Result<T> = std::result::Result<T, ErrorKind>;

#[derive(Debug, Clone)]
pub(super) enum Body {
    Directory(BTreeMap<Box<[u8]>, Number>),
    File(Arc<Vec<u8>>),
    Link(Box<[u8]>),
    Special,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) inode: u64,
    pub(super) generation: u32,
    pub(super) body: Body,
    pub(super) mtime: Timestamp,
    pub(super) ctime: Timestamp,
    pub(super) executable: bool,
    /// No permission to read or search it.
    pub(super) denied: bool,
    /// Another file system is mounted here.
    pub(super) mounted: bool,
    /// How many names it has.
    pub(super) names: u32,
    /// How often it is open for writing.
    pub(super) writers: u32,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) options: FakeOptions,
    pub(super) now: Timestamp,
    pub(super) marker: Box<str>,
    pub(super) offline: bool,
    pub(super) nodes: BTreeMap<Number, Node>,
    /// Where a node stands, or, of a file with several names, got its last one.
    pub(super) parents: BTreeMap<Number, Slot>,
    /// What a loss of power leaves for sure.
    pub(super) durable: BTreeMap<Number, Node>,
    /// What may be lost yet, in order.
    pub(super) pending: Vec<Pending>,
    pub(super) used: u64,
    pub(super) next_number: Number,
    pub(super) next_id: u64,
    pub(super) generation: u32,
    /// Inode numbers to be used again, the last one first.
    free_inodes: Vec<u64>,
    pub(super) counts: crate::disk::SyncCounts,
    pub(super) watch: Watch,
    /// Open writers of users.
    pub(super) open: BTreeMap<u64, Number>,
}

impl Node {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut handle = Vec::with_capacity(12);
        handle.extend_from_slice(&self.inode.to_le_bytes());
        handle.extend_from_slice(&self.generation.to_le_bytes());
        let (size, executable) = match &self.body {
            Body::File(bytes) => (bytes.len() as u64, self.executable),
            _ => (0, false),
        };
        Fingerprint { handle: Handle(handle.into()), size, mtime: self.mtime, ctime: self.ctime, executable }
    }

    pub(super) fn kind(&self) -> EntryKind {
        match &self.body {
            Body::Directory(_) if self.mounted => EntryKind::OtherFileSystem,
            Body::Directory(_) => EntryKind::Directory,
            Body::File(_) => EntryKind::File,
            Body::Link(target) => EntryKind::Link { target: target.clone() },
            Body::Special => EntryKind::Special,
        }
    }

    pub(super) fn entry(&self, name: Name) -> Entry {
        Entry { name, kind: self.kind(), fingerprint: self.fingerprint() }
    }
}

impl State {
    pub(super) fn new(options: FakeOptions) -> Self {
        let mut state = Self {
            options,
            now: options.start,
            marker: "fake".into(),
            offline: false,
            nodes: BTreeMap::new(),
            parents: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            used: 0,
            next_number: 0,
            next_id: 1,
            generation: 0,
            free_inodes: Vec::new(),
            counts: crate::disk::SyncCounts::default(),
            watch: Watch::default(),
            open: BTreeMap::new(),
        };
        for number in [ROOT, STAGE, TRASH] {
            let made = state.new_node(Body::Directory(BTreeMap::new()));
            debug_assert_eq!(made, number);
        }
        state
    }

    /// The present moment as this disk notes it down.
    pub(super) fn stamp(&self) -> Timestamp {
        let granularity = i64::try_from(self.options.mtime_granularity_ns).unwrap_or(1).max(1);
        Timestamp(self.now.0 - self.now.0.rem_euclid(granularity))
    }

    pub(super) fn node(&self, number: Number) -> &Node {
        self.nodes.get(&number).expect("numbers in directories are of nodes that exist")
    }

    pub(super) fn node_mut(&mut self, number: Number) -> &mut Node {
        self.nodes.get_mut(&number).expect("numbers in directories are of nodes that exist")
    }

    pub(super) fn entries(&self, directory: Number) -> Option<&BTreeMap<Box<[u8]>, Number>> {
        match &self.nodes.get(&directory)?.body {
            Body::Directory(entries) => Some(entries),
            _ => None,
        }
    }

    /// A node without a name yet.
    pub(super) fn new_node(&mut self, body: Body) -> Number {
        let number = self.next_number;
        self.next_number += 1;
        self.generation += 1;
        let stamp = self.stamp();
        let inode = self.free_inodes.pop().unwrap_or(number + 2);
        let node = Node {
            inode,
            generation: self.generation,
            body,
            mtime: stamp,
            ctime: stamp,
            executable: false,
            denied: false,
            mounted: false,
            names: 0,
            writers: 0,
        };
        let mut durable = node.clone();
        if let Body::File(bytes) = &mut durable.body {
            *bytes = Arc::default();
        }
        self.durable.insert(number, durable);
        self.nodes.insert(number, node);
        number
    }

    /// Names as this disk compares them.
    fn key(&self, name: &[u8]) -> Box<[u8]> {
        match Name::from_disk(name) {
            Ok(name) if self.options.insensitive => NameRule::Portable.key(&name).0.as_bytes().into(),
            _ => name.into(),
        }
    }

    /// The node of this name in a directory, and how the disk writes the name.
    pub(super) fn child(&self, directory: Number, name: &[u8]) -> Option<(Box<[u8]>, Number)> {
        let entries = self.entries(directory)?;
        if let Some(number) = entries.get(name) {
            return Some((name.into(), *number));
        }
        if !self.options.insensitive {
            return None;
        }
        let key = self.key(name);
        entries.iter().find(|(name, _)| self.key(name) == key).map(|(name, number)| (name.clone(), *number))
    }

    /// The directory at a path of the tree.
    pub(super) fn directory(&self, names: &[Name]) -> Result<Number> {
        let mut at = ROOT;
        for name in names {
            self.enter(at)?;
            at = self.child(at, &name.to_disk()).ok_or(ErrorKind::NotFound)?.1;
        }
        self.enter(at)?;
        Ok(at)
    }

    /// Whether a name can be looked up in this node.
    fn enter(&self, number: Number) -> Result<()> {
        let node = self.node(number);
        match node.body {
            Body::Directory(_) if node.mounted => Err(ErrorKind::Unsupported),
            Body::Directory(_) if node.denied => Err(ErrorKind::Denied),
            Body::Directory(_) => Ok(()),
            _ => Err(ErrorKind::NotFound),
        }
    }

    /// The slot of a place, with the name as the disk writes it if something is there; `Changed` for the root.
    pub(super) fn slot(&self, place: &Place) -> Result<Slot> {
        let (directory, name) = match place {
            Place::Tree(path) => {
                let (parent, name) = path.split().ok_or(ErrorKind::Changed)?;
                if path.names()[0].as_str() == model::ignore::PRIVATE_DIRECTORY {
                    return Err(ErrorKind::Denied);
                }
                (self.directory(parent.names())?, name.to_disk())
            }
            Place::Staged(id) => (STAGE, format!("{:x}", id.0).into_bytes()),
            Place::Trashed(id) => (TRASH, id.file_name().into_bytes()),
        };
        Ok((directory, name.into()))
    }

    /// What stands at a place.
    pub(super) fn find(&self, place: &Place) -> Result<Option<(Slot, Number)>> {
        if matches!(place, Place::Tree(path) if path.is_root()) {
            return Ok(Some(((ROOT, Box::default()), ROOT)));
        }
        let (directory, name) = self.slot(place)?;
        Ok(self.child(directory, &name).map(|(name, number)| ((directory, name), number)))
    }

    /// Gives slots their nodes, or none, all at once.
    pub(super) fn set_names(&mut self, changes: Vec<(Slot, Option<Number>)>) {
        let mut unnamed = Vec::new();
        for ((directory, name), number) in &changes {
            self.tell(*directory, name);
            let stamp = self.stamp();
            let parent = self.node_mut(*directory);
            (parent.mtime, parent.ctime) = (stamp, stamp);
            let Body::Directory(entries) = &mut parent.body else { continue };
            let before = match number {
                Some(number) => entries.insert(name.clone(), *number),
                None => entries.remove(name),
            };
            if let Some(before) = before {
                self.node_mut(before).names -= 1;
                self.node_mut(before).ctime = stamp;
                unnamed.push(before);
            }
            if let Some(number) = number {
                let node = self.node_mut(*number);
                node.names += 1;
                node.ctime = stamp;
                self.parents.insert(*number, (*directory, name.clone()));
            }
        }
        unnamed.into_iter().for_each(|number| self.release(number));
        self.tell_moved_directories(&changes);
        self.pending.push(Pending { change: Change::Names(changes) });
    }

    /// Forgets a node that has no name and is not open any more; its inode number is used again at once.
    pub(super) fn release(&mut self, number: Number) {
        let Some(node) = self.nodes.get(&number) else { return };
        if node.names > 0 || node.writers > 0 {
            return;
        }
        if let Body::File(bytes) = &node.body {
            self.used -= bytes.len() as u64;
        }
        self.free_inodes.push(node.inode);
        self.nodes.remove(&number);
        self.parents.remove(&number);
    }

    /// Writes into a file.
    pub(super) fn write(&mut self, number: Number, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).map_err(|_| ErrorKind::NoSpace)?;
        let end = start.checked_add(bytes.len()).ok_or(ErrorKind::NoSpace)?;
        let Body::File(old) = &self.node(number).body else { return Err(ErrorKind::Changed) };
        let growth = end.saturating_sub(old.len()) as u64;
        if self.used + growth > self.options.capacity {
            return Err(ErrorKind::NoSpace);
        }
        self.used += growth;
        let stamp = self.stamp();
        let node = self.node_mut(number);
        node.body.write(start, bytes);
        (node.mtime, node.ctime) = (stamp, stamp);
        self.pending.push(Pending {
            change: Change::Write { number, offset: start, bytes: bytes.into(), mtime: stamp },
        });
        self.tell_content(number);
        Ok(())
    }

    /// Cuts or extends a file.
    pub(super) fn resize(&mut self, number: Number, size: u64) -> Result<()> {
        let size = usize::try_from(size).map_err(|_| ErrorKind::NoSpace)?;
        let Body::File(old) = &self.node(number).body else { return Err(ErrorKind::Changed) };
        let before = old.len() as u64;
        if self.used - before + size as u64 > self.options.capacity {
            return Err(ErrorKind::NoSpace);
        }
        self.used = self.used - before + size as u64;
        let stamp = self.stamp();
        let node = self.node_mut(number);
        node.body.resize(size);
        (node.mtime, node.ctime) = (stamp, stamp);
        self.pending.push(Pending { change: Change::Resize { number, size, mtime: stamp } });
        self.tell_content(number);
        Ok(())
    }

    /// Sets mtime and executable bit.
    pub(super) fn set_attributes(&mut self, number: Number, mtime: Timestamp, executable: bool) {
        let stamp = self.stamp();
        let node = self.node_mut(number);
        node.mtime = mtime;
        node.ctime = stamp;
        node.executable = executable;
        self.pending.push(Pending { change: Change::Attributes { number, mtime, executable } });
        self.tell_content(number);
    }

    /// A directory's path in the tree; none if it is elsewhere.
    pub(super) fn path_of(&self, directory: Number) -> Option<RelativePath> {
        let mut names = Vec::new();
        let mut at = directory;
        while at != ROOT {
            let (parent, name) = self.parents.get(&at)?;
            names.push(Name::from_disk(name).ok()?);
            at = *parent;
        }
        Some(names.into_iter().rev().collect())
    }

    fn tell(&mut self, directory: Number, name: &[u8]) {
        if let Some(path) = self.path_of(directory) {
            self.watch.tell(path, Name::from_disk(name).ok());
        }
    }

    fn tell_moved_directories(&mut self, changes: &[(Slot, Option<Number>)]) {
        for (_, number) in changes {
            let Some(number) = number.filter(|number| self.entries(*number).is_some()) else { continue };
            if let Some(path) = self.path_of(number) {
                self.watch.lose(path);
            }
        }
    }

    /// Tells the watcher where a file changed; of several names, one, as inotify tells the one it was opened by.
    fn tell_content(&mut self, number: Number) {
        if let Some((directory, name)) = self.parents.get(&number).cloned() {
            self.tell(directory, &name);
        }
    }
}

impl Body {
    pub(super) fn write(&mut self, start: usize, bytes: &[u8]) {
        let Self::File(content) = self else { return };
        let content = Arc::make_mut(content);
        let end = start + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(bytes);
    }

    pub(super) fn resize(&mut self, size: usize) {
        if let Self::File(content) = self {
            Arc::make_mut(content).resize(size, 0);
        }
    }
}

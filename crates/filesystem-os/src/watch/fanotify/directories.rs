//! Which directories are in the tree, by their handles.
//!
//! An event names a directory by its handle. Asking whether that is one of the tree takes no allocation and one look into
//! one table, since nearly all events of a busy disk are of others. A directory knows its parent and not its children,
//! so that a rename is one change, whatever is below it; what has left the tree is found, and forgotten, by a sweep.

use crate::system::HandleRef;
use model::{Name, RelativePath};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// A directory that is known.
pub(crate) type Id = u32;

/// The root is always known.
pub(crate) const ROOT: Id = 0;

/// The parent of what is not in the tree at the moment.
const NOWHERE: Id = Id::MAX;

/// No path that the system takes has more names.
const DEPTH_MAX: usize = 2048;

const KEY_BYTES: usize = 24;
const EXACT_BYTES_MAX: usize = KEY_BYTES - 2;
/// In place of the length: the handle is too long for a key, or of an odd kind, and two keyed hashes stand for it.
const HASHED: u8 = u8::MAX;

/// Stands for a handle. Those of ext4, XFS, Btrfs and memory file systems are short enough to be in it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; KEY_BYTES]);

/// Makes keys.
#[derive(Debug, Default)]
pub(crate) struct Keys([RandomState; 2]);

impl Keys {
    pub(crate) fn of(&self, handle: HandleRef<'_>) -> Key {
        let mut key = [0; KEY_BYTES];
        let length = handle.bytes.len();
        match u8::try_from(handle.kind) {
            Ok(kind) if length <= EXACT_BYTES_MAX => {
                key[0] = length as u8;
                key[1] = kind;
                key[2..2 + length].copy_from_slice(handle.bytes);
            }
            _ => {
                key[0] = HASHED;
                for (state, place) in self.0.iter().zip(key[8..].chunks_exact_mut(8)) {
                    place.copy_from_slice(&state.hash_one((handle.kind, handle.bytes)).to_ne_bytes());
                }
            }
        }
        Key(key)
    }
}

#[derive(Debug)]
struct Node {
    parent: Id,
    name: Name,
}

/// How a directory came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It was not known.
    New(Id),
    /// It was known, but had no path: outside, or below something whose place was not known.
    Arrived(Id),
    /// It was elsewhere in the tree.
    Moved(Id),
    /// It was there already.
    Same(Id),
}

/// The directories of the tree.
#[derive(Debug)]
pub(crate) struct Directories {
    ids: HashMap<Key, Id>,
    nodes: Vec<Node>,
    free: Vec<Id>,
    /// Something has left its place since the last sweep.
    is_littered: bool,
}

impl Directories {
    /// Only the root.
    pub(crate) fn new(root: Key) -> Self {
        let node = Node { parent: ROOT, name: Name::root() };
        Self { ids: HashMap::from([(root, ROOT)]), nodes: vec![node], free: Vec::new(), is_littered: false }
    }

    /// How many are known.
    pub(crate) fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// About how much memory they take.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let names: usize =
            self.nodes.iter().map(|node| node.name.as_str().len().next_multiple_of(16) + 8).sum();
        // A table keeps one byte and at most an eighth of its room besides.
        let table = self.ids.capacity() * 8 / 7 * (size_of::<(Key, Id)>() + 1);
        table + self.nodes.capacity() * size_of::<Node>() + names
    }

    pub(crate) fn is_littered(&self) -> bool {
        self.is_littered
    }

    pub(crate) fn id(&self, key: Key) -> Option<Id> {
        self.ids.get(&key).copied()
    }

    /// Where a directory stands, or stood before it was known to have gone.
    pub(crate) fn place_of(&self, id: Id) -> Option<(Id, &Name)> {
        let node = self.nodes.get(id as usize)?;
        (id != ROOT && node.parent != NOWHERE).then_some((node.parent, &node.name))
    }

    /// The chain of what a directory is in, itself first, up to and without the root; none if it does not lead there.
    fn chain(&self, id: Id) -> Option<Vec<Id>> {
        let mut chain = Vec::new();
        let mut at = id;
        while at != ROOT {
            if chain.len() > DEPTH_MAX {
                return None;
            }
            chain.push(at);
            at = self.place_of(at)?.0;
        }
        Some(chain)
    }

    /// The directory's path; none if it is not in the tree at the moment.
    pub(crate) fn path(&self, id: Id) -> Option<RelativePath> {
        let chain = self.chain(id)?;
        Some(chain.into_iter().rev().map(|at| self.nodes[at as usize].name.clone()).collect())
    }

    /// Whether a directory is another one, or below it.
    pub(crate) fn is_within(&self, id: Id, top: Id) -> bool {
        let mut at = id;
        for _ in 0..=DEPTH_MAX {
            if at == top {
                return true;
            }
            match self.place_of(at) {
                Some((parent, _)) => at = parent,
                None => return false,
            }
        }
        false
    }

    /// A directory stands here now.
    pub(crate) fn place(&mut self, key: Key, parent: Id, name: &Name) -> Placed {
        let Some(id) = self.id(key) else {
            let id = self.make(parent, name);
            self.ids.insert(key, id);
            return Placed::New(id);
        };
        if id == ROOT || self.place_of(id) == Some((parent, name)) {
            return Placed::Same(id);
        }
        let had_path = self.chain(id).is_some();
        let node = &mut self.nodes[id as usize];
        node.parent = parent;
        node.name = name.clone();
        if had_path { Placed::Moved(id) } else { Placed::Arrived(id) }
    }

    fn make(&mut self, parent: Id, name: &Name) -> Id {
        let node = Node { parent, name: name.clone() };
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            return id;
        }
        let id = Id::try_from(self.nodes.len()).unwrap_or(NOWHERE).min(NOWHERE - 1);
        self.nodes.push(node);
        id
    }

    /// A directory has left its place. What is below it stays with it.
    pub(crate) fn detach(&mut self, id: Id) {
        if id != ROOT
            && let Some(node) = self.nodes.get_mut(id as usize)
        {
            node.parent = NOWHERE;
            self.is_littered = true;
        }
    }

    /// Forgets all that has no path.
    pub(crate) fn sweep(&mut self) {
        self.is_littered = false;
        let stays: Vec<bool> = self.reachable();
        self.ids.retain(|_, id| stays[*id as usize]);
        self.free.clear();
        for (id, node) in self.nodes.iter_mut().enumerate().filter(|(id, _)| !stays[*id]) {
            *node = Node { parent: NOWHERE, name: Name::root() };
            self.free.push(id as Id);
        }
    }

    fn reachable(&self) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; self.nodes.len()];
        known[ROOT as usize] = Some(true);
        let mut chain = Vec::new();
        for id in 0..self.nodes.len() {
            let mut at = id;
            let result = loop {
                if let Some(result) = known[at] {
                    break result;
                }
                // Whoever comes back to it has gone in a circle.
                known[at] = Some(false);
                chain.push(at);
                match self.nodes[at].parent {
                    NOWHERE => break false,
                    parent => at = parent as usize,
                }
            };
            chain.drain(..).for_each(|at| known[at] = Some(result));
        }
        known.into_iter().map(|known| known == Some(true)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    struct World {
        keys: Keys,
        directories: Directories,
    }

    impl World {
        fn new() -> Self {
            let keys = Keys::default();
            let root = keys.of(HandleRef { kind: 1, bytes: b"root" });
            Self { keys, directories: Directories::new(root) }
        }

        fn key(&self, handle: &str) -> Key {
            self.keys.of(HandleRef { kind: 1, bytes: handle.as_bytes() })
        }

        fn place(&mut self, handle: &str, parent: Id, at: &str) -> Placed {
            self.directories.place(self.key(handle), parent, &name(at))
        }

        fn path(&self, id: Id) -> Option<String> {
            self.directories.path(id).map(|path| path.to_string())
        }
    }

    #[test]
    fn handles_that_differ_have_keys_that_differ() {
        let keys = Keys::default();
        let long = [7_u8; 128];
        let mut handles =
            vec![(1, &b""[..]), (1, b"\0"), (2, b"\0"), (1, b"\0\0"), (-1, b"\0"), (300, b"\0")];
        handles.extend((0..128).map(|length| (1, &long[..length])));
        let all: std::collections::HashSet<_> =
            handles.iter().map(|(kind, bytes)| keys.of(HandleRef { kind: *kind, bytes })).collect();
        assert_eq!(all.len(), handles.len() - 1, "the empty one is there twice");
        let one = HandleRef { kind: 1, bytes: &long };
        assert_eq!(keys.of(one), keys.of(one));
    }

    #[test]
    fn a_rename_changes_one_place_and_every_path_below() {
        let mut world = World::new();
        assert_eq!(world.place("a", ROOT, "a"), Placed::New(1));
        assert_eq!(world.place("b", 1, "b"), Placed::New(2));
        assert_eq!(world.path(2).unwrap(), "a/b");
        assert_eq!(world.place("a", ROOT, "c"), Placed::Moved(1));
        assert_eq!(world.path(2).unwrap(), "c/b");
        assert_eq!(world.place("a", ROOT, "c"), Placed::Same(1));
        assert!(world.directories.is_within(2, 1) && !world.directories.is_within(1, 2));
        world.directories.detach(1);
        assert_eq!((world.path(1), world.path(2)), (None, None));
        assert_eq!(world.place("a", ROOT, "d"), Placed::Arrived(1));
        assert_eq!(world.path(2).unwrap(), "d/b");
    }

    #[test]
    fn a_sweep_forgets_what_has_left_and_circles_and_reuses_their_room() {
        let mut world = World::new();
        world.place("stays", ROOT, "stays");
        let Placed::New(gone) = world.place("gone", ROOT, "gone") else { panic!() };
        let Placed::New(below) = world.place("below", gone, "below") else { panic!() };
        let Placed::New(one) = world.place("one", ROOT, "one") else { panic!() };
        let Placed::New(other) = world.place("other", one, "other") else { panic!() };
        assert_eq!(world.place("one", other, "one"), Placed::Moved(one));
        assert_eq!(world.path(other), None, "a circle has no path");
        world.directories.detach(gone);
        assert!(world.directories.is_littered());
        world.directories.sweep();
        assert!(!world.directories.is_littered());
        assert_eq!(world.directories.count(), 2);
        for handle in ["gone", "below", "one", "other"] {
            assert_eq!(world.directories.id(world.key(handle)), None, "{handle}");
        }
        let Placed::New(reused) = world.place("new", ROOT, "new") else { panic!() };
        assert!([gone, below, one, other].contains(&reused));
        assert_eq!(world.path(reused).unwrap(), "new");
    }

    #[test]
    fn the_root_has_no_other_place() {
        let mut world = World::new();
        world.place("a", ROOT, "a");
        assert_eq!(world.place("root", 1, "x"), Placed::Same(ROOT));
        world.directories.detach(ROOT);
        assert_eq!(world.path(ROOT).unwrap(), "");
    }

    #[test]
    fn a_directory_takes_little_memory() {
        let mut world = World::new();
        for parent in 0..500 {
            let Placed::New(id) = world.place(&format!("p{parent}"), ROOT, &format!("directory-{parent}"))
            else {
                panic!()
            };
            for child in 0..100 {
                world.place(&format!("p{parent}c{child}"), id, &format!("directory-{child}"));
            }
        }
        let each = world.directories.bytes() / 50_500;
        assert!(each < 160, "{each} bytes a directory");
    }
}

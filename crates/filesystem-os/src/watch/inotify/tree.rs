//! Which watch stands for which directory.

use model::{Name, RelativePath};
use std::collections::{BTreeSet, HashMap};

/// A directory that is known.
pub(crate) type Id = u32;

/// The root is always known.
pub(crate) const ROOT: Id = 0;

#[derive(Debug)]
struct Node {
    /// None for the root, and for a subtree that has been moved away and not yet arrived.
    place: Option<(Id, Name)>,
    children: HashMap<Name, Id>,
    watch: Option<i32>,
    /// When something last happened in it, in counted events.
    active: u64,
}

/// The directories of the tree, with their watches.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: HashMap<Id, Node>,
    by_watch: HashMap<i32, Id>,
    /// The watched ones, the idlest first; the root is not among them.
    idle: BTreeSet<(u64, Id)>,
    next: Id,
    clock: u64,
    revision: u64,
}

impl Tree {
    /// Only the root, watched.
    pub(crate) fn new(watch: i32) -> Self {
        let root = Node { place: None, children: HashMap::new(), watch: Some(watch), active: 0 };
        Self {
            nodes: HashMap::from([(ROOT, root)]),
            by_watch: HashMap::from([(watch, ROOT)]),
            idle: BTreeSet::new(),
            next: ROOT + 1,
            clock: 0,
            revision: 0,
        }
    }

    pub(crate) fn watched(&self) -> u64 {
        self.by_watch.len() as u64
    }

    pub(crate) fn unwatched(&self) -> Vec<RelativePath> {
        let unwatched = self.nodes.iter().filter(|(_, node)| node.watch.is_none());
        let mut paths: Vec<_> = unwatched.filter_map(|(id, _)| self.path(*id)).collect();
        paths.sort_unstable();
        paths
    }

    pub(crate) fn unwatched_count(&self) -> u64 {
        (self.nodes.len() - self.by_watch.len()) as u64
    }

    /// Counts how often directories got or lost a watch.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn by_watch(&self, watch: i32) -> Option<Id> {
        self.by_watch.get(&watch).copied()
    }

    pub(crate) fn watches(&self) -> impl Iterator<Item = i32> {
        self.by_watch.keys().copied()
    }

    pub(crate) fn child(&self, parent: Id, name: &Name) -> Option<Id> {
        self.nodes.get(&parent)?.children.get(name).copied()
    }

    pub(crate) fn is_watched(&self, id: Id) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.watch.is_some())
    }

    /// The directory's path; none if it is not in the tree at the moment.
    pub(crate) fn path(&self, id: Id) -> Option<RelativePath> {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            let (parent, name) = self.nodes.get(&at)?.place.as_ref()?;
            names.push(name.clone());
            at = *parent;
        }
        names.reverse();
        Some(names.into_iter().collect())
    }

    /// The directory at a path.
    pub(crate) fn find(&self, path: &RelativePath) -> Option<Id> {
        path.names().iter().try_fold(ROOT, |at, name| self.child(at, name))
    }

    /// Something happened in this directory.
    pub(crate) fn touch(&mut self, id: Id) {
        self.clock += 1;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.watch.is_some() && id != ROOT {
            self.idle.remove(&(node.active, id));
            self.idle.insert((self.clock, id));
        }
        node.active = self.clock;
    }

    /// The watched directory in which nothing has happened for longest.
    pub(crate) fn idlest(&self) -> Option<Id> {
        self.idle.first().map(|(_, id)| *id)
    }

    /// A directory stands here, with this watch or none; whatever else was thought to stand here is given back with
    /// all below it. A directory known by its watch keeps its children.
    pub(crate) fn put(&mut self, parent: Id, name: &Name, watch: Option<i32>) -> (Id, Vec<i32>) {
        let known = watch.and_then(|watch| self.by_watch(watch));
        let there = self.child(parent, name);
        let mut gone = Vec::new();
        let id = match (known, there) {
            (Some(known), Some(there)) if known == there => return (known, gone),
            (Some(known), _) => {
                if let Some(there) = there {
                    gone = self.remove(there);
                }
                self.detach(known);
                known
            }
            (None, Some(there)) if self.nodes.get(&there).is_some_and(|node| node.watch.is_none()) => {
                self.set_watch(there, watch);
                return (there, gone);
            }
            (None, Some(_)) if watch.is_none() => return (there.unwrap_or(ROOT), gone),
            (None, there) => {
                if let Some(there) = there {
                    gone = self.remove(there);
                }
                self.make()
            }
        };
        self.attach(id, parent, name);
        if known.is_none() {
            self.set_watch(id, watch);
        }
        (id, gone)
    }

    fn make(&mut self) -> Id {
        let id = self.next;
        self.next = self.next.wrapping_add(1).max(1);
        let node = Node { place: None, children: HashMap::new(), watch: None, active: self.clock };
        self.nodes.insert(id, node);
        id
    }

    pub(crate) fn set_watch(&mut self, id: Id, watch: Option<i32>) {
        self.revision += 1;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if let Some(old) = node.watch.take() {
            self.by_watch.remove(&old);
            self.idle.remove(&(node.active, id));
        }
        node.watch = watch;
        if let Some(watch) = watch {
            self.by_watch.insert(watch, id);
            if id != ROOT {
                self.idle.insert((node.active, id));
            }
        }
    }

    /// The directory's watch, if it has one.
    pub(crate) fn watch_of(&self, id: Id) -> Option<i32> {
        self.nodes.get(&id)?.watch
    }

    /// Takes a directory out of its place, with all below it; it can be attached again.
    pub(crate) fn detach(&mut self, id: Id) {
        let Some((parent, name)) = self.nodes.get_mut(&id).and_then(|node| node.place.take()) else { return };
        if let Some(parent) = self.nodes.get_mut(&parent)
            && parent.children.get(&name) == Some(&id)
        {
            parent.children.remove(&name);
        }
    }

    pub(crate) fn attach(&mut self, id: Id, parent: Id, name: &Name) {
        // A directory never comes to stand below itself, whatever order events come in.
        let mut at = Some(parent);
        while let Some(above) = at {
            if above == id {
                return;
            }
            at = self.nodes.get(&above).and_then(|node| node.place.as_ref()).map(|(parent, _)| *parent);
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.place = Some((parent, name.clone()));
        }
        if let Some(parent) = self.nodes.get_mut(&parent) {
            parent.children.insert(name.clone(), id);
        }
    }

    /// Forgets a directory with all below it, and gives back their watches.
    pub(crate) fn remove(&mut self, id: Id) -> Vec<i32> {
        if id == ROOT {
            return Vec::new();
        }
        self.detach(id);
        let mut watches = Vec::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            self.set_watch_of_removed(id, &mut watches);
            if let Some(node) = self.nodes.remove(&id) {
                next.extend(node.children.into_values());
            }
        }
        watches
    }

    fn set_watch_of_removed(&mut self, id: Id, watches: &mut Vec<i32>) {
        watches.extend(self.watch_of(id));
        self.set_watch(id, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_moved_directory_takes_its_children_along() {
        let mut tree = Tree::new(1);
        let (a, _) = tree.put(ROOT, &name("a"), Some(2));
        let (b, _) = tree.put(a, &name("b"), Some(3));
        tree.detach(a);
        assert_eq!(tree.path(b), None);
        tree.attach(a, ROOT, &name("c"));
        assert_eq!(tree.path(b).unwrap().to_string(), "c/b");
        assert_eq!(tree.find(&RelativePath::parse("c/b").unwrap()), Some(b));
    }

    #[test]
    fn a_directory_seen_elsewhere_by_its_watch_has_moved_and_a_stale_one_is_given_back() {
        let mut tree = Tree::new(1);
        let (a, _) = tree.put(ROOT, &name("a"), Some(2));
        tree.put(a, &name("below"), Some(3));
        tree.put(ROOT, &name("b"), Some(4));
        let (moved, gone) = tree.put(ROOT, &name("b"), Some(2));
        assert_eq!((moved, gone), (a, vec![4]));
        assert_eq!(tree.child(ROOT, &name("a")), None);
        let (_, mut gone) = tree.put(ROOT, &name("b"), Some(5));
        gone.sort_unstable();
        assert_eq!(gone, [2, 3]);
        assert_eq!(tree.watched(), 2);
    }

    #[test]
    fn the_idlest_directory_is_the_one_touched_longest_ago() {
        let mut tree = Tree::new(1);
        let (a, _) = tree.put(ROOT, &name("a"), Some(2));
        let (b, _) = tree.put(ROOT, &name("b"), Some(3));
        tree.touch(b);
        assert_eq!(tree.idlest(), Some(a));
        tree.touch(a);
        assert_eq!(tree.idlest(), Some(b));
        tree.set_watch(b, None);
        assert_eq!((tree.idlest(), tree.unwatched()), (Some(a), vec![RelativePath::parse("b").unwrap()]));
    }

    #[test]
    fn a_directory_is_never_put_below_itself() {
        let mut tree = Tree::new(1);
        let (a, _) = tree.put(ROOT, &name("a"), Some(2));
        let (b, _) = tree.put(a, &name("b"), Some(3));
        tree.put(b, &name("c"), Some(2));
        assert_eq!(tree.path(b), None, "out of the tree, not in a circle");
    }
}

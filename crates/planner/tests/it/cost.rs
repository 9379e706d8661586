//! A plan costs what changed: how often the store is asked, and for what, does not grow with each small file.

use crate::converge::author;
use model::{Content, ContentId, Name, NameKey, NameRule, NodeKey, NodeState, Timestamp};
use planner::{Row, Tree, Trees, Triple, View, plan};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// Counts the questions that a store would have to answer one by one.
struct Counted<'t> {
    trees: &'t Trees,
    ready: RefCell<BTreeSet<NodeKey>>,
    ready_names: RefCell<BTreeSet<(NodeKey, NameKey)>>,
    bulk: RefCell<usize>,
    single: RefCell<usize>,
}

impl<'t> Counted<'t> {
    fn new(trees: &'t Trees) -> Self {
        let ready = RefCell::default();
        Self {
            trees,
            ready,
            ready_names: RefCell::default(),
            bulk: RefCell::default(),
            single: RefCell::default(),
        }
    }

    fn ask(&self, ready: bool) {
        *self.single.borrow_mut() += usize::from(!ready);
    }
}

impl View for Counted<'_> {
    type Error = Infallible;

    fn dirty(&self) -> Result<Vec<NodeKey>, Infallible> {
        *self.bulk.borrow_mut() += 1;
        self.trees.dirty()
    }

    fn triple(&self, key: NodeKey) -> Result<Option<Triple>, Infallible> {
        self.ask(self.ready.borrow().contains(&key));
        self.trees.triple(key)
    }

    fn children(&self, tree: Tree, parent: NodeKey) -> Result<Vec<NodeKey>, Infallible> {
        self.ask(false);
        self.trees.children(tree, parent)
    }

    fn named(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> Result<Vec<NodeKey>, Infallible> {
        self.ask(self.ready_names.borrow().contains(&(parent, name.clone())));
        self.trees.named(tree, parent, name)
    }

    fn name_key(&self, name: &Name) -> NameKey {
        self.trees.name_key(name)
    }

    fn prefetch(&self, keys: &[NodeKey]) -> Result<(), Infallible> {
        *self.bulk.borrow_mut() += 1;
        self.ready.borrow_mut().extend(keys);
        Ok(())
    }

    fn prefetch_named(&self, names: &[(NodeKey, NameKey)]) -> Result<(), Infallible> {
        *self.bulk.borrow_mut() += 1;
        self.ready_names.borrow_mut().extend(names.iter().cloned());
        Ok(())
    }
}

fn state(parent: u64, name: &str, content: Content) -> NodeState {
    let (mtime, name) = (Timestamp::default(), Name::new(name).expect("a good name"));
    NodeState { parent: NodeKey(parent), name, content, executable: false, mtime }
}

fn file(number: u64) -> Content {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Content::File { id: ContentId(id), size: number }
}

/// So many nodes, a directory for every hundred files, ten directories in a directory.
fn big_tree(nodes: u64, triple: impl Fn(NodeState) -> Triple) -> Trees {
    let mut trees = Trees::new(NameRule::Portable);
    for number in 0..nodes {
        let group = number / 101;
        let state = if number % 101 == 0 {
            let above = if group == 0 { 1 } else { 2 + (group - 1) / 10 * 101 };
            state(above, &format!("directory {group}"), Content::Directory)
        } else {
            state(2 + group * 101, &format!("file {number}"), file(number))
        };
        trees.put(NodeKey(number + 2), Row { triple: triple(state), extra: () });
    }
    trees
}

fn questions(trees: &Trees) -> (usize, usize, planner::Plan) {
    let view = Counted::new(trees);
    let Ok(plan) = plan(&view, &author(), planner::Direction::Both);
    (*view.bulk.borrow(), *view.single.borrow(), plan)
}

const FILES: u64 = 8_000;

#[test]
fn many_new_files_are_planned_with_a_few_questions() {
    let trees = big_tree(FILES, |state| Triple { local: Some(state), ..Triple::default() });
    let (bulk, single, plan) = questions(&trees);
    assert_eq!(plan.remote.len() as u64, FILES);
    assert!(bulk < 10 && single == 0, "{bulk} and {single}");
}

#[test]
fn many_new_remote_files_are_planned_with_a_few_questions() {
    let trees = big_tree(FILES, |state| Triple { remote: Some(state), ..Triple::default() });
    let (bulk, single, plan) = questions(&trees);
    assert_eq!(plan.local.len() as u64, FILES);
    assert!(bulk < 10 && single == 0, "{bulk} and {single}");
}

#[test]
fn many_edited_and_touched_files_are_planned_with_a_few_questions() {
    let trees = big_tree(FILES, |state| {
        let mut local = state.clone();
        if !state.content.is_directory() {
            local.mtime = Timestamp(5);
        }
        if state.content.size() % 2 == 1 {
            local.content = file(state.content.size() + 1_000_000);
        }
        Triple { synced: Some(state.clone()), remote: Some(state), local: Some(local), frozen: false }
    });
    let (bulk, single, plan) = questions(&trees);
    assert!(plan.remote.len() as u64 > FILES * 98 / 100, "{}", plan.remote.len());
    assert!(bulk < 10 && single == 0, "{bulk} and {single}");
}

#[test]
fn a_big_deleted_tree_is_planned_with_a_few_questions() {
    let trees = big_tree(FILES, |state| Triple {
        synced: Some(state.clone()),
        remote: Some(state),
        ..Triple::default()
    });
    let (bulk, single, plan) = questions(&trees);
    assert_eq!(plan.remote.len() as u64, FILES);
    assert!(bulk < 10 && single == 0, "{bulk} and {single}");
}

#[test]
fn one_change_in_a_big_tree_asks_for_its_neighbourhood_alone() {
    let agreed = |state: NodeState| Triple {
        synced: Some(state.clone()),
        remote: Some(state.clone()),
        local: Some(state),
        frozen: false,
    };
    let mut trees = big_tree(FILES, agreed);
    let key = NodeKey(500);
    let mut row = trees.row(key).unwrap().clone();
    row.triple.local.as_mut().unwrap().name = Name::new("renamed").unwrap();
    trees.put(key, row);
    let view = Counted::new(&trees);
    let Ok(plan) = plan(&view, &author(), planner::Direction::Both);
    assert_eq!(plan.remote.len(), 1);
    assert!(view.ready.borrow().len() < 10 && view.ready_names.borrow().len() == 1);
}

#[test]
fn two_equal_trees_of_many_nodes_are_adopted_in_one_plan() {
    let mut trees = big_tree(FILES, |state| Triple { local: Some(state), ..Triple::default() });
    let others: Vec<_> =
        trees.rows().filter(|(key, _)| *key != NodeKey::ROOT).map(|(k, r)| (k, r.clone())).collect();
    let shift = |key: NodeKey| if key == NodeKey::ROOT { key } else { NodeKey(key.0 + FILES) };
    for (key, row) in others {
        let mut remote = row.triple.local.clone();
        remote.iter_mut().for_each(|state| state.parent = shift(state.parent));
        trees.put(shift(key), Row { triple: Triple { remote, ..Triple::default() }, extra: () });
    }
    let (bulk, single, plan) = questions(&trees);
    assert_eq!((plan.memory.len() as u64, plan.local.len(), plan.remote.len()), (FILES, 0, 0));
    assert!(bulk < 10 && single == 0, "{bulk} and {single}");
}

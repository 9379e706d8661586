//! Random commits against a simple model of a folder: every group is judged by looking at the whole tree.

use crate::rewind::rewind_to;
use crate::world::{NOW, World, name, text};
use model::{Content, Group, GroupOutcome, NameKey, NodeId, NodeRef, Operation, Revision, Seq, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use versioning::history::tree_at;
use versioning::past::When;

/// A node as the model keeps it.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    parent: NodeId,
    name: String,
    content: Content,
    executable: bool,
    deleted: bool,
    revision: Revision,
}

#[derive(Debug, Clone)]
struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    head: u64,
    next: u64,
}

const NAMES: [&str; 5] = ["a", "A", "b", "\u{e9}", "E\u{301}"];
const TEXTS: [&str; 3] = ["", "one", "other"];

/// An operation before it is known which nodes there are.
#[derive(Debug, Clone)]
enum Draft {
    Create { parent: usize, temporary_parent: bool, name: usize, text: Option<usize> },
    Update { node: usize, text: usize, stale: bool },
    Attributes { node: usize, stale: bool },
    Move { node: usize, parent: usize, name: usize, stale: bool },
    Remove { node: usize, stale: bool },
    Copy { source: usize, parent: usize, name: usize },
}

fn drafts() -> impl Strategy<Value = Draft> {
    let stale = prop::bool::weighted(0.1);
    let (index, names, texts) = (0..1usize << 20, 0..NAMES.len(), 0..TEXTS.len());
    prop_oneof![
        4 => (index.clone(), any::<bool>(), names.clone(), prop::option::of(texts.clone())).prop_map(
            |(parent, temporary_parent, name, text)| Draft::Create { parent, temporary_parent, name, text }
        ),
        2 => (index.clone(), texts, stale)
            .prop_map(|(node, text, stale)| Draft::Update { node, text, stale }),
        1 => (index.clone(), stale).prop_map(|(node, stale)| Draft::Attributes { node, stale }),
        4 => (index.clone(), index.clone(), names.clone(), stale)
            .prop_map(|(node, parent, name, stale)| Draft::Move { node, parent, name, stale }),
        3 => (index.clone(), stale).prop_map(|(node, stale)| Draft::Remove { node, stale }),
        1 => (index.clone(), index, names)
            .prop_map(|(source, parent, name)| Draft::Copy { source, parent, name }),
    ]
}

impl Tree {
    fn new() -> Self {
        Self { nodes: BTreeMap::new(), head: 0, next: 2 }
    }

    /// Some node that is or was there, or the root, or one that never was.
    fn pick(&self, index: usize) -> NodeId {
        match 1 + index as u64 % self.next {
            never if never == self.next => NodeId(1 << 40),
            id => NodeId(id),
        }
    }

    /// A revision that holds for sure or for sure does not.
    fn base(&self, id: NodeId, stale: bool) -> Revision {
        let none = Revision { placement: Seq(0), version: Seq(0) };
        let revision = self.nodes.get(&id).map_or(none, |node| node.revision);
        let off = u64::from(stale) * 1000;
        Revision { placement: Seq(revision.placement.0 + off), version: Seq(revision.version.0 + off) }
    }

    /// An operation of a draft; `made` are the temporary numbers of the commit so far.
    fn operation(&self, draft: &Draft, temporary: u32) -> Operation {
        match *draft {
            Draft::Create { parent, temporary_parent, name: of, text: bytes } => Operation::Create {
                temporary,
                parent: if temporary_parent && temporary > 0 {
                    NodeRef::Temporary(parent as u32 % temporary)
                } else {
                    NodeRef::Id(self.pick(parent))
                },
                name: name(NAMES[of]),
                content: bytes.map_or(Content::Directory, |bytes| text(TEXTS[bytes])),
                executable: false,
                mtime: Timestamp(3),
            },
            Draft::Update { node, text: bytes, stale } => Operation::Update {
                node: self.pick(node),
                base: self.base(self.pick(node), stale).version,
                content: text(TEXTS[bytes]),
                executable: false,
                mtime: Timestamp(4),
            },
            Draft::Attributes { node, stale } => Operation::Attributes {
                node: self.pick(node),
                base: self.base(self.pick(node), stale).version,
                executable: true,
                mtime: Timestamp(5),
            },
            Draft::Move { node, parent, name: of, stale } => Operation::Move {
                node: self.pick(node),
                base: self.base(self.pick(node), stale).placement,
                parent: NodeRef::Id(self.pick(parent)),
                name: name(NAMES[of]),
            },
            Draft::Remove { node, stale } => {
                Operation::Remove { node: self.pick(node), base: self.base(self.pick(node), stale) }
            }
            Draft::Copy { source, parent, name: of } => Operation::Copy {
                temporary,
                source: self.pick(source),
                version: None,
                parent: NodeRef::Id(self.pick(parent)),
                name: name(NAMES[of]),
            },
        }
    }

    /// Applies a group to a copy; none if it must be refused.
    fn group(&self, group: &Group, temporaries: &mut BTreeMap<u32, Option<NodeId>>) -> Option<Self> {
        let mut tree = self.clone();
        for operation in &group.operations {
            if let Operation::Create { temporary, .. } | Operation::Copy { temporary, .. } = operation {
                temporaries.insert(*temporary, Some(NodeId(tree.next)));
                tree.next += 1;
            }
        }
        for operation in &group.operations {
            tree.apply(operation, temporaries)?;
        }
        tree.is_valid().then_some(tree)
    }

    fn apply(&mut self, operation: &Operation, temporaries: &BTreeMap<u32, Option<NodeId>>) -> Option<()> {
        let resolve = |parent: &NodeRef| match parent {
            NodeRef::Id(id) => Some(*id),
            NodeRef::Temporary(temporary) => temporaries.get(temporary).copied().flatten(),
        };
        self.head += 1;
        let seq = Seq(self.head);
        match operation {
            Operation::Create { temporary, parent, name, content, executable, .. } => {
                let node = Node {
                    parent: resolve(parent)?,
                    name: name.as_str().into(),
                    content: content.clone(),
                    executable: *executable,
                    deleted: false,
                    revision: Revision { placement: seq, version: seq },
                };
                self.nodes.insert(temporaries[temporary]?, node);
            }
            Operation::Copy { temporary, source, parent, name, .. } => {
                let source = self.nodes.get(source)?.clone();
                if source.content == Content::Directory {
                    return None;
                }
                let node = Node {
                    parent: resolve(parent)?,
                    name: name.as_str().into(),
                    deleted: false,
                    revision: Revision { placement: seq, version: seq },
                    ..source
                };
                self.nodes.insert(temporaries[temporary]?, node);
            }
            Operation::Update { node, base, content, executable, .. } => {
                let node = self.living(*node)?;
                if node.revision.version != *base || node.content == Content::Directory {
                    return None;
                }
                node.content = content.clone();
                node.executable = *executable;
                node.revision.version = seq;
            }
            Operation::Attributes { node, base, executable, .. } => {
                let node = self.living(*node)?;
                if node.revision.version != *base || node.content == Content::Directory {
                    return None;
                }
                node.executable = *executable;
                node.revision.version = seq;
            }
            Operation::Move { node, base, parent, name } => {
                let parent = resolve(parent)?;
                let node = self.living(*node)?;
                if node.revision.placement != *base {
                    return None;
                }
                node.parent = parent;
                node.name = name.as_str().into();
                node.revision.placement = seq;
            }
            Operation::Remove { node, base } => {
                let node = self.living(*node)?;
                if node.revision != *base {
                    return None;
                }
                node.deleted = true;
                node.revision.placement = seq;
            }
        }
        Some(())
    }

    fn living(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(&id).filter(|node| !node.deleted)
    }

    fn is_valid(&self) -> bool {
        let mut places: BTreeSet<(NodeId, NameKey)> = BTreeSet::new();
        self.nodes.values().filter(|node| !node.deleted).all(|node| {
            let mut at = node.parent;
            let hangs = (0..=self.nodes.len()).any(|_| match self.nodes.get(&at) {
                _ if at == NodeId::ROOT => true,
                Some(parent) if !parent.deleted && parent.content == Content::Directory => {
                    at = parent.parent;
                    false
                }
                _ => {
                    at = NodeId(0);
                    false
                }
            });
            hangs && places.insert((node.parent, model::NameRule::Portable.key(&name(&node.name))))
        })
    }

    /// What lives, to be compared.
    fn show(&self) -> Vec<String> {
        let living = self.nodes.iter().filter(|(_, node)| !node.deleted);
        living
            .map(|(id, node)| {
                format!(
                    "{id} {} {} {:?} {} {:?}",
                    node.parent, node.name, node.content, node.executable, node.revision
                )
            })
            .collect()
    }

    /// The same without revisions, as history shows it.
    fn show_past(&self) -> Vec<String> {
        let living = self.nodes.iter().filter(|(_, node)| !node.deleted);
        living
            .map(|(id, node)| {
                format!("{id} {} {} {:?} {}", node.parent, node.name, node.content, node.executable)
            })
            .collect()
    }
}

fn show(world: &World) -> Vec<String> {
    let nodes = world.listing();
    nodes
        .values()
        .map(|node| {
            format!(
                "{} {} {} {:?} {} {:?}",
                node.id, node.parent, node.name, node.content, node.executable, node.revision
            )
        })
        .collect()
}

fn show_past(world: &World, seq: u64) -> Vec<String> {
    let rows = tree_at(&*world.database, world.may_read(), Seq(seq), NodeId(0), 10_000, NOW).unwrap();
    rows.iter()
        .map(|row| format!("{} {} {} {:?} {}", row.id, row.parent, row.name, row.content, row.executable))
        .collect()
}

fn run(commits: &[Vec<Vec<Draft>>]) {
    let (world, past) = carry_out(commits);
    for (seq, expected) in past {
        assert_eq!(show_past(&world, seq), expected, "as of {seq}");
    }
    world.assert_sound();
}

/// Restores to a number of the past, then to the number before that.
fn rewind_and_undo(commits: &[Vec<Vec<Draft>>], to: usize) {
    let (world, past) = carry_out(commits);
    let (_, now) = past.last().expect("there is a commit").clone();
    let (seq, then) = past[to % past.len()].clone();
    let rewound = rewind_to(&world, When::Seq(Seq(seq)));
    assert_eq!((rewound.kept_count, rewound.renamed), (0, 0), "a whole folder comes back exactly");
    assert_eq!(show_past(&world, rewound.head.0), then, "as of {seq}");
    world.assert_sound();
    let undone = rewind_to(&world, When::Seq(rewound.before));
    assert_eq!(show_past(&world, undone.head.0), now, "undone");
    assert_eq!(show_past(&world, seq), then, "and the past is as it was");
    world.assert_sound();
}

/// Runs commits against the world and the model; gives the trees after each.
fn carry_out(commits: &[Vec<Vec<Draft>>]) -> (World, Vec<(u64, Vec<String>)>) {
    let world = World::new();
    let mut tree = Tree::new();
    let mut past: Vec<(u64, Vec<String>)> = Vec::new();
    for commit in commits {
        let mut temporary = 0;
        // Operations name what was there before the commit, and what earlier ones of it make.
        let groups: Vec<Group> = commit
            .iter()
            .map(|drafts| Group {
                operations: drafts
                    .iter()
                    .map(|draft| {
                        let operation = tree.operation(draft, temporary);
                        temporary += u32::from(matches!(draft, Draft::Create { .. } | Draft::Copy { .. }));
                        operation
                    })
                    .collect(),
            })
            .collect();
        let mut temporaries = BTreeMap::new();
        let expected: Vec<bool> = groups
            .iter()
            .map(|group| match tree.group(group, &mut temporaries) {
                Some(next) => {
                    tree = next;
                    true
                }
                None => {
                    for operation in &group.operations {
                        if let Operation::Create { temporary, .. } | Operation::Copy { temporary, .. } =
                            operation
                        {
                            temporaries.insert(*temporary, None);
                        }
                    }
                    false
                }
            })
            .collect();
        let answer = world.run(groups.clone(), &TEXTS);
        for ((outcome, expected), group) in answer.outcomes.iter().zip(expected).zip(&groups) {
            let applied = matches!(outcome, GroupOutcome::Applied(_));
            assert_eq!(applied, expected, "{group:?} {outcome:?}");
            if let GroupOutcome::Applied(nodes) = outcome {
                for one in nodes {
                    assert!(tree_revision_at_least(&tree, one.node, one.revision));
                }
            }
        }
        assert_eq!(answer.head, Seq(tree.head));
        assert_eq!(show(&world), tree.show());
        past.push((tree.head, tree.show_past()));
    }
    (world, past)
}

/// A later group of the commit may have changed the node again.
fn tree_revision_at_least(tree: &Tree, id: NodeId, revision: Revision) -> bool {
    tree.nodes.get(&id).is_some_and(|node| {
        node.revision.placement >= revision.placement && node.revision.version >= revision.version
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn commits_do_what_a_simple_model_says(
        commits in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(drafts(), 1..4), 1..8),
            1..10,
        )
    ) {
        run(&commits);
    }

    #[test]
    fn a_folder_goes_back_to_any_number_and_that_can_be_undone(
        commits in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(drafts(), 1..4), 1..8),
            1..10,
        ),
        to in any::<usize>(),
    ) {
        rewind_and_undo(&commits, to);
    }
}

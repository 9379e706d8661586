//! One tree perturbed twice: edits told by numbers, so that a shorter or smaller tape is still a tape.

use model::{Name, NameRule, NodeKey, RelativePath, Timestamp};
use planner::Tree;
use testkit::edit::Edit;
use testkit::pair::Pair;

/// An edit by numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) deed: u8,
    pub(crate) node: u8,
    pub(crate) directory: u8,
    pub(crate) name: u8,
    pub(crate) text: u8,
}

/// Few, so that they meet; with traps of case and normal form.
const NAMES: [&str; 6] = ["a", "b", "c", "A", "\u{e9}", "e\u{301}"];

/// Whose edits they are, for contents of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hand {
    pub(crate) tree: Tree,
    pub(crate) mark: &'static str,
}

/// How many deeds there are.
pub(crate) const DEEDS: u8 = 20;

impl Stroke {
    /// Does it, if it makes sense in this tree. `time` becomes the modification time.
    pub(crate) fn apply(self, pair: &mut Pair, hand: Hand, time: i64) {
        let edits = self.edits(pair, hand, time).unwrap_or_default();
        let before = pair.clone();
        let mut done = edits.iter().try_for_each(|edit| pair.edit(hand.tree, edit));
        done = done.and_then(|()| pair.check());
        if done.is_err() {
            *pair = before;
        }
    }

    fn edits(self, pair: &Pair, hand: Hand, time: i64) -> Option<Vec<Edit>> {
        let rows = || pair.trees.rows().filter(|(_, row)| row.triple.tree(hand.tree).is_some());
        let is_directory =
            |key: &NodeKey| pair.state(hand.tree, *key).is_some_and(|s| s.content.is_directory());
        let nodes: Vec<NodeKey> = rows().map(|(key, _)| key).filter(|key| *key != NodeKey::ROOT).collect();
        let directories: Vec<NodeKey> = rows().map(|(key, _)| key).filter(is_directory).collect();
        let path_of = |keys: &[NodeKey], number: u8| {
            pair.path(hand.tree, *keys.get(usize::from(number) % keys.len().max(1))?)
        };
        let named = |name: &str| Name::new(name).expect("a good name");
        let name = named(NAMES[usize::from(self.name) % NAMES.len()]);
        let aside = RelativePath::root().join(&named("aside"));
        let node = || path_of(&nodes, self.node);
        let place = path_of(&directories, self.directory)?.join(&name);
        let mtime = Timestamp::from_parts(time, 0);
        // Texts 0 to 2 both hands may write; the others are their own.
        let text = if self.text < 3 { self.text.to_string() } else { format!("{}{time}", hand.mark) };
        let shift =
            |from: &RelativePath, to: &RelativePath| Edit::Move { from: from.clone(), to: to.clone() };
        Some(match self.deed % DEEDS {
            0 | 1 => vec![Edit::Write { path: place, text, mtime }],
            2..=4 => vec![Edit::MakeDirectory { path: place }],
            5 | 6 => vec![Edit::Write { path: node()?, text, mtime }],
            7 | 8 => vec![Edit::Remove { path: node()? }],
            9..=11 => vec![shift(&node()?, &place)],
            12 => vec![shift(&node()?, &node()?.split()?.0.join(&name))],
            13 => vec![Edit::Link { path: place, target: text }],
            14 => vec![Edit::SetExecutable { path: node()?, executable: self.text % 2 == 1 }],
            15 => vec![Edit::Copy { from: node()?, to: place, mtime }],
            16 => vec![Edit::Touch { path: node()?, mtime }],
            // Two nodes change places.
            17 => {
                let (one, other) = (node()?, path_of(&nodes, self.directory)?);
                vec![shift(&one, &aside), shift(&other, &one), shift(&aside, &other)]
            }
            // A node goes into a new directory of its own name.
            18 => {
                let path = node()?;
                let inside = path.join(path.split()?.1);
                vec![shift(&path, &aside), Edit::MakeDirectory { path: path.clone() }, shift(&aside, &inside)]
            }
            // One directory goes into another, and what held it goes away.
            _ => {
                let (from, into) =
                    (path_of(&directories, self.node)?, path_of(&directories, self.directory)?);
                let (parent, own) = from.split()?;
                let mut edits = vec![shift(&from, &into.join(own))];
                if self.text == 0 && !parent.is_root() && !into.is_within(&parent) {
                    edits.push(Edit::Remove { path: parent });
                }
                edits
            }
        })
    }
}

/// A tree known to both sides, then changed on either.
pub(crate) fn perturbed(rule: NameRule, base: &[Stroke], local: &[Stroke], remote: &[Stroke]) -> Pair {
    let mut pair = Pair::new(rule);
    let mut time = 0;
    let mut apply = |pair: &mut Pair, strokes: &[Stroke], tree, mark| {
        for stroke in strokes {
            time += 1;
            stroke.apply(pair, Hand { tree, mark }, time);
        }
    };
    apply(&mut pair, base, Tree::Remote, "base ");
    agree(&mut pair);
    apply(&mut pair, local, Tree::Local, "local ");
    apply(&mut pair, remote, Tree::Remote, "remote ");
    pair
}

/// Both sides have what R has.
pub(crate) fn agree(pair: &mut Pair) {
    let keys: Vec<NodeKey> = pair.trees.rows().map(|(key, _)| key).collect();
    for key in keys {
        let state = pair.state(Tree::Remote, key).cloned();
        pair.set(Tree::Synced, key, state.clone());
        pair.set(Tree::Local, key, state);
    }
}

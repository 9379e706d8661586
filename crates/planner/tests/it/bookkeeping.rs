//! What is noted before new observations are taken in.

use crate::converge::author;
use model::{Content, Name, NameRule, NodeKey, NodeState};
use planner::{MemoryStep, Tree, bookkeeping_steps};
use testkit::pair::Pair;
use testkit::tree::{content_of, second};

fn state(parent: NodeKey, name: &str, content: Content) -> NodeState {
    NodeState { parent, name: Name::new(name).expect("a name"), content, executable: false, mtime: second(1) }
}

/// What was downloaded before a crash, and not recorded, looks new on the disk. Were it not taken for the remote node now,
/// a later state of that node would meet it as a stranger: a conflict with nobody.
#[test]
fn what_both_sides_have_anew_is_one_node_before_the_remote_side_goes_on() {
    let mut pair = Pair::new(NameRule::Portable);
    let [there_directory, there_file, here_directory, here_file] = [(); 4].map(|()| pair.fresh());
    for (tree, directory, file) in
        [(Tree::Remote, there_directory, there_file), (Tree::Local, here_directory, here_file)]
    {
        pair.set(tree, directory, Some(state(NodeKey::ROOT, "d", Content::Directory)));
        pair.set(tree, file, Some(state(directory, "f", content_of("one"))));
    }
    let mut adopted = Vec::new();
    loop {
        let Ok(steps) = bookkeeping_steps(&pair.trees, &author());
        if steps.is_empty() {
            break;
        }
        for step in steps {
            pair.remember(&step);
            adopted.extend(matches!(step, MemoryStep::Adopt { .. }).then_some(step));
        }
    }
    assert_eq!(adopted.len(), 2);
    assert!(pair.state(Tree::Synced, there_file).is_some(), "and agreed on");
}

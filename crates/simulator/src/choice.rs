//! What of the folder a device wants, where not all want everything.

use crate::deed::{Act, Tree};
use filesystem::fake::Seen;
use model::{NameRule, NodeId, RelativePath, View};
use testkit::seed::Random;

/// A part of what users make.
pub(crate) fn some_view(seed: u64) -> View {
    let mut random = Random::new(seed ^ 0x6368_6f69_6365);
    let only = ["a", "b", "docs", "src", "a/b", "docs/a", "c/d", "notes.md"];
    let exclude = ["*.txt", "b/", "/docs/src", "a/*", "!x.txt", "**/c/d", "notes.md", "/src", "d"];
    let mut some = |all: &[&'static str], most: usize| -> Vec<&'static str> {
        let count = random.below(most + 1);
        (0..count).filter_map(|_| random.pick(all).copied()).collect()
    };
    let (only, exclude) = (some(&only, 4), some(&exclude, 3));
    View::new(NodeId::ROOT, &only, &exclude).expect("paths and patterns")
}

/// What a person does who clears away everything that the device does not sync.
pub(crate) fn clearing(view: &View, rule: NameRule, tree: &Tree) -> Vec<Act> {
    let compiled = view.compile(rule);
    let covers =
        |path: &RelativePath, seen: &Seen| compiled.covers_path(path, matches!(seen, Seen::Directory));
    let outside = tree.iter().filter(|(path, seen)| {
        let parent = path.split().map(|(parent, _)| parent);
        crate::deed::is_synced_path(path)
            && !covers(path, seen)
            && parent.is_none_or(|parent| compiled.covers_path(&parent, true))
    });
    outside
        .map(|(path, seen)| match seen {
            Seen::Directory => Act::RemoveAll(path.clone()),
            _ => Act::Remove(path.clone()),
        })
        .collect()
}

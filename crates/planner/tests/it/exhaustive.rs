//! Every tree of up to three nodes, with every edit (and pairs of them) on either side.

use crate::converge::{Trouble, converge, outside, precious};
use crate::perturb::agree;
use model::{Content, Name, NameRule, NodeKey, RelativePath, Timestamp};
use planner::Tree;
use std::collections::BTreeSet;
use testkit::edit::Edit;
use testkit::effort;
use testkit::pair::Pair;
use testkit::seed::Random;

const NAMES: [&str; 2] = ["a", "b"];

fn directories(pair: &Pair, tree: Tree) -> Vec<RelativePath> {
    let rows = pair.trees.rows().filter_map(|(key, row)| Some((key, row.triple.tree(tree)?)));
    let directories = rows.filter(|(_, state)| state.content.is_directory());
    directories.filter_map(|(key, _)| pair.path(tree, key)).collect()
}

fn places(pair: &Pair, tree: Tree) -> Vec<RelativePath> {
    let names = NAMES.map(|name| Name::new(name).expect("a good name"));
    directories(pair, tree).iter().flat_map(|path| names.each_ref().map(|name| path.join(name))).collect()
}

fn write(path: &RelativePath, text: &str) -> Edit {
    Edit::Write { path: path.clone(), text: text.to_owned(), mtime: Timestamp::from_parts(1, 0) }
}

/// Every tree of at most so many nodes, each a file or a directory, known to both sides.
pub(crate) fn bases(nodes: usize) -> Vec<Pair> {
    let mut all = vec![Pair::new(NameRule::Portable)];
    let mut seen = BTreeSet::new();
    let mut newest = all.clone();
    for _ in 0..nodes {
        let mut grown = Vec::new();
        for pair in &newest {
            for place in places(pair, Tree::Remote) {
                for edit in [write(&place, "base"), Edit::MakeDirectory { path: place.clone() }] {
                    let mut pair = pair.clone();
                    let made =
                        pair.find(Tree::Remote, &place).is_none() && pair.edit(Tree::Remote, &edit).is_ok();
                    if made && seen.insert(format!("{:?}", outside(&pair, Tree::Remote))) {
                        grown.push(pair);
                    }
                }
            }
        }
        all.extend(grown.iter().cloned());
        newest = grown;
    }
    all.iter_mut().for_each(agree);
    all
}

/// Every edit that makes sense in a tree.
fn edits(pair: &Pair, tree: Tree, text: &str) -> Vec<Edit> {
    let keys =
        pair.trees.rows().filter(|(key, row)| *key != NodeKey::ROOT && row.triple.tree(tree).is_some());
    let nodes: Vec<RelativePath> = keys.filter_map(|(key, _)| pair.path(tree, key)).collect();
    let mut edits = Vec::new();
    for place in places(pair, tree) {
        edits.extend([
            write(&place, text),
            write(&place, "same"),
            Edit::MakeDirectory { path: place.clone() },
        ]);
        edits.extend(nodes.iter().map(|from| Edit::Move { from: from.clone(), to: place.clone() }));
    }
    edits.extend(nodes.iter().map(|path| Edit::Remove { path: path.clone() }));
    edits.extend(nodes.iter().map(|path| Edit::SetExecutable { path: path.clone(), executable: true }));
    edits
}

/// The tree after each of up to `most` edits in a row, without repetitions.
pub(crate) fn edited(base: &Pair, tree: Tree, text: &str, most: usize) -> Vec<Pair> {
    let mut all = vec![base.clone()];
    let mut newest = all.clone();
    let mut seen = BTreeSet::from([shape(base, tree)]);
    for _ in 0..most {
        let mut next = Vec::new();
        for pair in &newest {
            for edit in edits(pair, tree, text) {
                let mut pair = pair.clone();
                if pair.edit(tree, &edit).is_ok() && pair.check().is_ok() && seen.insert(shape(&pair, tree)) {
                    next.push(pair);
                }
            }
        }
        all.extend(next.iter().cloned());
        newest = next;
    }
    all
}

/// What tells two edited trees apart: which old node is where, and what is new.
fn shape(pair: &Pair, tree: Tree) -> String {
    let rows = pair.trees.rows().filter_map(|(key, row)| Some((key, row, row.triple.tree(tree)?)));
    let known = rows
        .map(|(key, row, state)| (row.triple.synced.is_some().then_some(key), pair.path(tree, key), state));
    let mut nodes: Vec<String> = known
        .map(|(key, path, state)| format!("{path:?} {key:?} {:?} {}", state.content, state.executable))
        .collect();
    nodes.sort();
    nodes.join("\n")
}

/// Both sides' edits in one memory. The keys of new local nodes are those of the local tree's; remote ones follow.
pub(crate) fn combined(local: &Pair, remote: &Pair) -> Pair {
    let mut pair = local.clone();
    for _ in 0..100 {
        pair.fresh();
    }
    let known = |key: NodeKey| remote.state(Tree::Synced, key).is_some();
    let moved = |key: NodeKey| if known(key) { key } else { NodeKey(key.0 + 50) };
    let keys: Vec<NodeKey> =
        pair.trees.rows().map(|(key, _)| key).chain(remote.trees.rows().map(|(key, _)| key)).collect();
    for key in keys.into_iter().filter(|key| *key != NodeKey::ROOT) {
        let mut state = remote.state(Tree::Remote, key).cloned();
        state.iter_mut().for_each(|state| state.parent = moved(state.parent));
        if known(key) || state.is_some() {
            pair.set(Tree::Remote, moved(key), state);
        }
    }
    pair
}

/// Brings it in step; nothing is lost, and the same comes of it in another order.
fn check(pair: &Pair, alone: bool) -> Result<(), String> {
    let mut one = pair.clone();
    let outcome = converge(&mut one, &mut Random::new(1), Trouble::default(), None)?;
    let kept: BTreeSet<Content> = one.contents(Tree::Remote).cloned().collect();
    if let Some(content) = precious(pair).into_iter().find(|content| !kept.contains(content)) {
        return Err(format!("{content:?} is lost"));
    }
    if alone && (outcome.local_steps > 0 || outside(&one, Tree::Remote) != outside(pair, Tree::Local)) {
        return Err("the only active user was disturbed".to_owned());
    }
    Ok(())
}

fn check_all(nodes: usize, local_edits: usize, remote_edits: usize, every: usize) -> usize {
    let mut random = Random::new(7);
    let mut cases = 0;
    for base in bases(nodes) {
        let locals = edited(&base, Tree::Local, "local", local_edits);
        let remotes = edited(&base, Tree::Remote, "remote", remote_edits);
        for local in &locals {
            for (number, remote) in remotes.iter().enumerate() {
                if every > 1 && number > 0 && !random.one_in(every) {
                    continue;
                }
                cases += 1;
                let pair = combined(local, remote);
                check(&pair, number == 0).unwrap_or_else(|error| {
                    let trees = [Tree::Synced, Tree::Local, Tree::Remote].map(|tree| outside(&pair, tree));
                    panic!("{error}\n{trees:#?}\n{:#?}", pair.trees)
                });
            }
        }
    }
    cases
}

#[test]
fn every_tree_of_two_nodes_with_one_edit_on_either_side() {
    let cases = check_all(2, 1, 1, 1);
    assert!(cases > 3000, "only {cases} cases");
}

/// All of them with `DRIFTLESS_TEST_EFFORT=8`.
#[test]
fn trees_of_three_nodes_with_one_edit_on_either_side() {
    let cases = check_all(3, 1, 1, 8usize.div_ceil(effort()));
    assert!(cases > 3000, "only {cases} cases");
}

/// All of them with `DRIFTLESS_TEST_EFFORT=200`.
#[test]
fn trees_of_two_nodes_with_two_edits_on_either_side() {
    let cases = check_all(2, 2, 2, 200usize.div_ceil(effort()));
    assert!(cases > 3000, "only {cases} cases");
}

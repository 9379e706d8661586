//! What holds for any tree changed on both sides (`sync-correctness.md` §6.12), whatever order the steps are done in.

use crate::converge::{Trouble, converge, outside, precious};
use crate::perturb::{DEEDS, Stroke, perturbed};
use model::{NameRule, NodeKey, NodeState};
use planner::Tree;
use planner::rule::Rule;
use proptest::prelude::*;
use std::collections::BTreeSet;
use testkit::effort;
use testkit::pair::Pair;
use testkit::seed::Random;

fn stroke() -> impl Strategy<Value = Stroke> {
    (0..DEEDS, 0u8..12, 0u8..6, 0u8..6, 0u8..6).prop_map(|(deed, node, directory, name, text)| Stroke {
        deed,
        node,
        directory,
        name,
        text,
    })
}

fn strokes(most: usize) -> impl Strategy<Value = Vec<Stroke>> {
    prop::collection::vec(stroke(), 0..=most)
}

fn rule() -> impl Strategy<Value = NameRule> {
    prop_oneof![3 => Just(NameRule::Portable), 1 => Just(NameRule::Exact)]
}

fn cases(number: u32) -> ProptestConfig {
    let cases = number.saturating_mul(u32::try_from(effort()).unwrap_or(u32::MAX));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Brings it in step and checks what must hold in any case.
fn check(mut pair: Pair, seed: u64, trouble: Trouble) -> Result<Pair, TestCaseError> {
    let precious = precious(&pair);
    let conflicting = pair.trees.rows().filter(|(_, row)| two_contents(row)).count();
    let outcome = converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
    let kept: BTreeSet<_> = pair.contents(Tree::Remote).cloned().collect();
    let lost: Vec<_> = precious.difference(&kept).collect();
    prop_assert!(lost.is_empty(), "lost {lost:?}");
    if trouble.forgotten == 0 {
        prop_assert!(outcome.detached.len() <= conflicting, "{} copies", outcome.detached.len());
    }
    prop_assert_eq!(outside(&pair, Tree::Local), outside(&pair, Tree::Remote));
    Ok(pair)
}

/// A node in the three trees, but for its directory's key, which may change.
fn without_parents(pair: &Pair, key: NodeKey) -> Vec<Option<NodeState>> {
    let state =
        |tree| pair.state(tree, key).cloned().map(|state| NodeState { parent: NodeKey::ROOT, ..state });
    vec![state(Tree::Synced), state(Tree::Remote), state(Tree::Local)]
}

fn two_contents(row: &planner::Row) -> bool {
    let content = |tree| row.triple.tree(tree).map(|state| &state.content);
    let (remote, local) = (content(Tree::Remote), content(Tree::Local));
    remote.is_some() && local.is_some() && remote != local
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn both_sides_come_together_and_lose_nothing(
        rule in rule(), base in strokes(12), local in strokes(6), remote in strokes(6), seed: u64,
    ) {
        check(perturbed(rule, &base, &local, &remote), seed, Trouble::default())?;
    }

    #[test]
    fn steps_that_fail_change_nothing_about_it(
        rule in rule(), base in strokes(12), local in strokes(6), remote in strokes(6), seed: u64,
    ) {
        let trouble = Trouble { failing: 3, ..Trouble::default() };
        check(perturbed(rule, &base, &local, &remote), seed, trouble)?;
    }

    #[test]
    fn steps_done_but_not_noted_lose_nothing(
        rule in rule(), base in strokes(12), local in strokes(6), remote in strokes(6), seed: u64,
    ) {
        let trouble = Trouble { failing: 5, forgotten: 3, ..Trouble::default() };
        check(perturbed(rule, &base, &local, &remote), seed, trouble)?;
    }

    #[test]
    fn a_disk_that_tells_clashing_names_apart_loses_nothing(
        base in strokes(12), local in strokes(8), remote in strokes(6), seed: u64,
    ) {
        let mut pair = perturbed(NameRule::Portable, &base, &[], &remote);
        pair.clashing_disk = true;
        for (time, stroke) in local.iter().enumerate() {
            let hand = crate::perturb::Hand { tree: Tree::Local, mark: "local " };
            stroke.apply(&mut pair, hand, 1000 + time as i64);
        }
        check(pair, seed, Trouble::default())?;
    }

    #[test]
    fn the_order_of_the_steps_makes_no_difference(
        rule in rule(), base in strokes(12), local in strokes(6), remote in strokes(6), seeds: [u64; 2],
    ) {
        let pair = perturbed(rule, &base, &local, &remote);
        let [one, other] = seeds.map(|seed| check(pair.clone(), seed, Trouble::default()));
        prop_assert_eq!(outside(&one?, Tree::Local), outside(&other?, Tree::Local));
    }

    #[test]
    fn one_active_user_is_never_disturbed(
        rule in rule(), base in strokes(12), edits in strokes(10), seed: u64, failing in 0usize..4,
    ) {
        let mut pair = perturbed(rule, &base, &edits, &[]);
        let before = outside(&pair, Tree::Local);
        let trouble = Trouble { failing, ..Trouble::default() };
        let outcome = converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
        prop_assert_eq!(outcome.local_steps, 0);
        prop_assert_eq!(before, outside(&pair, Tree::Remote));
    }

    #[test]
    fn what_others_do_arrives_as_they_did_it(
        rule in rule(), base in strokes(12), edits in strokes(10), seed: u64, failing in 0usize..4,
    ) {
        let mut pair = perturbed(rule, &base, &[], &edits);
        let before = outside(&pair, Tree::Remote);
        let trouble = Trouble { failing, ..Trouble::default() };
        let outcome = converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
        prop_assert_eq!(outcome.remote_groups, 0);
        prop_assert_eq!(before, outside(&pair, Tree::Local));
    }

    #[test]
    fn what_is_frozen_is_left_alone_until_it_thaws(
        rule in rule(), base in strokes(12), local in strokes(6), remote in strokes(6), seed: u64,
        picks in prop::collection::vec(0usize..12, 1..3),
    ) {
        let mut pair = perturbed(rule, &base, &local, &remote);
        let here: Vec<NodeKey> = pair.trees.rows().filter(|(_, row)| row.triple.local.is_some()).map(|(key, _)| key).collect();
        let frozen: Vec<NodeKey> = picks.iter().filter_map(|pick| here.get(1 + pick).copied()).collect();
        frozen.iter().for_each(|key| pair.set_frozen(*key, true));
        let before: Vec<_> = frozen.iter().map(|key| without_parents(&pair, *key)).collect();
        let precious = precious(&pair);
        let trouble = Trouble::default();
        converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
        let after: Vec<_> = frozen.iter().map(|key| without_parents(&pair, *key)).collect();
        prop_assert_eq!(before, after);
        frozen.iter().for_each(|key| pair.set_frozen(*key, false));
        let thawed = check(pair, seed, trouble)?;
        let kept: BTreeSet<_> = thawed.contents(Tree::Local).cloned().collect();
        prop_assert!(precious.is_subset(&kept), "lost {:?}", precious.difference(&kept));
    }

    #[test]
    fn two_trees_joined_for_the_first_time_become_their_union(
        rule in rule(), local in strokes(10), remote in strokes(10), seed: u64,
    ) {
        let pair = perturbed(rule, &[], &local, &remote);
        let names = |pair: &Pair, tree| outside(pair, tree).len();
        let least = names(&pair, Tree::Local).max(names(&pair, Tree::Remote));
        let joined = check(pair, seed, Trouble::default())?;
        prop_assert!(names(&joined, Tree::Local) >= least);
    }
}

#[test]
fn a_crash_between_shelving_and_noting_it_leaves_no_temporary_name() {
    let stroke = |deed, node, directory| Stroke { deed, node, directory, name: 0, text: 0 };
    let base = [Stroke { text: 1, ..stroke(0, 0, 0) }, Stroke { text: 2, name: 1, ..stroke(0, 0, 0) }];
    // The remote side swaps `a` and `b`.
    let swap = [stroke(17, 0, 1)];
    let mut found = 0;
    for seed in 0..20 {
        let mut pair = perturbed(NameRule::Portable, &base, &[], &swap);
        let trouble = Trouble { failing: 0, forgotten: 2, ..Trouble::default() };
        let wanted = outside(&pair, Tree::Remote);
        let outcome = converge(&mut pair, &mut Random::new(seed), trouble, None).unwrap();
        assert_eq!((outside(&pair, Tree::Local), outcome.remote_groups), (wanted, 0));
        found += outcome.trace.count(Rule::ShelfFound);
    }
    assert!(found > 0);
}

//! Planning in portions comes to the same as planning everything at once.

use crate::converge::{Trouble, converge, outside, precious};
use crate::perturb::{DEEDS, Hand, Stroke, perturbed};
use model::{NameRule, NodeKey};
use planner::Tree;
use proptest::prelude::*;
use std::collections::BTreeSet;
use testkit::effort;
use testkit::pair::Pair;
use testkit::seed::Random;

/// Mostly new nodes: those are what a portion leaves out.
fn stroke() -> impl Strategy<Value = Stroke> {
    let deed = prop_oneof![3 => 0u8..4, 2 => 0..DEEDS];
    (deed, 0u8..12, 0u8..6, 0u8..6, 0u8..6).prop_map(|(deed, node, directory, name, text)| Stroke {
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

fn cases() -> ProptestConfig {
    let cases = 400_u32.saturating_mul(u32::try_from(effort()).unwrap_or(u32::MAX));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn in_step(mut pair: Pair, seed: u64, trouble: Trouble) -> Result<Pair, TestCaseError> {
    let precious = precious(&pair);
    converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
    let kept: BTreeSet<_> = pair.contents(Tree::Remote).cloned().collect();
    let lost: Vec<_> = precious.difference(&kept).collect();
    prop_assert!(lost.is_empty(), "lost {lost:?}");
    Ok(pair)
}

/// Both ways, without trouble, come to the same two trees.
fn same(pair: &Pair, portion: usize, seed: u64) -> Result<(), TestCaseError> {
    let whole = in_step(pair.clone(), seed, Trouble::default())?;
    let parts = in_step(pair.clone(), seed, Trouble { portion, ..Trouble::default() })?;
    prop_assert_eq!(outside(&parts, Tree::Local), outside(&parts, Tree::Remote));
    prop_assert_eq!(outside(&parts, Tree::Local), outside(&whole, Tree::Local));
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn portions_come_to_the_same_as_the_whole(
        rule in rule(), base in strokes(8), local in strokes(12), remote in strokes(12),
        portion in 1usize..4, seed: u64,
    ) {
        same(&perturbed(rule, &base, &local, &remote), portion, seed)?;
    }

    #[test]
    fn equal_trees_joined_in_portions_are_adopted(
        rule in rule(), both in strokes(12), local in strokes(4), remote in strokes(4),
        portion in 1usize..4, seed: u64,
    ) {
        let (local, remote) = ([&both[..], &local].concat(), [&both[..], &remote].concat());
        same(&perturbed(rule, &[], &local, &remote), portion, seed)?;
    }

    #[test]
    fn portions_lose_nothing_when_steps_fail_and_are_not_noted(
        rule in rule(), base in strokes(8), local in strokes(10), remote in strokes(10),
        portion in 1usize..4, seed: u64,
    ) {
        let trouble = Trouble { failing: 4, forgotten: 5, portion };
        in_step(perturbed(rule, &base, &local, &remote), seed, trouble)?;
    }

    #[test]
    fn portions_lose_nothing_where_names_clash_on_the_disk_and_nodes_are_frozen(
        base in strokes(8), local in strokes(10), remote in strokes(8),
        picks in prop::collection::vec(0usize..12, 0..3), portion in 1usize..4, seed: u64,
    ) {
        let mut pair = perturbed(NameRule::Portable, &base, &[], &remote);
        pair.clashing_disk = true;
        for (time, stroke) in local.iter().enumerate() {
            stroke.apply(&mut pair, Hand { tree: Tree::Local, mark: "local " }, 1000 + time as i64);
        }
        let here: Vec<NodeKey> = pair.trees.rows().filter(|(_, row)| row.triple.local.is_some()).map(|(key, _)| key).collect();
        let frozen: Vec<NodeKey> = picks.iter().filter_map(|pick| here.get(1 + pick).copied()).collect();
        frozen.iter().for_each(|key| pair.set_frozen(*key, true));
        let trouble = Trouble { portion, ..Trouble::default() };
        converge(&mut pair, &mut Random::new(seed), trouble, None).map_err(TestCaseError::fail)?;
        frozen.iter().for_each(|key| pair.set_frozen(*key, false));
        let thawed = in_step(pair, seed, trouble)?;
        prop_assert_eq!(outside(&thawed, Tree::Local), outside(&thawed, Tree::Remote));
    }
}

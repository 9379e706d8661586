//! One-way pairs (`direction`): what must hold whatever both sides did, and in any order of the steps.

use crate::converge::{Outcome, Trouble, converge_directed, outside};
use crate::exhaustive::{bases, combined, edited};
use crate::perturb::{DEEDS, Hand, Stroke, agree, perturbed};
use model::{Content, NameRule, NodeKey};
use planner::rule::{Fault, Rule, Trace};
use planner::{Direction, Tree};
use std::collections::BTreeSet;
use testkit::effort;
use testkit::pair::Pair;
use testkit::seed::Random;

/// Brings it in step one way, and checks what is promised.
fn check(
    pair: &Pair,
    direction: Direction,
    random: &mut Random,
    trouble: Trouble,
    fault: Option<Fault>,
) -> Result<Outcome, String> {
    let mut after = pair.clone();
    let outcome = converge_directed(&mut after, direction, random, trouble, fault)?;
    let (leading, following) = match direction {
        Direction::Down => (Tree::Remote, Tree::Local),
        _ => (Tree::Local, Tree::Remote),
    };
    if outside(&after, leading) != outside(pair, leading) {
        return Err("the leading side was changed".to_owned());
    }
    let there = outside(&after, following);
    let missing = outside(&after, leading).into_iter().find(|(path, node)| there.get(path) != Some(node));
    if let Some(missing) = missing {
        return Err(format!("{missing:?} did not arrive"));
    }
    if direction == Direction::Down && outcome.remote_groups > 0 {
        return Err("something was sent".to_owned());
    }
    if direction == Direction::Up && outcome.local_steps > 0 {
        return Err("something was installed".to_owned());
    }
    let mut kept: BTreeSet<Content> = after.contents(following).cloned().collect();
    kept.extend(after.aside.iter().map(|(_, state)| state.content.clone()));
    let promised = match direction {
        Direction::Down => edited_here(pair),
        // What was edited there is a version of the server's history; what is new there stays.
        _ => {
            let new = |(_, row): &(NodeKey, &planner::Row)| row.triple.synced.is_none();
            let states = pair.trees.rows().filter(new).filter_map(|(_, row)| row.triple.remote.as_ref());
            states.map(|state| state.content.clone()).filter(|content| !content.is_directory()).collect()
        }
    };
    if let Some(lost) = promised.difference(&kept).next() {
        return Err(format!("{lost:?} is lost"));
    }
    Ok(outcome)
}

/// The contents made here: edited since both sides agreed, or new. A mere move keeps no deleted file.
fn edited_here(pair: &Pair) -> BTreeSet<Content> {
    let rows = pair.trees.rows().filter_map(|(_, row)| {
        let local = row.triple.local.as_ref().filter(|local| !local.content.is_directory())?;
        let made = row.triple.synced.as_ref().is_none_or(|synced| synced.content != local.content);
        made.then(|| local.content.clone())
    });
    rows.collect()
}

const WAYS: [Direction; 2] = [Direction::Down, Direction::Up];

fn strokes(random: &mut Random, most: usize) -> Vec<Stroke> {
    let number = random.below(most + 1);
    let mut stroke = || {
        let mut byte = |limit: usize| random.below(limit) as u8;
        Stroke {
            deed: byte(usize::from(DEEDS)),
            node: byte(12),
            directory: byte(8),
            name: byte(6),
            text: byte(6),
        }
    };
    (0..number).map(|_| stroke()).collect()
}

/// One history from its seed; in what it went wrong, if it did.
fn history(seed: u64, direction: Direction, fault: Option<Fault>) -> Result<Outcome, String> {
    let mut random = Random::new(seed ^ 0x006f_6e65_2077_6179);
    let rule = if random.one_in(4) { NameRule::Exact } else { NameRule::Portable };
    let lists = [12, 6, 6].map(|most| strokes(&mut random, most));
    let mut pair = perturbed(rule, &lists[0], &lists[1], &lists[2]);
    if direction == Direction::Down && random.one_in(4) {
        pair.clashing_disk = true;
        for (time, stroke) in strokes(&mut random, 4).into_iter().enumerate() {
            stroke.apply(&mut pair, Hand { tree: Tree::Local, mark: "local " }, 1000 + time as i64);
        }
    }
    let trouble = Trouble { failing: random.below(5), forgotten: 0, portion: 0 };
    check(&pair, direction, &mut random, trouble, fault)
}

#[test]
fn a_one_way_pair_follows_its_leading_side_and_loses_nothing() {
    let mut total = Trace::default();
    for direction in WAYS {
        for seed in 0..1500 * effort() as u64 {
            let outcome = history(seed, direction, None)
                .unwrap_or_else(|error| panic!("{direction:?}, seed {seed}: {error}"));
            total.add(&outcome.trace);
        }
    }
    let rules = [
        Rule::Yielded,
        Rule::SetAside,
        Rule::BroughtBack,
        Rule::SentAgain,
        Rule::RemoteRenamed,
        Rule::ClashLeft,
    ];
    let silent: Vec<Rule> = rules.into_iter().filter(|rule| total.count(*rule) == 0).collect();
    assert!(silent.is_empty(), "never needed: {silent:?}");
}

#[test]
fn steps_done_but_not_noted_lose_nothing_one_way() {
    for seed in 0..800 * effort() as u64 {
        let mut random = Random::new(seed);
        let lists = [12, 6, 6].map(|most| strokes(&mut random, most));
        let pair = perturbed(NameRule::Portable, &lists[0], &lists[1], &lists[2]);
        let (precious, remote) = (edited_here(&pair), outside(&pair, Tree::Remote));
        let mut after = pair.clone();
        let trouble = Trouble { failing: 5, forgotten: 3, portion: 0 };
        converge_directed(&mut after, Direction::Down, &mut random, trouble, None)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut kept: BTreeSet<Content> = after.contents(Tree::Local).cloned().collect();
        kept.extend(after.aside.iter().map(|(_, state)| state.content.clone()));
        let lost: Vec<_> = precious.difference(&kept).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
        assert_eq!(outside(&after, Tree::Remote), remote, "seed {seed}");
    }
}

#[test]
fn the_order_of_the_steps_makes_no_difference_one_way() {
    for direction in WAYS {
        for seed in 0..300 * effort() as u64 {
            let mut random = Random::new(seed ^ 77);
            let lists = [12, 6, 6].map(|most| strokes(&mut random, most));
            let pair = perturbed(NameRule::Portable, &lists[0], &lists[1], &lists[2]);
            let ends = [1, 2].map(|order| {
                let mut after = pair.clone();
                let mut random = Random::new(seed ^ order);
                converge_directed(&mut after, direction, &mut random, Trouble::default(), None).unwrap();
                (outside(&after, Tree::Local), outside(&after, Tree::Remote))
            });
            assert_eq!(ends[0], ends[1], "{direction:?}, seed {seed}");
        }
    }
}

/// What a one-way pair left behind is no obstacle when it goes both ways: it ends like any other pair.
#[test]
fn a_one_way_pair_that_goes_both_ways_comes_together() {
    for direction in WAYS {
        for seed in 0..500 * effort() as u64 {
            let mut random = Random::new(seed ^ 99);
            let lists = [12, 6, 6].map(|most| strokes(&mut random, most));
            let mut pair = perturbed(NameRule::Portable, &lists[0], &lists[1], &lists[2]);
            let trouble = Trouble::default();
            converge_directed(&mut pair, direction, &mut random, trouble, None).unwrap();
            let here: BTreeSet<Content> = pair.contents(Tree::Local).cloned().collect();
            let there: BTreeSet<Content> = pair.contents(Tree::Remote).cloned().collect();
            converge_directed(&mut pair, Direction::Both, &mut random, trouble, None)
                .unwrap_or_else(|error| panic!("{direction:?}, seed {seed}: {error}"));
            assert_eq!(
                outside(&pair, Tree::Local),
                outside(&pair, Tree::Remote),
                "{direction:?}, seed {seed}"
            );
            let kept: BTreeSet<Content> = pair.contents(Tree::Remote).cloned().collect();
            assert!(here.is_subset(&kept) && there.is_subset(&kept), "{direction:?}, seed {seed}");
        }
    }
}

#[test]
fn what_is_frozen_is_left_alone_one_way() {
    for direction in WAYS {
        for seed in 0..300 * effort() as u64 {
            let mut random = Random::new(seed ^ 55);
            let lists = [12, 6, 6].map(|most| strokes(&mut random, most));
            let mut pair = perturbed(NameRule::Portable, &lists[0], &lists[1], &lists[2]);
            let here: Vec<NodeKey> = pair
                .trees
                .rows()
                .filter(|(key, row)| *key != NodeKey::ROOT && row.triple.local.is_some())
                .map(|(key, _)| key)
                .collect();
            let Some(frozen) = random.pick(&here).copied() else { continue };
            pair.set_frozen(frozen, true);
            let before = pair.state(Tree::Local, frozen).map(|state| state.content.clone());
            let remote = pair.state(Tree::Remote, frozen).cloned();
            converge_directed(&mut pair, direction, &mut random, Trouble::default(), None)
                .unwrap_or_else(|error| panic!("{direction:?}, seed {seed}: {error}"));
            let after = pair.state(Tree::Local, frozen).map(|state| state.content.clone());
            assert_eq!(before, after, "{direction:?}, seed {seed}");
            assert_eq!(
                remote.map(|s| s.content),
                pair.state(Tree::Remote, frozen).map(|s| s.content.clone())
            );
        }
    }
}

#[test]
fn every_tree_of_two_nodes_with_one_edit_on_either_side_one_way() {
    let mut cases = 0;
    for base in bases(2) {
        let locals = edited(&base, Tree::Local, "local", 1);
        let remotes = edited(&base, Tree::Remote, "remote", 1);
        for (local, remote) in
            locals.iter().flat_map(|local| remotes.iter().map(move |remote| (local, remote)))
        {
            let pair = combined(local, remote);
            for direction in WAYS {
                cases += 1;
                let mut random = Random::new(1);
                if let Err(error) = check(&pair, direction, &mut random, Trouble::default(), None) {
                    let trees = [Tree::Synced, Tree::Local, Tree::Remote].map(|tree| outside(&pair, tree));
                    panic!("{direction:?}: {error}\n{trees:#?}\n{:#?}", pair.trees)
                }
            }
        }
    }
    assert!(cases > 6000, "only {cases} cases");
}

#[test]
fn nothing_changed_means_nothing_to_do_one_way() {
    let base = [Stroke { deed: 0, node: 0, directory: 0, name: 0, text: 0 }];
    let mut pair = perturbed(NameRule::Portable, &base, &[], &[]);
    agree(&mut pair);
    for direction in WAYS {
        let Ok(plan) = planner::plan(&pair.trees, &crate::converge::author(), direction);
        assert!(plan.is_empty());
    }
}

#[test]
fn faults_of_one_way_rules_are_noticed_by_histories() {
    let faults = [
        (Fault::EditsAreNotSetAside, Direction::Down),
        (Fault::NewIsSentUpwards, Direction::Down),
        (Fault::RemoteLeadsUpwards, Direction::Up),
        (Fault::NewIsFetched, Direction::Up),
    ];
    for (fault, direction) in faults {
        assert!((0..500).any(|seed| history(seed, direction, Some(fault)).is_err()), "{fault:?}");
    }
}

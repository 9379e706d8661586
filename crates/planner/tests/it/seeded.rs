//! Are the properties worth anything? Over a fixed run of seeds every rule must decide something, and every planted
//! fault that a property can see must be seen. (What only people's intent tells, the scenarios see: `faults`.)

use crate::converge::{Outcome, Trouble, converge, outside, precious};
use crate::perturb::{Stroke, perturbed};
use model::NameRule;
use planner::Tree;
use planner::rule::{Fault, Rule, Trace};
use std::collections::BTreeSet;
use testkit::effort;
use testkit::seed::Random;

/// Who edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Active {
    Both,
    LocalOnly,
}

/// What people do most, a list a profile: everything, directories alone, or few files again and again.
const PROFILES: [(&[u8], &[u8]); 3] = [
    (&[0, 1, 2, 3, 13, 14], &[0, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
    (&[2, 2, 2, 0], &[19, 19, 19, 7, 9, 17, 18]),
    (&[0, 0, 2], &[0, 0, 5, 7, 9, 12, 17]),
];

fn strokes(random: &mut Random, deeds: &[u8], most: usize) -> Vec<Stroke> {
    let number = random.below(most + 1);
    let mut strokes = Vec::new();
    for _ in 0..number {
        let deed = *random.pick(deeds).expect("every profile has deeds");
        let mut byte = |limit: usize| random.below(limit) as u8;
        strokes.push(Stroke { deed, node: byte(12), directory: byte(8), name: byte(6), text: byte(6) });
    }
    strokes
}

/// One history from its seed; in what it went wrong, if it did.
fn history(seed: u64, active: Active, fault: Option<Fault>) -> Result<Outcome, String> {
    let mut random = Random::new(seed);
    let rule = if random.one_in(4) { NameRule::Exact } else { NameRule::Portable };
    let (made, done) = PROFILES[random.below(PROFILES.len())];
    let base = strokes(&mut random, made, 12);
    let mut local = strokes(&mut random, done, 6);
    let mut remote = if active == Active::Both { strokes(&mut random, done, 6) } else { Vec::new() };
    if active == Active::Both && random.one_in(3) {
        // Both begin with the same.
        let same = strokes(&mut random, done, 3);
        local = [&same[..], &local].concat();
        remote = [&same[..], &remote].concat();
    }
    if active == Active::Both && random.one_in(3) {
        // Two directories go into one another; what held the one goes away.
        let [one, other] = [random.below(8) as u8, random.below(8) as u8];
        let into = |node, directory, text| Stroke { deed: 19, node, directory, name: 0, text };
        local.insert(0, into(one, other, 0));
        remote.insert(0, into(other, one, 1));
    }
    let mut pair = perturbed(rule, &base, &local, &remote);
    let (mine, precious) = (outside(&pair, Tree::Local), precious(&pair));
    let trouble = Trouble { failing: random.below(5), ..Trouble::default() };
    let outcome = converge(&mut pair, &mut random, trouble, fault)?;
    let kept: BTreeSet<_> = pair.contents(Tree::Remote).cloned().collect();
    if let Some(content) = precious.iter().find(|content| !kept.contains(content)) {
        return Err(format!("{content:?} is lost"));
    }
    if active == Active::LocalOnly && outside(&pair, Tree::Remote) != mine {
        return Err("the only active user was disturbed".to_owned());
    }
    Ok(outcome)
}

#[test]
fn every_rule_decides_something_in_some_history() {
    // No history freezes or crashes: the scenarios and `properties` do.
    let elsewhere = [
        Rule::HeldReleased,
        Rule::Blocked,
        Rule::ShelfFound,
        // One-way pairs: `one_way`.
        Rule::Yielded,
        Rule::SetAside,
        Rule::BroughtBack,
        Rule::SentAgain,
        Rule::RemoteRenamed,
        Rule::ClashLeft,
    ];
    let is_silent = |total: &Trace| total.silent().any(|rule| !elsewhere.contains(&rule));
    let mut total = Trace::default();
    let (least, most) = (600 * effort() as u64, 8000 * effort() as u64);
    for seed in 0..most {
        if seed >= least && !is_silent(&total) {
            return;
        }
        for active in [Active::Both, Active::LocalOnly] {
            let outcome = history(seed, active, None).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            total.add(&outcome.trace);
        }
    }
    assert!(!is_silent(&total), "never needed: {:?} in {total:?}", total.silent().collect::<Vec<_>>());
}

/// Within how many seeds a history goes wrong because of a fault.
fn noticed_within(fault: Fault, seeds: u64) -> Option<u64> {
    let notices = |seed: &u64| {
        [Active::Both, Active::LocalOnly].iter().any(|active| history(*seed, *active, Some(fault)).is_err())
    };
    (0..seeds).find(notices)
}

#[test]
fn faults_that_break_a_promise_are_noticed_by_histories() {
    // What people mean, no history knows: these are for the scenarios alone.
    let of_intent = [
        Fault::MovedDirectoryLosesItsContent,
        Fault::NoAdoption,
        Fault::TouchBeatsDelete,
        Fault::FrozenIsIgnored,
        // One-way pairs: `one_way`.
        Fault::EditsAreNotSetAside,
        Fault::NewIsSentUpwards,
        Fault::RemoteLeadsUpwards,
        Fault::NewIsFetched,
    ];
    for fault in Fault::ALL.iter().filter(|fault| !of_intent.contains(fault)) {
        assert!(noticed_within(*fault, 3000).is_some(), "{fault:?}");
    }
}

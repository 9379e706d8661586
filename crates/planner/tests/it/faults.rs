//! Every rule broken on purpose is noticed, by the scenarios that pin what people mean by it.

use crate::golden::noticed_by;
use planner::rule::{Fault, Rule, Trace};
use testkit::scenario::{golden, run};

/// For each fault, a scenario that must notice it.
fn witness(fault: Fault) -> &'static str {
    match fault {
        Fault::NoBookkeeping => "going back after an equal edit is an edit",
        Fault::DeleteBeatsEdit => "edit on one side beats delete on the other",
        Fault::DeleteBeatsMove => "a renamed file outlives its deletion",
        Fault::MovedDirectoryLosesItsContent => "a moved directory outlives its deletion with all it holds",
        Fault::SurvivorLosesItsParent => "an edited file keeps the deleted directories above it",
        Fault::ClocksDecide => "the later clock does not win",
        Fault::EqualContentsConflict => "two new equal files of one name are one",
        Fault::RemoteAlwaysWins => "an edit arrives",
        Fault::CyclesStay => "one directory into the other on either side",
        Fault::NoRevivalOnCycle => "the directory an undone move needs was deleted here",
        Fault::RenameLeavesTheBase => "a rename there and a move here that clash only together",
        Fault::NoAdoption => "two equal trees joined for the first time transfer nothing",
        Fault::NoShelving => "two files swap their names",
        Fault::NoFusing => "three names go round",
        Fault::TouchBeatsDelete => "a changed executable bit does not outlive a deletion",
        Fault::FrozenIsIgnored => "a locked file is not deleted",
        Fault::EditsAreNotSetAside => "an edit of what is only received is set aside",
        Fault::NewIsSentUpwards => "what is new where a device only receives stays there",
        Fault::RemoteLeadsUpwards => "an edit elsewhere of what is only sent is answered by the local state",
        Fault::NewIsFetched => "what is new elsewhere is not fetched where a device only sends",
        Fault::NamesComparedByteForByte => "two new files that differ in case are both kept",
    }
}

#[test]
fn every_planted_fault_is_noticed_by_the_scenario_for_its_rule() {
    for fault in Fault::ALL {
        let noticed = noticed_by(*fault);
        let witness = witness(*fault);
        assert!(
            noticed.iter().any(|title| title == witness),
            "{fault:?} not by `{witness}`, but by {noticed:#?}"
        );
    }
}

#[test]
fn every_rule_decides_something_in_some_scenario() {
    let mut total = Trace::default();
    for (_, scenario) in golden().unwrap() {
        total.add(&run(&scenario, None).unwrap());
    }
    // Need a crash or a disk that tells clashing names apart, which the ideal world has not: `properties` and
    // `one_way` have.
    let silent: Vec<Rule> =
        total.silent().filter(|rule| ![Rule::ShelfFound, Rule::ClashLeft].contains(rule)).collect();
    assert!(silent.is_empty(), "never needed: {silent:?}");
}

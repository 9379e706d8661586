//! Every golden scenario of `testkit`, in the ideal world.

use planner::rule::Fault;
use testkit::scenario::{Scenario, golden, run};

/// The titles of the scenarios that notice this fault.
pub(crate) fn noticed_by(fault: Fault) -> Vec<String> {
    let fails = |(_, scenario): &(String, Scenario)| run(scenario, Some(fault)).is_err();
    let scenarios = golden().expect("the scenarios are read").into_iter();
    scenarios.filter(fails).map(|(_, scenario)| scenario.title).collect()
}

#[test]
fn every_scenario_ends_as_people_mean_it() {
    let scenarios = golden().unwrap();
    assert!(scenarios.len() >= 60, "only {} scenarios", scenarios.len());
    let run = |(file, scenario): &(String, Scenario)| {
        run(scenario, None).err().map(|error| format!("{file}: {}\n{error}\n", scenario.title))
    };
    let failures: Vec<String> = scenarios.iter().filter_map(run).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), scenarios.len(), failures.join("\n"));
}

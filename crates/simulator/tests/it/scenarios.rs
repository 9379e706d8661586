//! The golden scenarios, on whole engines.

use std::path::Path;

/// What a disk shows otherwise than an ideal tree does, each with the reason.
const OTHERWISE: [&str; 2] = [
    // A name removed and written anew between two looks is an edit: no disk tells them apart.
    "a file renamed here and replaced there",
    // Both are sent at once, and the one that arrives first keeps its name.
    "two clashing names written at once are both kept",
];

/// Every scenario that the simulated disks can play, with the file it is in.
fn scenarios() -> Vec<(String, testkit::scenario::Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let scenarios = testkit::scenario::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let plays = |scenario: &testkit::scenario::Scenario| {
            simulator::scenario::can_run(scenario) && !OTHERWISE.contains(&scenario.title.as_str())
        };
        let named = |scenario| (file.display().to_string(), scenario);
        all.extend(scenarios.into_iter().filter(plays).map(named));
    }
    all
}

/// Runs them all; the sum of what each run says.
fn run_all(run: impl Fn(&testkit::scenario::Scenario) -> Result<u64, String>) -> u64 {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 60, "only {} scenarios were run", scenarios.len());
    let (mut wrong, mut sum) = (Vec::new(), 0);
    for (file, scenario) in &scenarios {
        match run(scenario) {
            Ok(said) => sum += said,
            Err(error) => wrong.push(format!("{file}: {}: {error}", scenario.title)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), scenarios.len(), wrong.join("\n"));
    sum
}

#[test]
fn the_golden_scenarios_hold_on_whole_engines() {
    run_all(|scenario| simulator::scenario::run_scenario(scenario).map(|()| 0));
}

/// A device that was away for longer than tombstones are kept lists the folder anew: what was removed meanwhile goes,
/// what was edited here meanwhile stays, and what is equal on both sides is left alone.
#[test]
fn the_golden_scenarios_hold_when_removals_are_forgotten_before_anybody_hears_of_them() {
    let expired = run_all(simulator::scenario::run_forgetting);
    assert!(expired >= 100, "only {expired} cursors had expired");
}

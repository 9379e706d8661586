//! The golden scenarios, on whole engines.

use std::path::Path;

/// What a disk shows otherwise than an ideal tree does, each with the reason.
const OTHERWISE: [&str; 2] = [
    // A name removed and written anew between two looks is an edit: no disk tells them apart.
    "a file renamed here and replaced there",
    // Both are sent at once, and the one that arrives first keeps its name.
    "two clashing names written at once are both kept",
];

#[test]
fn the_golden_scenarios_hold_on_whole_engines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut run = 0;
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenarios = testkit::scenario::parse(&text).unwrap();
        for scenario in scenarios.iter().filter(|scenario| simulator::scenario::can_run(scenario)) {
            let otherwise = OTHERWISE.contains(&scenario.title.as_str());
            run += usize::from(!otherwise);
            if otherwise {
                continue;
            }
            if let Err(error) = simulator::scenario::run_scenario(scenario) {
                wrong.push(format!("{}: {}: {error}", file.display(), scenario.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(run >= 60, "only {run} scenarios were run");
}

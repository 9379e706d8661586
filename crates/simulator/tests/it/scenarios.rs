//! The golden scenarios, on whole engines.

use std::path::Path;

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
            run += 1;
            if let Err(error) = simulator::scenario::run_scenario(scenario) {
                wrong.push(format!("{}: {}: {error}", file.display(), scenario.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(run >= 60, "only {run} scenarios were run");
}

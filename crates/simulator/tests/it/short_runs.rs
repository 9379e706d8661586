//! Seeds in a row, and seeds that once showed a fault.

use simulator::{Planted, Profile, Report, run_seed};

/// Runs and expects nothing wrong.
fn sound(seed: u64, profile: &Profile) -> Report {
    sound_again(seed, profile, "")
}

/// The same, naming what was wrong once.
fn sound_again(seed: u64, profile: &Profile, once: &str) -> Report {
    let report = run_seed(seed, profile, Planted::default(), false);
    if let Some(failure) = &report.failure {
        let tail = report.trace.join("\n");
        panic!("{tail}\nseed {seed} ({}, {} users): {failure} {once}", profile.name, profile.users);
    }
    report
}

#[test]
fn quick_users_and_nothing_wrong_come_to_rest_and_agree() {
    for seed in 1..=12 {
        sound(seed, &Profile::calm(2, 40));
        sound(seed, &Profile::calm(3, 40));
    }
}

#[test]
fn one_active_user_is_never_disturbed() {
    for seed in 1..=20 {
        sound(seed, &Profile::swarm(seed, Some(1), 40));
    }
}

/// People work in a plain directory of the server, whose watcher loses, delays and overflows, and on clients beside it.
#[test]
fn a_monitor_beside_clients_misses_nothing_for_good() {
    for seed in 1..=20 {
        sound(seed, &Profile::monitored(seed, None, 40));
    }
}

/// Devices hold parts of the folder and change their minds: each holds its part, and nobody else loses anything.
#[test]
fn devices_that_want_a_part_hold_it_and_take_nothing_from_others() {
    for seed in 1..=40 {
        sound(seed, &Profile::viewed(seed, None, 40));
    }
}

/// Retention runs as days go by, people pin, restore from the trash and run into quotas, while devices work.
#[test]
fn a_kept_past_is_whole_whatever_devices_do() {
    for seed in 1..=10 {
        let profile = Profile::keeping(seed, None, 25);
        let report = sound(seed, &profile);
        if seed <= 3 {
            let again = run_seed(seed, &profile, Planted::default(), false);
            assert_eq!(report.trace_hash, again.trace_hash, "seed {seed}");
        }
    }
}

/// Some devices only receive, one only sends, and accounts may only read for a while: nothing is lost, and whoever
/// follows has what the other side has.
#[test]
fn pairs_that_go_one_way_follow_and_lose_nothing() {
    let mut rules = planner::Trace::default();
    for seed in 1..=40 {
        rules.add(&sound(seed, &Profile::one_way(seed, None, 40)).rules);
    }
    use planner::Rule::{BroughtBack, RemoteRenamed, SentAgain, SetAside, Yielded};
    for rule in [Yielded, SetAside, BroughtBack, SentAgain, RemoteRenamed] {
        assert!(rules.count(rule) > 0, "never decided anything: {rule:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=6 {
        let profile = Profile::swarm(seed, None, 40);
        let [first, second] = [0, 1].map(|_| run_seed(seed, &profile, Planted::default(), false));
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert!(first.events > 50);
    }
    let other = run_seed(7, &Profile::swarm(6, None, 40), Planted::default(), false);
    assert_ne!(
        other.trace_hash,
        run_seed(6, &Profile::swarm(6, None, 40), Planted::default(), false).trace_hash
    );
}

#[test]
fn sqlite_remembers_like_ordered_maps() {
    for seed in 1..=4 {
        let mut profile = Profile::calm(2, 30);
        profile.store = simulator::StoreKind::Sqlite;
        let on_sqlite = sound(seed, &profile);
        profile.store = simulator::StoreKind::Maps;
        assert_eq!(on_sqlite.trace_hash, sound(seed, &profile).trace_hash, "seed {seed}");
    }
}

/// Each showed a fault once: the seed, users and what it was.
#[test]
fn what_once_went_wrong_goes_right() {
    let calm: [(u64, &str); 6] = [
        (1, "actions answered in parts were forgotten"),
        (3, "a listing of another directory that took the name"),
        (9, "something never synced in the way, and nobody told"),
        (41, "an issue that outlived its cause"),
        (58, "an edit while the file was moved"),
        (149, "two directories that changed their names"),
    ];
    for (seed, what) in calm {
        sound_again(seed, &Profile::calm(2, 60), what);
    }
    let swarm: [(u64, &str); 4] = [
        (2, "one entry listed twice became two nodes"),
        (50, "one entry listed twice became two nodes"),
        (84, "a file no longer unreadable"),
        (179, "a link with an old fingerprint"),
    ];
    for (seed, what) in swarm {
        sound_again(seed, &Profile::swarm(seed, None, 60), what);
    }
}

/// Rules that no short run is expected to reach, each with the reason.
const RARE: [planner::Rule; 11] = [
    // A crash just between a shelf and what it was for.
    planner::Rule::ShelfFound,
    // Two moves that close a circle, and a deletion of the directory that the undone one needs.
    planner::Rule::ParentRevived,
    planner::Rule::CycleUndone,
    // A remote move onto a new local file with the same bytes.
    planner::Rule::DuplicateDropped,
    // Something frozen in a directory that a new remote node takes the name of.
    planner::Rule::HeldReleased,
    // One-way pairs: a world of their own.
    planner::Rule::Yielded,
    planner::Rule::SetAside,
    planner::Rule::BroughtBack,
    planner::Rule::SentAgain,
    planner::Rule::RemoteRenamed,
    planner::Rule::ClashLeft,
];

#[test]
fn every_rule_of_the_planner_decides_something() {
    let mut rules = planner::Trace::default();
    for seed in 1..=60 {
        rules.add(&sound(seed, &Profile::swarm(seed, None, 60)).rules);
    }
    let silent: Vec<_> = rules.silent().filter(|rule| !RARE.contains(rule)).collect();
    assert!(silent.is_empty(), "never decided anything: {silent:?}");
}

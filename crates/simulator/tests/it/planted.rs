//! Rules broken on purpose must be noticed within a stated number of seeds.

use simulator::{Planted, Profile, ServerFault, ShellFault, run_seed};
use std::ops::RangeInclusive;

/// Whether a broken rule is noticed within so many seeds. A seed that fails anyway shows nothing.
fn expect_noticed(planted: Planted, seeds: RangeInclusive<u64>, world: impl Fn(u64) -> Profile) {
    let noticed = seeds.clone().any(|seed| {
        let profile = world(seed);
        let broken = std::panic::catch_unwind(|| run_seed(seed, &profile, planted, false));
        broken.map_or(true, |report| report.failure.is_some())
            && run_seed(seed, &profile, Planted::default(), false).failure.is_none()
    });
    assert!(noticed, "{planted:?} went unnoticed for the seeds {seeds:?}");
}

fn crowded(_: u64) -> Profile {
    Profile::crowded(60)
}

fn lonely(_: u64) -> Profile {
    Profile::lonely(60)
}

fn swarm(users: usize) -> impl Fn(u64) -> Profile {
    move |seed| Profile::swarm(seed, Some(users), 60)
}

#[test]
fn a_server_that_does_not_compare_before_it_sets_is_noticed() {
    let server = |fault| Planted { server: Some(fault), ..Planted::default() };
    expect_noticed(server(ServerFault::BlindUpdate), 1..=40, crowded);
    expect_noticed(server(ServerFault::BlindRemove), 1..=40, crowded);
    expect_noticed(server(ServerFault::ForgetsKeys), 1..=40, lonely);
}

#[test]
fn a_server_that_keeps_the_past_carelessly_is_noticed() {
    let keeping = |seed| Profile::keeping(seed, None, 40);
    for (fault, seeds) in [
        (ServerFault::PinsIgnored, 2..=6),
        (ServerFault::SafeWindowIgnored, 12..=16),
        (ServerFault::TrashNotCounted, 2..=6),
        (ServerFault::RestoredElsewhere, 5..=9),
        (ServerFault::RestoredEmpty, 2..=6),
        (ServerFault::QuotaIgnored, 3..=8),
        (ServerFault::TrashCollected, 2..=6),
    ] {
        expect_noticed(Planted { server: Some(fault), ..Planted::default() }, seeds, keeping);
    }
}

#[test]
fn a_shell_that_is_careless_with_the_disk_is_noticed() {
    let shell = |fault| Planted { shell: Some(fault), ..Planted::default() };
    expect_noticed(shell(ShellFault::BlindInstall), 1..=40, swarm(3));
    expect_noticed(shell(ShellFault::NoSync), 1..=40, swarm(3));
    expect_noticed(shell(ShellFault::ErrorsAreEmpty), 1..=80, swarm(3));
}

#[test]
fn an_engine_without_its_rules_is_noticed() {
    use sync_engine::Fault;
    let engine = |fault| Planted { engine: Some(fault), ..Planted::default() };
    expect_noticed(engine(Fault::NoIntents), 1..=40, swarm(1));
    // Moves are seldom seen in halves: the second look is for those that are.
    expect_noticed(engine(Fault::DeletionAtFirstLook), 90..=130, |_| Profile::calm(2, 60));
    expect_noticed(engine(Fault::FailedIsDone), 1..=40, swarm(3));
}

#[test]
fn a_planner_without_its_rules_is_noticed() {
    use planner::rule::Fault;
    let engine = |fault| {
        let engine = Some(sync_engine::Fault::Planner(fault));
        Planted { engine, ..Planted::default() }
    };
    for fault in [Fault::DeleteBeatsEdit, Fault::SurvivorLosesItsParent, Fault::NoShelving, Fault::NoFusing] {
        expect_noticed(engine(fault), 1..=40, swarm(3));
    }
    expect_noticed(engine(Fault::NoBookkeeping), 1..=60, swarm(1));
}

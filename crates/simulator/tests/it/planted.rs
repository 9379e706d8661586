//! Rules broken on purpose must be noticed within a stated number of seeds.

use simulator::{Planted, Profile, ServerFault, ShellFault, run_seed};

/// The first seed at which a broken rule is noticed.
fn noticed(planted: Planted, seeds: u64, users: Option<usize>) -> Option<u64> {
    (1..=seeds).find(|seed| {
        let profile = Profile::swarm(*seed, users, 60);
        let broken = std::panic::catch_unwind(|| run_seed(*seed, &profile, planted, false));
        broken.map_or(true, |report| report.failure.is_some())
    })
}

fn expect_noticed(planted: Planted, seeds: u64, users: Option<usize>) {
    assert!(noticed(planted, seeds, users).is_some(), "{planted:?} went unnoticed for {seeds} seeds");
}

#[test]
fn a_server_that_does_not_compare_before_it_sets_is_noticed() {
    let server = |fault| Planted { server: Some(fault), ..Planted::default() };
    expect_noticed(server(ServerFault::BlindUpdate), 60, Some(3));
    expect_noticed(server(ServerFault::BlindRemove), 60, Some(3));
    expect_noticed(server(ServerFault::ForgetsKeys), 60, Some(1));
}

#[test]
fn a_shell_that_is_careless_with_the_disk_is_noticed() {
    let shell = |fault| Planted { shell: Some(fault), ..Planted::default() };
    expect_noticed(shell(ShellFault::BlindInstall), 60, Some(3));
    expect_noticed(shell(ShellFault::ErrorsAreEmpty), 60, None);
    expect_noticed(shell(ShellFault::SendsWhatIsThere), 60, Some(2));
}

#[test]
fn an_engine_without_its_rules_is_noticed() {
    use sync_engine::Fault;
    let engine = |fault| Planted { engine: Some(fault), ..Planted::default() };
    expect_noticed(engine(Fault::NoIntents), 60, Some(1));
    expect_noticed(engine(Fault::NoBookkeepingBeforePull), 100, Some(1));
    expect_noticed(engine(Fault::DeletionAtFirstLook), 60, None);
    expect_noticed(engine(Fault::NoPullAfterRefusal), 60, Some(3));
    expect_noticed(engine(Fault::FailedIsDone), 60, None);
}

#[test]
fn a_planner_without_its_rules_is_noticed() {
    use planner::rule::Fault;
    for fault in [Fault::DeleteBeatsEdit, Fault::NoBookkeeping, Fault::SurvivorLosesItsParent] {
        let engine = Some(sync_engine::Fault::Planner(fault));
        expect_noticed(Planted { engine, ..Planted::default() }, 60, None);
    }
}

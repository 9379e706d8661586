//! Every procedure, with a user acting once or twice between any two of its primitives.

use crate::world::{
    Act, Procedure, Script, World, assert_nothing_lost, bytes_at, fingerprint, look, perform,
};
use filesystem::Outcome;
use filesystem::fake::FakeOptions;

fn kinds() -> [FakeOptions; 3] {
    let usual = FakeOptions::default();
    [usual, FakeOptions { exchange: false, ..usual }, FakeOptions { insensitive: true, ..usual }]
}

fn check(world: &World, procedure: Procedure, script: &Script) {
    let world = world.fork();
    let run = perform(&world, script, procedure);
    if script.is_empty() {
        assert!(matches!(run.outcome, Ok(Outcome::Done { .. })), "{procedure:?} undisturbed: {run:?}");
    }
    assert_nothing_lost(&world, script, &run, &procedure);
}

#[test]
fn an_undisturbed_procedure_does_what_it_says() {
    for options in kinds() {
        let world = World::new(options);
        for procedure in Procedure::ALL {
            check(&world, procedure, &Vec::new());
        }
    }
}

#[test]
fn one_act_of_a_user_at_any_moment_loses_nothing() {
    for options in kinds() {
        let world = World::new(options);
        for procedure in Procedure::ALL {
            for step in world.steps(procedure) {
                for act in Act::ALL {
                    check(&world, procedure, &vec![(step, act)]);
                }
            }
        }
    }
}

#[test]
fn two_acts_of_a_user_at_any_two_moments_lose_nothing() {
    let [usual, no_exchange, _] = kinds();
    let all = [Procedure::Install, Procedure::Remove, Procedure::Move];
    for (options, procedures) in [(usual, &all[..]), (no_exchange, &all[..1])] {
        let world = World::new(options);
        for procedure in procedures.iter().copied() {
            let steps = world.steps(procedure);
            // Undoing takes more primitives than doing.
            let end = steps.end + 8;
            for first in steps {
                for second in first..end {
                    for one in Act::ALL {
                        for other in Act::ALL {
                            check(&world, procedure, &vec![(first, one), (second, other)]);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_save_at_any_moment_of_an_install_leaves_the_save_in_place() {
    let world = World::new(FakeOptions::default());
    for step in world.steps(Procedure::Install) {
        for act in [Act::Save, Act::WriteInPlace, Act::RenameOver] {
            let world = world.fork();
            let script = vec![(step, act)];
            let run = perform(&world, &script, Procedure::Install);
            assert_eq!(bytes_at(&world.disk, "d/plan").as_deref(), Some("<word0>"), "{script:?} {run:?}");
        }
    }
}

#[test]
fn three_saves_at_any_moments_of_an_install_lose_nothing() {
    let world = World::new(FakeOptions::default());
    let steps = world.steps(Procedure::Install);
    let saves = [Act::Save, Act::WriteInPlace, Act::RenameAwayAndWrite];
    let end = steps.end + 10;
    for first in steps {
        for second in first..end {
            for third in second..end {
                for acts in 0..27 {
                    let act = |place: usize| saves[acts / 3_usize.pow(place as u32) % 3];
                    let script = vec![(first, act(0)), (second, act(1)), (third, act(2))];
                    let world = world.fork();
                    let run = perform(&world, &script, Procedure::Install).forgiving();
                    assert_nothing_lost(&world, &script, &run, &"three saves");
                }
            }
        }
    }
}

#[test]
fn a_file_opened_for_writing_at_any_moment_stays_in_its_place() {
    let world = World::new(FakeOptions::default());
    for procedure in [Procedure::Install, Procedure::Remove] {
        for step in world.steps(procedure) {
            let world = world.fork();
            let script = vec![(step, Act::OpenAndWriteLater)];
            let run = perform(&world, &script, procedure);
            let plan = bytes_at(&world.disk, "d/plan");
            // Opened too late, there is nothing to open any more.
            let was_opened = run.wrote();
            assert!(
                plan.is_some_and(|text| text == "<word0>") == was_opened,
                "{procedure:?} {script:?} {run:?}"
            );
        }
    }
}

#[test]
fn a_move_moves_the_expected_node_or_none() {
    let world = World::new(FakeOptions::default());
    let node = fingerprint(&world.disk, "d/plan").handle;
    for step in world.steps(Procedure::Move) {
        for act in [Act::Save, Act::RenameOver, Act::RenameAwayAndWrite, Act::ReplaceByDirectory] {
            let world = world.fork();
            let run = perform(&world, &vec![(step, act)], Procedure::Move);
            let moved = look(&world.disk, "d/moved").map(|entry| entry.fingerprint.handle);
            let is_done = matches!(run.outcome, Ok(Outcome::Done { .. }));
            assert_eq!(moved, is_done.then(|| node.clone()), "{step} {act:?} {run:?}");
        }
    }
}

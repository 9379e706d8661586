//! Every procedure, with a user acting once or twice between any two of its primitives.

use crate::world::{Act, Procedure, Script, World, assert_nothing_lost, bytes_at, perform};
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
    for options in &kinds()[..2] {
        let world = World::new(*options);
        for procedure in [Procedure::Install, Procedure::Remove, Procedure::Move] {
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

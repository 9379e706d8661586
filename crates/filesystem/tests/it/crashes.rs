//! Every procedure, failing or stopped at any of its primitives, alone and with a user.

use crate::world::{Act, Procedure, World, assert_nothing_lost, bytes_at, contents, perform, tend};
use filesystem::ErrorKind;
use filesystem::fake::{FakeOptions, Fault};

const FAULTS: [Fault; 4] =
    [Fault::Fail(ErrorKind::Io), Fault::FailAfter(ErrorKind::Io), Fault::Halt, Fault::HaltAfter];

fn kinds() -> [FakeOptions; 2] {
    [FakeOptions::default(), FakeOptions { exchange: false, ..FakeOptions::default() }]
}

#[test]
fn a_failure_or_kill_at_any_primitive_loses_nothing_and_leaves_nothing_behind() {
    for options in kinds() {
        let world = World::new(options);
        for procedure in Procedure::ALL {
            for step in world.steps(procedure) {
                for fault in FAULTS {
                    let world = world.fork();
                    world.disk.fail_at(step, fault);
                    let run = perform(&world, &Vec::new(), procedure);
                    world.disk.restart_program();
                    assert_nothing_lost(&world, &Vec::new(), &run, &(procedure, step, fault));
                    assert_whole(&world, procedure, options);
                }
            }
        }
    }
}

/// Before or after, nothing between; and no copies that nobody needs.
fn assert_whole(world: &World, procedure: Procedure, options: FakeOptions) {
    let plan = bytes_at(&world.disk, "d/plan");
    let all = contents(&world.disk);
    match procedure {
        Procedure::Install if options.exchange => {
            assert!(matches!(plan.as_deref(), Some("old" | "new")), "{plan:?}");
            assert_eq!(all.len(), 1, "{all:?}");
        }
        // Without exchange nothing may be there for a moment; the old one is in the trash then.
        Procedure::Install | Procedure::Remove => assert!(all.len() <= 1, "{all:?}"),
        Procedure::InstallNew => {
            assert_eq!(plan.as_deref(), Some("old"));
            assert!(matches!(bytes_at(&world.disk, "d/fresh").as_deref(), None | Some("new")));
        }
        Procedure::Move | Procedure::Attributes => assert_eq!(all, ["old"]),
        Procedure::RemoveDirectory => assert_eq!(plan.as_deref(), Some("old")),
    }
}

#[test]
fn a_kill_at_any_primitive_while_a_user_acts_loses_nothing() {
    for options in kinds() {
        let world = World::new(options);
        for procedure in Procedure::ALL {
            let steps = world.steps(procedure);
            for stop in steps.clone() {
                for at in steps.start..=stop {
                    for act in Act::ALL {
                        for fault in FAULTS {
                            let world = world.fork();
                            world.disk.fail_at(stop, fault);
                            let script = vec![(at, act)];
                            let run = perform(&world, &script, procedure);
                            world.disk.restart_program();
                            assert_nothing_lost(&world, &script, &run, &(procedure, stop, fault));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_loss_of_power_at_any_primitive_leaves_the_old_or_the_new() {
    let world = World::new(FakeOptions::default());
    for procedure in Procedure::ALL {
        for step in world.steps(procedure) {
            for seed in 0..50 {
                let world = world.fork();
                world.disk.fail_at(step, Fault::HaltAfter);
                let run = perform(&world, &Vec::new(), procedure);
                world.disk.restart_machine(seed);
                assert_nothing_lost(&world, &Vec::new(), &run, &(procedure, step, seed));
                assert_whole(&world, procedure, FakeOptions::default());
            }
        }
    }
}

#[test]
fn what_was_synced_after_a_procedure_survives_a_loss_of_power() {
    use crate::world::path;
    use filesystem::Disk as _;
    for seed in 0..50 {
        let world = World::new(FakeOptions::default());
        world.run(Procedure::Install).unwrap();
        world.disk.sync_directories(&[path("d")]).unwrap();
        world.disk.restart_machine(seed);
        tend(&world.disk);
        assert_eq!(bytes_at(&world.disk, "d/plan").as_deref(), Some("new"));
    }
}

use crate::world::{World, at};
use auth::{Refused, permit};
use metadata::account::Subject;
use model::permit::{Manage, Read, Write};
use model::{Action, Denied, FolderId, Origin, Principal, Privilege};

fn denied<T>(result: Result<T, Refused>) -> Option<Denied> {
    match result {
        Ok(_) => None,
        Err(Refused::Denied(denied)) => Some(denied),
        Err(Refused::Database(error)) => panic!("{error}"),
    }
}

fn ask(world: &World, user: model::UserId, folder: FolderId) -> [Option<Denied>; 3] {
    let principal = Principal { user, device: None, from: Origin::Inside };
    world.read(move |snapshot| {
        Ok([
            denied(permit::<Read>(snapshot, principal, folder, Action::Read, at(5))),
            denied(permit::<Write>(snapshot, principal, folder, Action::Write, at(5))),
            denied(permit::<Manage>(snapshot, principal, folder, Action::Manage, at(5))),
        ])
    })
}

const HIDDEN: Option<Denied> = Some(Denied::Hidden);
const FORBIDDEN: Option<Denied> = Some(Denied::Forbidden);

#[test]
fn the_highest_privilege_counts_and_none_wins() {
    let world = World::new();
    let (alice, docs) = (world.user("alice", false), world.folder("docs"));
    assert_eq!(ask(&world, alice, docs), [HIDDEN; 3]);
    let group = world.write(move |transaction| {
        let group = transaction.create_group("staff", &auth::account::name_key("staff").unwrap())?;
        transaction.add_member(group, alice)?;
        transaction.set_grant(docs, Subject::Group(group), Some(Privilege::Write))?;
        transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Read))?;
        Ok(group)
    });
    assert_eq!(ask(&world, alice, docs), [None, None, FORBIDDEN]);
    world.write(move |transaction| transaction.set_grant(docs, Subject::User(alice), Some(Privilege::None)));
    assert_eq!(ask(&world, alice, docs), [HIDDEN; 3]);
    world.write(move |transaction| {
        transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Read))?;
        transaction.remove_member(group, alice)
    });
    assert_eq!(ask(&world, alice, docs), [None, FORBIDDEN, FORBIDDEN]);
}

#[test]
fn an_administrator_manages_what_exists_and_reads_nothing_for_that() {
    let world = World::new();
    let (root, docs) = (world.user("root", true), world.folder("docs"));
    assert_eq!(ask(&world, root, docs), [HIDDEN, HIDDEN, None]);
    assert_eq!(ask(&world, root, FolderId(docs.0 + 1)), [HIDDEN; 3], "a folder that is not there");
}

#[test]
fn a_device_of_somebody_else_proves_nothing() {
    let world = World::new();
    let (alice, bob, docs) = (world.user("alice", false), world.user("bob", false), world.folder("docs"));
    let linked = world.link("bob", "correct horse", "192.0.2.1", at(1)).unwrap();
    world.write(move |transaction| transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Read)));
    let ask = |user, device| {
        let principal = Principal { user, device: Some(device), from: Origin::Inside };
        world.read(move |snapshot| Ok(denied(permit::<Read>(snapshot, principal, docs, Action::Read, at(2)))))
    };
    assert_eq!(ask(alice, linked.device), HIDDEN);
    assert_eq!(ask(bob, linked.device), HIDDEN);
    let own = world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    assert_eq!(ask(alice, own.device), None);
}

use crate::world::{World, at};
use auth::app_password::{self, NewAppPassword};
use auth::{Rights, TokenDigest};
use metadata::account::{Scope, Subject};
use model::permit::Read;
use model::{Action, DeviceId, FolderId, Origin, Principal, Privilege, UserId};
use std::sync::Arc;

fn make(
    world: &World,
    user: UserId,
    privilege: Privilege,
    folders: Option<Vec<FolderId>>,
) -> (DeviceId, TokenDigest) {
    world.write(move |transaction| {
        let new = NewAppPassword {
            by: Principal { user, device: None, from: Origin::Inside },
            address: None,
            name: "program".to_owned(),
            scope: Scope { privilege, folders },
            days: 1,
            now: at(1),
        };
        let (id, token) = app_password::create(transaction, &new).unwrap();
        Ok((id, token.digest()))
    })
}

#[test]
fn memory_and_database_limit_app_passwords_alike_and_never_beyond_the_account() {
    let world = World::new();
    let rights = Arc::new(Rights::default());
    let (docs, other, absent) = (world.folder("docs"), world.folder("other"), FolderId(99));
    let (alice, root) = (world.user("alice", false), world.user("root", true));
    world.write(move |transaction| {
        transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Manage))?;
        transaction.set_grant(other, Subject::User(alice), Some(Privilege::Read))?;
        transaction.set_grant(docs, Subject::User(root), Some(Privilege::Manage))
    });
    for (user, privilege, folders) in [
        (alice, Privilege::Read, None),
        (alice, Privilege::Write, None),
        (alice, Privilege::Write, Some(vec![other])),
        (alice, Privilege::Read, Some(vec![docs])),
        (root, Privilege::Write, None),
    ] {
        let (device, digest) = make(&world, user, privilege, folders.clone());
        let known = Arc::clone(&rights);
        let session = world
            .read(move |snapshot| known.look_up_session(snapshot, digest, Origin::Inside, at(2)))
            .unwrap();
        assert!(!session.administrator);
        let principal = Principal { user, device: Some(device), from: Origin::Inside };
        for (folder, action) in
            [docs, other, absent].into_iter().flat_map(|folder| Action::ALL.map(|action| (folder, action)))
        {
            let generation = world.read(|snapshot| snapshot.rights_generation());
            let remembered = rights.permit::<Read>(generation, principal, folder, action, at(2)).unwrap();
            let (asked, own) = world.read(move |snapshot| {
                let may =
                    |principal| auth::permit::<Read>(snapshot, principal, folder, action, at(2)).is_ok();
                Ok((may(principal), may(Principal { user, device: None, from: Origin::Inside })))
            });
            assert_eq!(remembered.is_ok(), asked, "{principal:?} {folder} {action:?}");
            assert!(own || !asked, "more than the account: {folder} {action:?}");
            let in_scope = folders.as_ref().is_none_or(|folders| folders.contains(&folder));
            let expected = own && in_scope && action.least_privilege() <= privilege;
            assert_eq!(asked, expected, "{privilege} {folders:?}: {folder} {action:?}");
        }
    }
}

#[test]
fn an_app_password_that_is_revoked_or_over_reaches_nothing() {
    let world = World::new();
    let docs = world.folder("docs");
    let alice = world.user("alice", false);
    world.write(move |transaction| transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Read)));
    let (device, digest) = make(&world, alice, Privilege::Read, None);
    let known = |now| world.read(move |snapshot| auth::authenticate(snapshot, digest, at(now))).is_some();
    assert!(known(86_400) && !known(86_401));
    let by = Principal { user: alice, device: None, from: Origin::Inside };
    let revoke =
        |by| world.write(move |transaction| app_password::revoke(transaction, by, None, device, at(3)));
    assert!(!revoke(Principal { user: UserId(77), device: None, from: Origin::Inside }), "somebody else's");
    assert!(revoke(by) && !revoke(by));
    assert!(!known(4));
    let facts = world.read(move |snapshot| {
        snapshot.facts(Principal { user: alice, device: Some(device), from: Origin::Inside }, docs, at(4))
    });
    assert!(!facts.active);
}

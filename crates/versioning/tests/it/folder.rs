//! Folders as their administrators see them.

use crate::world::{NOW, World, error_of};
use metadata::account::Subject;
use metadata::folder::FolderKind;
use model::permit::Manage;
use model::{Action, Denied, Privilege};
use versioning::Error;
use versioning::folder::{Authority, Create, all, create, grant, named, set, visible};

#[test]
fn folders_are_made_found_and_seen_by_those_who_may() {
    let world = World::new();
    let database = &*world.database;
    let bob = world.person("bob");
    let home = Create { kind: FolderKind::Home, owner: Some(bob.user), ..Create::shared("Bob's \u{e9}") };
    let home = create(database, home, NOW).unwrap();
    assert_eq!(named(database, "BOB'S E\u{301}").unwrap().id, home);
    assert!(matches!(error_of(named(database, "nothing")), Error::NotFound(_)));
    assert!(matches!(error_of(create(database, Create::shared("DOCS"), NOW)), Error::NameTaken));
    for bad in ["", "..", ".hidden", "a/b", "a\\b", " a", "a\n", &"x".repeat(129)] {
        assert!(matches!(error_of(create(database, Create::shared(bad), NOW)), Error::Invalid(_)), "{bad:?}");
    }
    let seen = |user| {
        let folders = visible(database, user, model::Origin::Inside).unwrap();
        folders.into_iter().map(|(folder, privilege)| (folder.id, privilege)).collect::<Vec<_>>()
    };
    assert_eq!(seen(bob.user), [(home, Privilege::Manage)]);
    assert_eq!(seen(world.alice.user), [(world.folder, Privilege::Write)]);
    assert_eq!(all(database).unwrap().len(), 2);
}

#[test]
fn managers_set_and_grant_but_do_not_give_away_the_bill() {
    let world = World::new();
    let database = &*world.database;
    let bob = world.person("bob");
    assert_eq!(world.permit::<Manage>(world.alice, Action::Manage).err(), Some(Denied::Forbidden));
    world.grant(world.alice, Some(Privilege::Manage));
    let authority = Authority::Manager(world.permit::<Manage>(world.alice, Action::Manage).unwrap());
    grant(database, authority, world.folder, Subject::User(bob.user), Some(Privilege::Read), NOW).unwrap();
    assert!(world.permit::<model::permit::Read>(bob, Action::Read).is_ok());
    let owner = Some(bob.user);
    let folder = set(
        database,
        authority,
        world.folder,
        move |settings| {
            settings.owner = owner;
            settings.name = "Papers".into();
        },
        NOW,
    )
    .unwrap();
    assert_eq!((folder.settings.owner, folder.settings.name.as_str()), (None, "Papers"));
    assert_eq!(named(database, "papers").unwrap().id, world.folder);
    let nobody = Subject::User(model::UserId(99));
    let granted = grant(database, authority, world.folder, nobody, Some(Privilege::Read), NOW);
    assert!(matches!(error_of(granted), Error::NotFound(_)));
    let other = create(database, Create::shared("other"), NOW).unwrap();
    let granted = grant(database, authority, other, Subject::User(bob.user), Some(Privilege::Read), NOW);
    assert!(matches!(error_of(granted), Error::NotFound(_)), "the permit is for another folder");
    world.grant(world.alice, Some(Privilege::Read));
    let late = grant(database, authority, world.folder, Subject::User(bob.user), None, NOW);
    assert!(matches!(error_of(late), Error::Denied(Denied::Forbidden)), "withdrawn in between");
    let taken = set(database, Authority::Administrator, other, |s| s.name = "PAPERS".into(), NOW);
    assert!(matches!(error_of(taken), Error::NameTaken));
}

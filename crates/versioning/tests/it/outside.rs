//! What the server's own monitor finds in plain directories.

use crate::world::{NOW, World, applied, create_directory, create_file, error_of, one, update};
use metadata::folder::FolderSettings;
use metadata::version::VersionOrigin;
use model::permit::Write;
use model::{Action, Denied, NodeId, Permit, Principal, UserId};
use versioning::{Authors, Commit, Error, commit, folder, history};

const ROOT: NodeId = NodeId::ROOT;

/// Gives the folder a plain directory, or takes it away.
fn mirror(world: &World, directory: Option<&'static str>) {
    let change = move |settings: &mut FolderSettings| {
        settings.plain_directory = directory.map(|path| path.as_bytes().to_vec());
    };
    folder::set(&*world.database, folder::Authority::Administrator, world.folder, change, NOW).unwrap();
}

fn servers(world: &World) -> Permit<Write> {
    world.permit(Principal::SERVER, Action::Write).unwrap()
}

#[test]
fn outside_changes_are_of_origin_outside_and_their_owners() {
    let world = World::new();
    mirror(&world, Some("/srv/docs"));
    let bob = world.person("bob");
    let received = world.store(&[b"one", b"two"]);
    let groups = vec![
        one(create_file(0, ROOT, "bob's", "one")),
        one(create_file(1, ROOT, "nobody's", "two")),
        one(create_directory(2, ROOT, "directory")),
    ];
    let authors = Authors::Named(vec![bob.user, UserId::SERVER, bob.user]);
    let request = Commit { permit: servers(&world), authors, received, ..world.plain(groups) };
    let answer = commit(&*world.database, request).unwrap();
    let nodes: Vec<NodeId> = answer.outcomes.iter().map(|outcome| applied(outcome)[0]).collect();
    for (node, user) in [(nodes[0], bob.user), (nodes[1], UserId::SERVER)] {
        let version = history::versions(&*world.database, world.may_read(), node, NOW).unwrap().remove(0);
        assert_eq!((version.origin, version.user, version.device), (VersionOrigin::Outside, user, None));
    }
    for (node, user) in [(nodes[0], bob.user), (nodes[1], UserId::SERVER), (nodes[2], bob.user)] {
        let place = history::placements(&*world.database, world.may_read(), node, NOW).unwrap().remove(0);
        assert_eq!((place.user, place.device), (user, None));
    }
    // Alice goes on with it as with any other file.
    world.each(vec![update(nodes[0], world.revision(nodes[0]).version, "three")], &["three"]);
    let newest = history::versions(&*world.database, world.may_read(), nodes[0], NOW).unwrap().remove(0);
    assert_eq!((newest.origin, newest.user), (VersionOrigin::Commit, world.alice.user));
    world.assert_sound();
}

#[test]
fn the_server_speaks_only_where_a_plain_directory_is() {
    let world = World::new();
    assert_eq!(world.permit::<Write>(Principal::SERVER, Action::Write).err(), Some(Denied::Hidden));
    mirror(&world, Some("/srv/docs"));
    let permit = servers(&world);
    assert_eq!(world.permit::<Write>(Principal::SERVER, Action::Manage).err(), Some(Denied::Forbidden));
    mirror(&world, None);
    let late = Commit { permit, ..world.plain(vec![one(create_directory(0, ROOT, "d"))]) };
    assert!(matches!(error_of(commit(&*world.database, late)), Error::Denied(Denied::Hidden)));
    assert_eq!(world.paths(), Vec::<String>::new());
}

#[test]
fn only_the_server_speaks_for_others_and_for_those_who_exist() {
    let world = World::new();
    mirror(&world, Some("/srv/docs"));
    let bob = world.person("bob");
    let create = || vec![one(create_directory(0, ROOT, "d"))];
    let named = |authors: Vec<UserId>| Authors::Named(authors);
    let forged = Commit { authors: named(vec![bob.user]), ..world.plain(create()) };
    assert!(matches!(error_of(commit(&*world.database, forged)), Error::Denied(Denied::Forbidden)));
    for authors in [vec![], vec![bob.user, bob.user], vec![UserId(99)]] {
        let permit = servers(&world);
        let bad = Commit { permit, authors: named(authors), ..world.plain(create()) };
        assert!(matches!(error_of(commit(&*world.database, bad)), Error::Invalid(_)));
    }
    assert_eq!(world.paths(), Vec::<String>::new());
}

#[test]
fn keys_of_the_server_are_its_own() {
    let world = World::new();
    mirror(&world, Some("/srv/docs"));
    let request = |text: &str| Commit {
        permit: servers(&world),
        key: model::IdempotencyKey([7; 16]),
        ..world.plain(vec![one(create_directory(0, ROOT, text))])
    };
    let first = commit(&*world.database, request("a")).unwrap();
    let again = commit(&*world.database, request("a")).unwrap();
    assert_eq!((first.repeated, again.repeated, &first.outcomes), (false, true, &again.outcomes));
    let key = model::IdempotencyKey([7; 16]);
    let alices = Commit { key, ..world.plain(vec![one(create_directory(0, ROOT, "b"))]) };
    assert!(!commit(&*world.database, alices).unwrap().repeated);
    assert_eq!(world.paths(), ["a", "b"]);
}

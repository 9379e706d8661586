//! Space, to the byte.

use crate::world::{NOW, World, applied, create, manifest, one, remove, text, update};
use metadata::{Error as MetadataError, write};
use model::{Content, FolderId, NodeId, NodeRef};
use versioning::retention::plan::DAY_NS;
use versioning::space::{Space, of_all, of_folder};
use versioning::{Commit, commit, folder};

const ROOT: NodeId = NodeId::ROOT;

impl World {
    fn space(&self) -> Space {
        let one = of_folder(&*self.database, self.may_read(), NOW).unwrap();
        // However small the table, the result is the same.
        for at_once in [1, 2, 1000] {
            let all = of_all(&*self.database, at_once).unwrap();
            let same = all.folders.iter().find(|(id, _)| *id == self.folder).unwrap().1;
            assert_eq!(Space { elsewhere_bytes: 0, ..same }, one);
        }
        one
    }

    /// A file of several chunks.
    fn big_file(&self, name: &str, parts: &[&[u8]]) -> NodeId {
        let big = manifest(parts);
        let content = Content::File { id: big.content(), size: big.size() };
        let received = self.store(parts);
        let plain = self.plain(vec![one(create(0, NodeRef::Id(ROOT), name, content))]);
        let answer = commit(&*self.database, Commit { received, manifests: vec![big], ..plain }).unwrap();
        applied(&answer.outcomes[0])[0]
    }

    fn second_folder(&self) -> FolderId {
        let id = folder::create(&*self.database, folder::Create::shared("other"), NOW).unwrap();
        let subject = metadata::account::Subject::User(self.alice.user);
        let privilege = Some(model::Privilege::Write);
        folder::grant(&*self.database, folder::Authority::Administrator, id, subject, privilege, NOW)
            .unwrap();
        id
    }
}

#[test]
fn every_byte_is_where_it_belongs() {
    let world = World::new();
    assert_eq!(world.space(), Space::default());
    let a = world.file(ROOT, "a", "12345");
    world.file(ROOT, "same bytes", "12345");
    world.each(vec![update(a, world.revision(a).version, "1234567")], &["1234567"]);
    let b = world.file(ROOT, "b", "gone");
    world.each(vec![remove(b, world.revision(b))], &[]);
    // Two files that share two of their chunks.
    world.big_file("big", &[b"part one", b"part two", b"part three"]);
    world.big_file("big too", &[b"part one", b"part two", b"other"]);
    let space = world.space();
    assert_eq!(space.current_bytes, 7 + 5 + 26 + 21);
    assert_eq!(space.current_bytes, world.row().counters.used_bytes, "what quotas go by");
    assert_eq!((space.history_bytes, space.trash_bytes, space.trash_nodes), (5, 4, 1));
    assert_eq!(space.stored_bytes, 5 + 7 + 4 + 8 + 8 + 10 + 5);
    assert_eq!(space.shared_bytes(), 5 + 16);
    assert_eq!(space.versions, 6);
}

#[test]
fn attributes_take_nothing_and_an_empty_file_takes_nothing() {
    let world = World::new();
    let a = world.file(ROOT, "a", "12345");
    world.file(ROOT, "empty", "");
    let chmod = model::Operation::Attributes {
        node: a,
        base: world.revision(a).version,
        executable: true,
        mtime: NOW,
    };
    world.each(vec![chmod], &[]);
    let space = world.space();
    assert_eq!((space.versions, space.current_bytes, space.history_bytes, space.stored_bytes), (2, 5, 0, 5));
}

#[test]
fn what_retention_takes_is_counted_no_more() {
    let world = World::new();
    let authority = folder::Authority::Administrator;
    let one_day = |settings: &mut metadata::folder::FolderSettings| settings.keep_days = Some(1);
    folder::set(&*world.database, authority, world.folder, one_day, NOW).unwrap();
    let a = world.file(ROOT, "a", "12345");
    world.each(vec![update(a, world.revision(a).version, "1234567")], &["1234567"]);
    let b = world.file(ROOT, "b", "gone");
    world.each(vec![remove(b, world.revision(b))], &[]);
    let now = model::Timestamp(NOW.0 + 30 * DAY_NS);
    versioning::retention::round(&*world.database, world.folder, now, &|| true).unwrap();
    let space = world.space();
    assert_eq!((space.current_bytes, space.history_bytes, space.trash_bytes), (7, 0, 0));
    assert_eq!((space.stored_bytes, space.trash_nodes, space.versions), (7, 0, 1));
    world.assert_sound();
}

#[test]
fn administrators_see_what_folders_and_people_share() {
    let world = World::new();
    let bob = world.person("bob").user;
    world.file(ROOT, "a", "shared bytes");
    world.file(ROOT, "b", "own");
    let other = World { folder: world.second_folder(), store: world.store.clone(), ..World::new() };
    let other = World { database: world.database.clone(), alice: world.alice, ..other };
    other.keys.store(1000, std::sync::atomic::Ordering::Relaxed);
    let received = other.store(&[b"shared bytes"]);
    let group = one(create(0, NodeRef::Id(ROOT), "c", text("shared bytes")));
    commit(&*other.database, Commit { received, ..other.plain(vec![group]) }).unwrap();
    for (folder, owner) in [(world.folder, world.alice.user), (other.folder, bob)] {
        write::<_, MetadataError>(&*world.database, move |t| {
            let settings = t.folder(folder)?.unwrap().settings;
            t.set_folder(folder, &metadata::folder::FolderSettings { owner: Some(owner), ..settings })
        })
        .unwrap();
    }
    for at_once in [1, 1000] {
        let all = of_all(&*world.database, at_once).unwrap();
        let figures: Vec<_> =
            all.folders.iter().map(|(_, space)| (space.stored_bytes, space.elsewhere_bytes)).collect();
        assert_eq!((figures, all.stored_bytes), (vec![(15, 12), (12, 12)], 15));
        let users: Vec<_> =
            all.users.iter().map(|(id, space)| (*id, space.stored_bytes, space.elsewhere_bytes)).collect();
        assert_eq!(users, [(world.alice.user, 15, 12), (bob, 12, 12)]);
    }
    assert_eq!(world.space().elsewhere_bytes, 0, "who else has the same bytes is nobody's business");
}

//! Big files in several calls.

use crate::world::{NOW, World, applied, chunk_id, create, error_of, manifest, one, refused};
use model::{Action, Content, Limits, NodeId, NodeRef, Privilege, Refusal, UploadId};
use versioning::missing::missing;
use versioning::upload::{self, Open, UPLOAD_HOURS};
use versioning::{Commit, Error, commit};

const ID: UploadId = UploadId([5; 16]);

fn open() -> Open {
    Open { id: ID, node: None, base: None, size: 8 }
}

#[test]
fn an_upload_goes_on_where_it_stopped_and_ends_with_its_commit() {
    let world = World::new();
    let database = &*world.database;
    let limits = Limits::default();
    let fresh = upload::open(database, world.may_write(), open(), &limits, NOW).unwrap();
    assert_eq!(fresh.arrived, []);
    let first = world.store(&[b"part one"]);
    upload::receive(database, world.may_write(), ID, first, NOW).unwrap();
    let again = upload::open(database, world.may_write(), open(), &limits, NOW.plus_ms(1)).unwrap();
    assert_eq!(again.arrived, [chunk_id(b"part one")]);
    let ask = || {
        let chunks = vec![chunk_id(b"part one"), chunk_id(b"part two")];
        missing(database, world.may_write(), chunks, &limits, NOW).unwrap()
    };
    assert_eq!(ask(), [chunk_id(b"part two")]);
    let big = manifest(&[b"part one", b"part two"]);
    let content = Content::File { id: big.content(), size: big.size() };
    let commit_it = |received| {
        let plain = world.plain(vec![one(create(0, NodeRef::Id(NodeId::ROOT), "big", content.clone()))]);
        let request = Commit { received, manifests: vec![big.clone()], uploads: vec![ID], ..plain };
        commit(database, request).unwrap().outcomes.remove(0)
    };
    assert_eq!(refused(&commit_it(vec![])).0, Refusal::ChunkMissing);
    assert_eq!(upload::look(database, world.may_write(), ID, NOW).unwrap().arrived.len(), 1, "it goes on");
    applied(&commit_it(world.store(&[b"part two"])));
    assert!(matches!(error_of(upload::look(database, world.may_write(), ID, NOW)), Error::NotFound(_)));
    assert_eq!(ask(), [], "now the folder holds them");
    world.assert_sound();
}

#[test]
fn nobody_else_uses_what_arrived() {
    let world = World::new();
    let bob = world.person("bob");
    world.grant(bob, Some(Privilege::Write));
    let limits = Limits::default();
    upload::open(&*world.database, world.may_write(), open(), &limits, NOW).unwrap();
    upload::receive(&*world.database, world.may_write(), ID, world.store(&[b"secret"]), NOW).unwrap();
    let bobs = world.permit(bob, Action::Write).unwrap();
    let chunks = vec![chunk_id(b"secret")];
    assert_eq!(missing(&*world.database, bobs, chunks.clone(), &limits, NOW).unwrap(), chunks);
    let create = one(create(0, NodeRef::Id(NodeId::ROOT), "stolen", crate::world::text("secret")));
    let request = Commit { permit: bobs, ..world.plain(vec![create]) };
    let answer = commit(&*world.database, request).unwrap();
    assert_eq!(refused(&answer.outcomes[0]).0, Refusal::ChunkMissing);
    assert!(matches!(error_of(upload::look(&*world.database, bobs, ID, NOW)), Error::NotFound(_)));
    let took = upload::open(&*world.database, bobs, open(), &limits, NOW);
    assert!(matches!(error_of(took), Error::NotFound(_)));
    let took = upload::receive(&*world.database, bobs, ID, vec![], NOW);
    assert!(matches!(error_of(took), Error::NotFound(_)));
    upload::abandon(&*world.database, bobs, ID, NOW).unwrap();
    assert!(upload::look(&*world.database, world.may_write(), ID, NOW).is_ok(), "it is not his to end");
}

#[test]
fn uploads_have_bounds_and_end() {
    let world = World::new();
    let limits = Limits { file_bytes: 10, ..Limits::default() };
    let try_open = |open| upload::open(&*world.database, world.may_write(), open, &limits, NOW);
    assert!(matches!(error_of(try_open(Open { size: 11, ..open() })), Error::Limit { most: 10, .. }));
    try_open(open()).unwrap();
    assert!(matches!(error_of(try_open(Open { size: 9, ..open() })), Error::Invalid(_)));
    upload::receive(&*world.database, world.may_write(), ID, world.store(&[b"x"]), NOW).unwrap();
    let end = NOW.plus_ms(UPLOAD_HOURS * 3_600_000);
    assert_eq!(upload::expire(&*world.database, NOW, 10).unwrap(), 0);
    let asked = vec![chunk_id(b"x")];
    assert_eq!(missing(&*world.database, world.may_write(), asked.clone(), &limits, end).unwrap(), asked);
    assert_eq!(upload::expire(&*world.database, end, 10).unwrap(), 1);
    upload::abandon(&*world.database, world.may_write(), ID, NOW).unwrap();
    let few = Limits { chunks: 0, ..limits };
    let many = missing(&*world.database, world.may_write(), asked, &few, NOW);
    assert!(matches!(error_of(many), Error::Limit { .. }));
    world.assert_sound();
}

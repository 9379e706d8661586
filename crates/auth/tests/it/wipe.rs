//! An order to remove copies: who gives it, who hears it, and who takes it back.

use crate::world::{World, at};
use auth::wipe::{self, WipeError};
use auth::{Rights, Token};
use metadata::account::{DeviceRow, Wiped};
use model::{DeviceId, Origin, UserId};

fn laptop(world: &World, user: &str) -> (DeviceId, Token) {
    let linked = world.link(user, "correct horse", "127.0.0.1", at(1)).unwrap();
    (linked.device, linked.token)
}

fn row(world: &World, device: DeviceId) -> DeviceRow {
    world.read(move |snapshot| snapshot.device(device)).expect("it is known")
}

fn order(world: &World, device: DeviceId, by: Option<UserId>) -> Result<(), WipeError> {
    let database = &world.database as &dyn metadata::Database;
    metadata::write(database, move |transaction| wipe::order(transaction, device, by, at(5)).map(drop))
}

#[test]
fn a_token_of_a_device_that_is_to_be_wiped_hears_the_order_and_reaches_nothing() {
    let world = World::new();
    let alice = world.user("alice", false);
    let (device, token) = laptop(&world, "alice");
    let digest = token.digest();
    let hears = || world.read(move |snapshot| wipe::ordered(snapshot, digest)).is_some();
    let reaches = || {
        let rights = Rights::default();
        world.read(move |snapshot| rights.look_up_session(snapshot, digest, Origin::Inside, at(6))).is_some()
    };
    assert!(reaches() && !hears());
    order(&world, device, Some(alice)).unwrap();
    assert!(!reaches() && hears());
    assert!(wipe::is_shown(&row(&world, device), at(6)) && !row(&world, device).is_linked(at(6)));
    order(&world, device, Some(alice)).unwrap();
    assert_eq!(row(&world, device).wipe.unwrap().ordered_at, at(5), "the first order stays");
    let done = Wiped { at: at(7), removed: 3, kept: 1 };
    assert!(world.write(move |transaction| wipe::note_done(transaction, device, done)));
    assert!(!world.write(move |transaction| wipe::note_done(transaction, device, done)), "it is said once");
    assert!(!reaches() && !hears());
    order(&world, device, Some(alice)).unwrap();
    assert_eq!(row(&world, device).wipe.unwrap().done, Some(done), "what is done is not ordered anew");
    world.write(move |transaction| wipe::unlink(transaction, device, at(8)));
    assert!(matches!(order(&world, device, None), Err(WipeError::Absent)), "it was put away");
}

#[test]
fn an_owner_takes_back_what_the_owner_has_ordered_and_nothing_else() {
    let world = World::new();
    let (alice, root) = (world.user("alice", false), world.user("root", true));
    for (orders, may) in [
        (vec![Some(alice)], true),
        (vec![Some(root)], false),
        (vec![None], false),
        (vec![Some(alice), Some(root)], false),
        (vec![Some(root), Some(alice)], false),
        (vec![Some(alice), None, Some(alice)], false),
    ] {
        let (device, token) = laptop(&world, "alice");
        for by in &orders {
            order(&world, device, *by).unwrap();
        }
        assert_eq!(wipe::may_take_back(&row(&world, device)), may, "{orders:?}");
        world.write(move |transaction| wipe::unlink(transaction, device, at(6)));
        let digest = token.digest();
        assert!(world.read(move |snapshot| wipe::ordered(snapshot, digest)).is_none(), "taken back");
        assert!(!wipe::is_shown(&row(&world, device), at(6)));
    }
}

#[test]
fn what_keeps_no_copies_is_not_wiped_and_stays_linked() {
    let world = World::new();
    let alice = world.user("alice", false);
    let digest = Token::generate().unwrap().digest();
    let session = world.write(move |transaction| {
        let (name, token_hash, platform) = ("Firefox".into(), digest.0, String::new());
        let (address, expires_at) = (String::new(), Some(at(99)));
        transaction.create_session(&metadata::account::NewDevice {
            user: alice,
            name,
            token_hash,
            at: at(1),
            expires_at,
            platform,
            address,
        })
    });
    assert!(matches!(order(&world, session, Some(alice)), Err(WipeError::KeepsNothing)));
    assert!(row(&world, session).is_linked(at(6)));
    assert!(matches!(order(&world, DeviceId(99), None), Err(WipeError::Absent)));
}

//! Who becomes the first administrator.

use crate::world::{World, at};
use auth::setup::{self, SetupCode, SetupError};
use metadata::Database;
use metadata::setting::Setting;
use model::{Timestamp, UserId};
use std::net::IpAddr;

const STRANGER: &str = "203.0.113.7";
const OWNER: &str = "192.0.2.1";

fn begin(world: &World) -> Option<String> {
    setup::begin(&world.database).unwrap().map(|code| code.to_string())
}

fn is_needed(world: &World) -> bool {
    metadata::read(&world.database as &dyn Database, setup::is_needed).unwrap()
}

fn check(world: &World, code: &str, from: &str, now: Timestamp) -> Result<(), SetupError> {
    setup::check(&world.database, code, from.parse().unwrap(), now)
}

fn claim(world: &World, code: &str, user: &str) -> Result<UserId, SetupError> {
    let address: IpAddr = OWNER.parse().unwrap();
    setup::claim(&world.database, code, (user, "hash"), address, at(0))
}

#[test]
fn whoever_has_the_code_becomes_the_administrator_and_nobody_after() {
    let world = World::new();
    assert!(!is_needed(&world), "nobody began");
    let code = begin(&world).unwrap();
    assert!(is_needed(&world));
    check(&world, &code.to_lowercase(), OWNER, at(0)).unwrap();
    let id = claim(&world, &code, "alice").unwrap();
    let alice = metadata::read(&world.database as &dyn Database, move |snapshot| snapshot.user(id)).unwrap();
    assert!(alice.unwrap().administrator);
    assert!(!is_needed(&world));
    assert!(matches!(claim(&world, &code, "mallory"), Err(SetupError::Over)));
    assert!(matches!(check(&world, &code, OWNER, at(0)), Err(SetupError::Over)));
    assert_eq!(begin(&world), None, "the next start");
}

#[test]
fn a_start_makes_the_code_of_the_start_before_worthless() {
    let world = World::new();
    let (old, new) = (begin(&world).unwrap(), begin(&world).unwrap());
    assert_ne!(old, new);
    assert!(matches!(claim(&world, &old, "mallory"), Err(SetupError::Wrong)));
    assert!(matches!(check(&world, &old, STRANGER, at(0)), Err(SetupError::Wrong)));
    claim(&world, &new, "alice").unwrap();
}

#[test]
fn it_is_over_for_ever_however_the_administrator_came_and_went() {
    let world = World::new();
    world.user("bob", false);
    let code = begin(&world).unwrap();
    let alice = world.user("alice", true);
    assert!(matches!(claim(&world, &code, "mallory"), Err(SetupError::Over)));
    metadata::write(&world.database as &dyn Database, move |transaction| {
        let user = transaction.user(alice)?.unwrap();
        auth::account::remove_user(transaction, &user, at(1))
    })
    .unwrap();
    assert_eq!(begin(&world), None);

    // A database of before there was a setup.
    let world = World::new();
    world.user("alice", true);
    metadata::write(&world.database as &dyn Database, |transaction| {
        transaction.put_setting(Setting::SetupCode, &[1; 32])
    })
    .unwrap();
    assert_eq!(begin(&world), None);
    assert!(!is_needed(&world));
}

#[test]
fn guesses_are_delayed_more_and_more_and_keep_nobody_else_out() {
    let world = World::new();
    let code = begin(&world).unwrap();
    let wrong = SetupCode::generate().unwrap().to_string();
    for _ in 0..5 {
        assert!(matches!(check(&world, &wrong, STRANGER, at(0)), Err(SetupError::Wrong)));
    }
    let wait = |code: &str, now| match check(&world, code, STRANGER, now) {
        Err(SetupError::TooMany { retry_after_seconds }) => retry_after_seconds,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(&code, at(0)), 1, "the right one, too: else it could be told from the others");
    assert!(matches!(check(&world, "no code at all", STRANGER, at(1)), Err(SetupError::Wrong)));
    assert_eq!(wait(&wrong, at(1)), 2);
    check(&world, &code, OWNER, at(1)).unwrap();
    check(&world, &code, STRANGER, at(3)).unwrap();
    // What succeeded starts the count anew.
    assert!(matches!(check(&world, &wrong, STRANGER, at(3)), Err(SetupError::Wrong)));
    assert!(matches!(check(&world, &wrong, STRANGER, at(3)), Err(SetupError::Wrong)));
}

#[test]
fn of_many_claims_at_once_exactly_one_wins() {
    let world = World::new();
    let code = begin(&world).unwrap();
    let won = std::thread::scope(|scope| {
        let claims = (0..8).map(|number| {
            let (world, code) = (&world, &code);
            scope.spawn(move || claim(world, code, &format!("alice{number}")).is_ok())
        });
        let claims: Vec<_> = claims.collect();
        claims.into_iter().map(|claim| claim.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
    let users = metadata::read(&world.database as &dyn Database, |snapshot| snapshot.users()).unwrap();
    assert_eq!(users.len(), 1);
}

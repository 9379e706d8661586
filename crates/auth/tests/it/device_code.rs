//! Linking by a code that somebody approves elsewhere.

use crate::world::{World, at};
use auth::device_code::{Asking, INTERVAL_SECONDS, LIFE_SECONDS, NewCodes, Polled, Typed};
use auth::{CodeError, Codes, LinkError};
use model::{Timestamp, UserId};

const PASSWORD: &str = "correct horse";

fn ask_from(codes: &Codes, address: &str, now: Timestamp) -> Result<NewCodes, LinkError> {
    let address = Some(address.parse().unwrap());
    codes.ask(Asking { device: "laptop", platform: "linux\u{1b}[2J", address, now })
}

fn ask(codes: &Codes, now: Timestamp) -> NewCodes {
    ask_from(codes, "192.0.2.7", now).unwrap()
}

fn poll(world: &World, codes: &Codes, new: &NewCodes, now: Timestamp) -> Result<Polled, CodeError> {
    codes.poll(&world.database, &new.device_code.text(), Some("192.0.2.7".parse().unwrap()), now)
}

fn typed(user: UserId, code: &str, now: Timestamp) -> Typed<'_> {
    let principal = model::Principal { user, device: None, from: model::Origin::Inside };
    Typed { principal, address: Some("198.51.100.1".parse().unwrap()), code, now }
}

fn seconds(count: u64) -> i64 {
    i64::try_from(count).unwrap()
}

#[test]
fn an_approved_device_gets_a_token_once() {
    let (world, codes) = (World::new(), Codes::default());
    let alice = world.user("alice", false);
    let new = ask(&codes, at(0));
    assert!(matches!(
        poll(&world, &codes, &new, at(1)),
        Ok(Polled::Waiting { interval_seconds: INTERVAL_SECONDS, remaining_seconds: 599 })
    ));
    let code = new.user_code.to_string().to_lowercase();
    let seen = codes.look(&world.database, typed(alice, &code, at(2))).unwrap();
    assert_eq!(
        (seen.device.as_str(), seen.platform.as_str()),
        ("laptop", "linux[2J"),
        "no control characters"
    );
    assert_eq!(seen.address, Some("192.0.2.7".parse().unwrap()));
    codes.approve(&world.database, &world.hasher, typed(alice, &code, at(2)), PASSWORD).unwrap();
    assert!(codes.waiting(at(3)).is_empty(), "it waits for nobody any more");
    let Polled::Linked { linked, user } = poll(&world, &codes, &new, at(6)).unwrap() else {
        panic!("it was approved")
    };
    assert_eq!((linked.user, user.as_str()), (alice, "alice"));
    let digest = linked.token.digest();
    let session = world.read(move |snapshot| auth::authenticate(snapshot, digest, at(7))).unwrap();
    assert_eq!(session.principal.device, Some(linked.device));
    assert!(matches!(poll(&world, &codes, &new, at(12)), Err(CodeError::Unknown)), "used once");
    let rows = world.read(|snapshot| snapshot.audit(0, 10));
    let seen: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.allowed)).collect();
    assert_eq!(seen, [("device.approve", true), ("device.link", true)]);
    assert!(rows[1].details.contains(&("by".to_owned(), "code".to_owned())));
}

#[test]
fn a_denied_device_is_told_so_and_gets_nothing() {
    let (world, codes) = (World::new(), Codes::default());
    let alice = world.user("alice", false);
    let new = ask(&codes, at(0));
    codes.deny(&world.database, typed(alice, &new.user_code.to_string(), at(1))).unwrap();
    let again = codes.approve(
        &world.database,
        &world.hasher,
        typed(alice, &new.user_code.to_string(), at(1)),
        PASSWORD,
    );
    assert!(matches!(again, Err(CodeError::Unknown)), "decided once");
    assert!(matches!(poll(&world, &codes, &new, at(5)), Ok(Polled::Denied)));
    assert!(world.read(move |snapshot| snapshot.devices(alice)).is_empty());
}

#[test]
fn nobody_approves_without_the_password_of_the_account() {
    let (world, codes) = (World::new(), Codes::default());
    let alice = world.user("alice", false);
    let new = ask(&codes, at(0));
    let code = new.user_code.to_string();
    let wrong = codes.approve(&world.database, &world.hasher, typed(alice, &code, at(1)), "wrong");
    assert!(matches!(wrong, Err(CodeError::Link(LinkError::Wrong))));
    assert!(matches!(poll(&world, &codes, &new, at(5)), Ok(Polled::Waiting { .. })));
    for _ in 0..4 {
        codes.approve(&world.database, &world.hasher, typed(alice, &code, at(6)), "wrong").unwrap_err();
    }
    let after = codes.approve(&world.database, &world.hasher, typed(alice, &code, at(6)), PASSWORD);
    assert!(matches!(after, Err(CodeError::Link(LinkError::TooMany { .. }))), "{after:?}");
}

#[test]
fn a_code_ends_after_ten_minutes() {
    let (world, codes) = (World::new(), Codes::default());
    let alice = world.user("alice", false);
    let new = ask(&codes, at(0));
    let code = new.user_code.to_string();
    let end = seconds(LIFE_SECONDS);
    assert!(codes.find(&code, at(end - 1)).is_some());
    let late = codes.approve(&world.database, &world.hasher, typed(alice, &code, at(end)), PASSWORD);
    assert!(matches!(late, Err(CodeError::Unknown)));
    assert!(matches!(poll(&world, &codes, &new, at(end)), Err(CodeError::Unknown)));
}

#[test]
fn who_polls_too_often_is_slowed_down() {
    let (world, codes) = (World::new(), Codes::default());
    let new = ask(&codes, at(0));
    assert!(matches!(poll(&world, &codes, &new, at(0)), Ok(Polled::Waiting { .. })));
    assert!(matches!(poll(&world, &codes, &new, at(2)), Err(CodeError::TooSoon { retry_after_seconds: 10 })));
    assert!(matches!(poll(&world, &codes, &new, at(7)), Err(CodeError::TooSoon { retry_after_seconds: 15 })));
    let Polled::Waiting { interval_seconds, .. } = poll(&world, &codes, &new, at(22)).unwrap() else {
        panic!("in time")
    };
    assert_eq!(interval_seconds, 15);
    assert!(poll(&world, &codes, &new, at(10)).is_ok(), "a clock that was set back is nobody's haste");
}

#[test]
fn guesses_are_slowed_down_and_right_ones_buy_no_wrong_ones() {
    let (world, codes) = (World::new(), Codes::default());
    let (alice, bob) = (world.user("alice", false), world.user("bob", false));
    let own = ask(&codes, at(0)).user_code.to_string();
    let guess = |user, code: &str| codes.look(&world.database, typed(user, code, at(1)));
    for _ in 0..5 {
        assert!(matches!(guess(alice, "BBBB-BBBB"), Err(CodeError::Unknown)));
        let _ = guess(alice, &own);
    }
    assert!(matches!(guess(alice, "BBBB-BBBC"), Err(CodeError::Link(LinkError::TooMany { .. }))));
    guess(bob, &own).unwrap();
    let failed = world.read(|snapshot| snapshot.audit(0, 20));
    assert!(failed.iter().all(|row| row.action == "device.code" && !row.allowed) && failed.len() == 5);
}

#[test]
fn polls_with_made_up_codes_are_slowed_down_by_network() {
    let (world, codes) = (World::new(), Codes::default());
    let poll =
        |code: &str, address: &str| codes.poll(&world.database, code, Some(address.parse().unwrap()), at(1));
    for guess in 0..50 {
        assert!(matches!(poll("drl_code_00", &format!("192.0.2.{guess}")), Err(CodeError::Unknown)));
    }
    assert!(matches!(poll("", "192.0.2.9"), Err(CodeError::Link(LinkError::TooMany { .. }))));
    assert!(matches!(poll("", "198.51.100.9"), Err(CodeError::Unknown)));
}

#[test]
fn codes_are_bounded_by_network_and_in_all_and_make_room_when_they_end() {
    let codes = Codes::default();
    for _ in 0..20 {
        ask_from(&codes, "192.0.2.7", at(0)).unwrap();
    }
    let Err(LinkError::TooMany { retry_after_seconds }) = ask_from(&codes, "192.0.2.99", at(100)) else {
        panic!("one more of the same network")
    };
    assert_eq!(retry_after_seconds, 500);
    for network in 0..49 {
        for _ in 0..20 {
            ask_from(&codes, &format!("10.0.{network}.1"), at(1)).unwrap();
        }
    }
    assert!(matches!(ask_from(&codes, "198.51.100.1", at(2)), Err(LinkError::TooMany { .. })));
    assert_eq!(codes.waiting(at(2)).len(), 1_000);
    ask_from(&codes, "198.51.100.1", at(seconds(LIFE_SECONDS))).unwrap();
}

#[test]
fn an_account_that_is_disabled_meanwhile_links_nothing() {
    let (world, codes) = (World::new(), Codes::default());
    let alice = world.user("alice", false);
    let new = ask(&codes, at(0));
    let waiting = codes.find(&new.user_code.to_string(), at(1)).unwrap();
    codes.settle(&waiting, Some(alice), at(1)).unwrap();
    world.write(move |transaction| {
        let mut user = transaction.user(alice)?.unwrap();
        user.disabled = true;
        transaction.set_user(&user)
    });
    assert!(matches!(poll(&world, &codes, &new, at(5)), Ok(Polled::Denied)));
    assert!(world.read(move |snapshot| snapshot.devices(alice)).is_empty());
}

#[test]
fn what_a_stranger_says_of_itself_does_not_look_like_something_else() {
    let codes = Codes::default();
    let platform = "linux      192.168.1.7\t2026 \u{202e}moc\u{2028}x";
    let asking = Asking { device: "laptop", platform, address: None, now: at(0) };
    codes.ask(asking).unwrap();
    assert_eq!(codes.waiting(at(0))[0].platform, "linux 192.168.1.7 2026 moc x");
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_kept() {
    let codes = Codes::default();
    for device in ["", " laptop", "lap\ntop", "lap\u{202e}top", &"x".repeat(65)] {
        let asking = Asking { device, platform: "linux", address: None, now: at(0) };
        assert!(matches!(codes.ask(asking), Err(LinkError::BadDeviceName)), "{device:?}");
    }
    assert!(codes.waiting(at(0)).is_empty());
}

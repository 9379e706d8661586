use crate::world::{World, at};
use auth::second_factor::{self, SecondFactor};
use auth::sign_in::{LinkAttempt, Opened};
use auth::{EnrolmentError, Factors, LinkError, Linked, OpeningKind, SealKey, SecondStepError, Token, totp};
use model::{Origin, Timestamp, UserId};
use std::sync::Arc;

const HERE: &str = "192.0.2.1";

/// Somebody with a second factor: the app's secret, and recovery codes.
struct Alice {
    world: World,
    user: UserId,
    secret: Vec<u8>,
    codes: Vec<String>,
}

impl Alice {
    fn new() -> Self {
        let world = World::new();
        let user = world.user("alice", true);
        let (secret, codes) = enrol(&world, user, 0).unwrap();
        Self { world, user, secret, codes }
    }

    fn code(&self, seconds: i64) -> String {
        totp::code_at(&self.secret, at(seconds))
    }

    fn link(&self, code: &str, seconds: i64) -> Result<Linked, LinkError> {
        self.world.link_with("alice", "correct horse", Some(code), HERE, at(seconds))
    }

    /// The password alone, by a browser.
    fn begin(&self, seconds: i64) -> String {
        let opening = self.world.opening(OpeningKind::Session, HERE, at(seconds));
        let attempt = LinkAttempt { user: "alice", password: "correct horse", code: None, opening };
        let world = &self.world;
        match auth::open_session(&world.database, &world.hasher, &world.factors, attempt).unwrap() {
            Opened::SecondStep(step) => step.token.text(),
            Opened::Linked(_) => panic!("the password alone opened a session"),
        }
    }

    fn finish(&self, pending: &str, code: &str, seconds: i64) -> Result<Linked, SecondStepError> {
        let opening = self.world.opening(OpeningKind::Session, HERE, at(seconds));
        let factors = &self.world.factors;
        factors.pending.finish(&self.world.database, &factors.key, pending, code, opening)
    }

    fn state(&self) -> Option<SecondFactor> {
        let user = self.user;
        self.world.read(move |snapshot| second_factor::state(snapshot, user))
    }
}

fn enrol(world: &World, user: UserId, seconds: i64) -> Result<(Vec<u8>, Vec<String>), EnrolmentError> {
    let secret = world.factors.enrolments.begin(user, at(seconds)).unwrap().to_vec();
    let code = totp::code_at(&secret, at(seconds));
    confirm(world, user, &code, seconds).map(|codes| (secret, codes))
}

fn confirm(world: &World, user: UserId, code: &str, seconds: i64) -> Result<Vec<String>, EnrolmentError> {
    let (factors, code) = (Arc::clone(&world.factors), code.to_owned());
    world.write(move |transaction| {
        factors.enrolments.confirm(transaction, &factors.key, user, &code, at(seconds))
    })
}

fn is_wrong_code<T>(result: &Result<T, LinkError>) -> bool {
    matches!(result, Err(LinkError::WrongCode))
}

#[test]
fn the_second_factor_is_on_once_the_app_has_shown_a_code_and_not_before() {
    let world = World::new();
    let alice = world.user("alice", false);
    assert!(matches!(confirm(&world, alice, "000000", 0), Err(EnrolmentError::NotBegun)));
    let secret = world.factors.enrolments.begin(alice, at(0)).unwrap();
    let late = totp::code_at(&secret, at(901));
    assert!(matches!(confirm(&world, alice, &late, 901), Err(EnrolmentError::NotBegun)), "its time is over");
    world.link("alice", "correct horse", HERE, at(902)).expect("the password is still enough");

    let (_, codes) = enrol(&world, alice, 1_000).unwrap();
    assert_eq!(codes.len(), second_factor::RECOVERY_CODES);
    let alone = world.link("alice", "correct horse", HERE, at(1_001));
    assert!(matches!(alone, Err(LinkError::SecondFactorNeeded)), "{alone:?}");
    assert!(matches!(enrol(&world, alice, 1_002), Err(EnrolmentError::Already)), "not by whoever comes next");
    // Whoever does not know the password learns nothing of the second factor.
    assert!(matches!(world.link("alice", "wrong", HERE, at(1_003)), Err(LinkError::Wrong)));
}

#[test]
fn a_code_links_a_device_once() {
    let alice = Alice::new();
    let code = alice.code(60);
    assert_eq!(alice.link(&code, 60).unwrap().user, alice.user);
    assert!(is_wrong_code(&alice.link(&code, 61)), "replayed");
    assert!(is_wrong_code(&alice.link(&alice.code(30), 61)), "older than the last one used");
    assert!(is_wrong_code(&alice.link("000000", 62)) || alice.code(62) == "000000");
    alice.link(&alice.code(90), 63).expect("the clock of the app is half a minute ahead");
    assert!(is_wrong_code(&alice.link(&alice.code(300), 120)), "far ahead");
}

#[test]
fn the_code_that_turned_it_on_signs_nobody_in() {
    let alice = Alice::new();
    assert!(is_wrong_code(&alice.link(&alice.code(0), 1)));
}

#[test]
fn a_recovery_code_is_good_once_and_no_code_is_stored_as_it_was_given() {
    let alice = Alice::new();
    alice.link(&alice.codes[3].to_uppercase(), 60).unwrap();
    assert!(is_wrong_code(&alice.link(&alice.codes[3], 61)));
    assert_eq!(alice.state().unwrap().recovery_codes, 9);
    alice.link(&alice.codes[4].replace('-', ""), 62).unwrap();
    let user = alice.user;
    let stored = alice.world.read(move |snapshot| snapshot.credentials(user));
    for secret in stored.iter().map(|row| &row.secret) {
        assert!(!secret.windows(alice.secret.len()).any(|window| window == alice.secret));
        assert!(!alice.codes.iter().any(|code| code.replace('-', "").as_bytes() == secret));
    }
}

#[test]
fn guesses_at_codes_are_slowed_down_by_account_and_kept_in_the_database() {
    let alice = Alice::new();
    for _ in 0..5 {
        assert!(is_wrong_code(&alice.link("aaaa-aaaa-aaaa-aaaa", 60)));
    }
    let right = alice.link(&alice.code(60), 60);
    assert!(matches!(right, Err(LinkError::TooMany { retry_after_seconds: 1 })), "{right:?}");
    let stored = alice.world.read(|snapshot| snapshot.failures("second:u1"));
    assert_eq!(stored.unwrap().count, 5);
    alice.link(&alice.code(61), 61).expect("the delay is over");
    assert_eq!(alice.world.read(|snapshot| snapshot.failures("second:u1")), None);
}

#[test]
fn a_pending_sign_in_opens_nothing_but_the_second_step() {
    let alice = Alice::new();
    let pending = alice.begin(60);
    assert!(pending.starts_with("drl_pnd_"));
    assert!(Token::parse(&pending).is_none() && auth::token::bearer(&pending).is_none());
    let user = alice.user;
    assert!(alice.world.read(move |snapshot| snapshot.devices(user)).is_empty(), "no device, no session");

    let linked = alice.finish(&pending, &alice.code(61), 61).unwrap();
    let digest = linked.token.digest();
    assert!(alice.world.read(move |snapshot| auth::authenticate(snapshot, digest, at(62))).is_some());
    let again = alice.finish(&pending, &alice.code(95), 95);
    assert!(matches!(again, Err(SecondStepError::Unknown)), "it is good once");
}

#[test]
fn a_pending_sign_in_ends_after_five_minutes_five_tries_or_another_password() {
    let alice = Alice::new();
    let unknown = |result| matches!(result, Err(SecondStepError::Unknown));
    let pending = alice.begin(60);
    assert!(unknown(alice.finish(&pending, &alice.code(360), 360)), "too late");
    assert!(unknown(alice.finish("drl_pnd_00", &alice.code(360), 360)), "no token");

    let pending = alice.begin(400);
    for second in 0..5 {
        let wrong = alice.finish(&pending, "aaaa-aaaa-aaaa-aaaa", 400 + second);
        assert!(matches!(wrong, Err(SecondStepError::Link(LinkError::WrongCode))), "{wrong:?}");
    }
    assert!(unknown(alice.finish(&pending, &alice.code(460), 460)), "too many tries");

    let pending = alice.begin(2_000);
    let (user, hash) = (alice.user, alice.world.hasher.hash("another horse").unwrap());
    alice.world.write(move |transaction| auth::account::set_password(transaction, user, &hash, at(2_001)));
    assert!(unknown(alice.finish(&pending, &alice.code(2_002), 2_002)), "begun with the old password");
}

#[test]
fn many_pending_sign_ins_of_an_account_make_room_for_each_other() {
    let alice = Alice::new();
    let first = alice.begin(60);
    let others: Vec<_> = (61..66).map(|second| alice.begin(second)).collect();
    assert!(matches!(alice.finish(&first, &alice.code(70), 70), Err(SecondStepError::Unknown)));
    alice.finish(&others[0], &alice.code(70), 70).unwrap();
}

#[test]
fn a_server_without_its_key_takes_recovery_codes_alone() {
    let alice = Alice::new();
    let other = Factors::new(SealKey::new(&[2; 32]));
    let link = |code: &str, seconds| {
        let opening = alice.world.opening(OpeningKind::Device, HERE, at(seconds));
        let attempt = LinkAttempt { user: "alice", password: "correct horse", code: Some(code), opening };
        auth::link_device(&alice.world.database, &alice.world.hasher, &other, attempt)
    };
    assert!(matches!(link(&alice.code(60), 60), Err(LinkError::KeyLost)));
    link(&alice.codes[0], 61).unwrap();
}

#[test]
fn an_administrator_may_have_to_have_a_second_factor_to_be_one() {
    let world = World::new();
    let root = world.user("root", true);
    let linked = world.link("root", "correct horse", HERE, at(0)).unwrap();
    let digest = linked.token.digest();
    let administers =
        || world.read(move |snapshot| auth::authenticate(snapshot, digest, at(1))).unwrap().administrator;
    assert!(administers());
    let generation = || world.read(|snapshot| snapshot.rights_generation());
    let mut last = generation();
    let mut changed = || std::mem::replace(&mut last, generation()) < generation();
    world.write(|transaction| {
        transaction.put_setting(metadata::setting::Setting::SecondFactorForAdministrators, &[1])
    });
    assert!(changed() && !administers());
    enrol(&world, root, 10).unwrap();
    assert!(changed() && administers());
    world.write(move |transaction| second_factor::remove(transaction, root));
    assert!(changed() && !administers());
    world.link("root", "correct horse", HERE, at(20)).expect("the password is enough again");
}

#[test]
fn a_session_ends_when_it_is_not_used() {
    let world = World::new();
    let day = 24 * 3_600;
    for (name, administrator, idle) in [("alice", false, 14 * day), ("root", true, day / 2)] {
        world.user(name, administrator);
        let mut opening = world.opening(OpeningKind::Session, HERE, at(0));
        opening.ends = Some(at(30 * day));
        let attempt = LinkAttempt { user: name, password: "correct horse", code: None, opening };
        let opened = auth::open_session(&world.database, &world.hasher, &world.factors, attempt).unwrap();
        let Opened::Linked(linked) = opened else { panic!("no second factor is set up") };
        let (digest, device) = (linked.token.digest(), linked.device);
        let known = |now: Timestamp| {
            world.read(move |snapshot| {
                let session = auth::authenticate(snapshot, digest, now)?;
                // The facts of every decision say the same.
                let principal =
                    model::Principal { user: linked.user, device: Some(device), from: Origin::Inside };
                let facts = snapshot.facts(principal, model::FolderId(1), now)?;
                assert_eq!(facts.active, session.is_some());
                Ok(session.is_some())
            })
        };
        assert!(known(at(idle - 1)) && !known(at(idle)), "{name}");
        world.write(move |transaction| transaction.touch_device(device, at(idle - 1), ""));
        assert!(known(at(2 * idle - 2)) && !known(at(2 * idle - 1)), "{name}");
    }
}

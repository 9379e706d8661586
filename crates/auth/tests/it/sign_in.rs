use crate::world::{World, at};
use auth::{Hasher, LinkError, Token};
use metadata::account::CredentialKind;

fn is_wrong(result: &Result<auth::Linked, LinkError>) -> bool {
    matches!(result, Err(LinkError::Wrong))
}

#[test]
fn a_linked_device_is_recognised_by_its_token_alone() {
    let world = World::new();
    let alice = world.user("alice", true);
    let linked = world.link("Alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    assert_eq!(linked.user, alice);
    let digest = Token::parse(&linked.token.text()).unwrap().digest();
    let session = world.read(move |snapshot| auth::authenticate(snapshot, digest, at(2))).unwrap();
    assert_eq!((session.principal.user, session.principal.device), (alice, Some(linked.device)));
    assert!(session.administrator);
    let other = Token::generate().unwrap().digest();
    assert_eq!(world.read(move |snapshot| auth::authenticate(snapshot, other, at(2))), None);
    let stored = world.read(move |snapshot| snapshot.device(linked.device)).unwrap();
    assert_eq!(stored.token_hash, digest.0);
}

#[test]
fn an_unknown_account_a_disabled_one_and_a_wrong_password_look_alike() {
    let world = World::new();
    world.user("alice", false);
    let bob = world.user("bob", false);
    world.write(move |transaction| {
        let mut user = transaction.user(bob)?.unwrap();
        user.disabled = true;
        transaction.set_user(&user)
    });
    for (index, (user, password)) in
        [("alice", "wrong"), ("nobody", "correct horse"), ("bob", "correct horse"), ("@x", "y")]
            .iter()
            .enumerate()
    {
        let result = world.link(user, password, &format!("10.0.{index}.1"), at(1));
        assert!(is_wrong(&result), "{user}: {result:?}");
    }
}

#[test]
fn a_token_ends_with_its_device_its_account_and_its_time() {
    let world = World::new();
    let alice = world.user("alice", false);
    let linked = world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    let digest = linked.token.digest();
    let known = |now| world.read(move |snapshot| auth::authenticate(snapshot, digest, now)).is_some();
    assert!(known(at(2)));
    let set_disabled = |disabled| {
        world.write(move |transaction| {
            let mut user = transaction.user(alice)?.unwrap();
            user.disabled = disabled;
            transaction.set_user(&user)
        });
    };
    set_disabled(true);
    assert!(!known(at(3)));
    set_disabled(false);
    assert!(known(at(4)));
    world.write(move |transaction| transaction.revoke_device(linked.device, at(5)));
    assert!(!known(at(6)));
}

#[test]
fn guesses_are_slowed_down_by_account_whether_it_exists_or_not() {
    let world = World::new();
    world.user("alice", false);
    for user in ["alice", "nobody"] {
        for attempt in 0..5 {
            let result = world.link(user, "wrong", &format!("10.{attempt}.0.1"), at(1));
            assert!(is_wrong(&result), "{result:?}");
        }
        let Err(LinkError::TooMany { retry_after_seconds }) = world.link(user, "wrong", "10.9.0.1", at(1))
        else {
            panic!("the sixth attempt at once was let through")
        };
        assert_eq!(retry_after_seconds, 1);
    }
    assert!(matches!(
        world.link("alice", "correct horse", "10.9.0.1", at(1)),
        Err(LinkError::TooMany { .. })
    ));
    world.link("alice", "correct horse", "10.9.0.1", at(3)).unwrap();
    assert!(is_wrong(&world.link("alice", "wrong", "10.9.0.1", at(3))), "success starts the count anew");
}

#[test]
fn guesses_at_many_accounts_are_slowed_down_by_network() {
    let world = World::new();
    for attempt in 0..50 {
        let result = world.link(&format!("user{attempt}"), "wrong", &format!("192.0.2.{attempt}"), at(1));
        assert!(is_wrong(&result));
    }
    assert!(matches!(world.link("another", "wrong", "192.0.2.99", at(1)), Err(LinkError::TooMany { .. })));
    assert!(is_wrong(&world.link("another", "wrong", "198.51.100.1", at(1))), "another network is free");
}

#[test]
fn a_password_stored_with_less_work_is_hashed_anew_when_it_is_shown() {
    let mut world = World::new();
    let alice = world.user("alice", false);
    world.hasher = Hasher::with_cost(128, 1).unwrap();
    world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    let credentials = world.read(move |snapshot| snapshot.credentials(alice));
    assert_eq!(credentials.len(), 1);
    assert_eq!(credentials[0].kind, CredentialKind::Password);
    assert!(String::from_utf8_lossy(&credentials[0].secret).contains("m=128,"));
}

#[test]
fn every_attempt_is_in_the_log_without_its_password() {
    let world = World::new();
    world.user("alice", false);
    let _ = world.link("alice", "s3cret guess", "192.0.2.1", at(1));
    world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    let rows = world.read(|snapshot| snapshot.audit(0, 10));
    let seen: Vec<_> =
        rows.iter().map(|row| (row.action.as_str(), row.allowed, row.address.as_str())).collect();
    assert_eq!(seen, [("device.link", false, "192.0.2.1"), ("device.link", true, "192.0.2.1")]);
    assert!(!format!("{rows:?}").contains("guess"));
}

#[test]
fn a_removed_account_leaves_nothing_to_sign_in_with_and_frees_its_name() {
    let world = World::new();
    let alice = world.user("alice", true);
    let linked = world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    world.write(move |transaction| {
        let user = transaction.user(alice)?.unwrap();
        auth::account::remove_user(transaction, &user, at(2))
    });
    let digest = linked.token.digest();
    assert_eq!(world.read(move |snapshot| auth::authenticate(snapshot, digest, at(3))), None);
    assert!(is_wrong(&world.link("alice", "correct horse", "192.0.2.1", at(3))));
    let again = world.user("alice", false);
    assert_ne!(again, alice);
    let old = world.read(move |snapshot| snapshot.user(alice)).unwrap();
    assert!(auth::account::is_removed(&old) && !old.administrator);
}

#[test]
fn nobody_signs_in_as_the_server_itself() {
    let world = World::new();
    let (alice, docs) = (world.user("alice", true), world.folder("docs"));
    assert!(alice > model::UserId::SERVER, "accounts are counted from one");
    for (index, name) in ["", "u0", "0", "server"].into_iter().enumerate() {
        assert!(is_wrong(&world.link(name, "", &format!("10.1.{index}.1"), at(1))), "{name:?}");
    }
    // Not even its own rows could make it a device: there is no such account to link one to.
    let linked = world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    let digest = linked.token.digest();
    let session = world.read(move |snapshot| auth::authenticate(snapshot, digest, at(2))).unwrap();
    assert_ne!(session.principal.user, model::UserId::SERVER);
    let permit = world.read(move |snapshot| {
        Ok(auth::permit::<model::permit::Write>(
            snapshot,
            model::Principal { device: Some(linked.device), ..model::Principal::SERVER },
            docs,
            model::Action::Write,
            at(2),
        ))
    });
    assert!(matches!(permit, Err(auth::Refused::Denied(model::Denied::Hidden))));
}

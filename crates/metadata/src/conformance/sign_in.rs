//! Sessions, app passwords, passkeys, and who administers.

use super::accounts::{new_device, user};
use super::{Open, folder, new_folder, read, write};
use crate::account::{
    CredentialKind, CredentialRow, DeviceKind, NewDevice, Scope, Subject, session_idle_seconds,
};
use crate::identity::IdentityRow;
use crate::passkey::PasskeyRow;
use crate::setting::Setting;
use crate::{Error, ErrorKind};
use model::{DeviceId, Origin, PasskeyId, Principal, Privilege, Timestamp, UserId};

pub(super) fn check(open: Open<'_>) {
    a_session_ends_when_it_is_not_used(open);
    an_app_password_is_limited_by_its_scope(open);
    an_administrator_may_need_a_second_factor(open);
    passkeys_are_kept_until_they_are_deleted(open);
    an_identity_is_one_accounts(open);
}

fn device(user: UserId, token: u8) -> NewDevice {
    new_device(user, "it".into(), [token; 32], Timestamp(1))
}

fn a_session_ends_when_it_is_not_used(open: Open<'_>) {
    let database = open();
    for (name, administrator) in [("alice", false), ("root", true)] {
        let user = user(&*database, name);
        let ns = session_idle_seconds(administrator) * 1_000_000_000;
        let token = u8::from(administrator);
        let (session, plain) = write(&*database, move |transaction| {
            let plain = transaction.create_device(&device(user, token))?;
            Ok((transaction.create_session(&device(user, token + 2))?, plain))
        });
        let active = |id: DeviceId, now: i64| {
            let principal = Principal { user, device: Some(id), from: Origin::Inside };
            read(&*database, move |snapshot| snapshot.facts(principal, model::FolderId(1), Timestamp(now)))
                .active
        };
        assert!(active(session, ns) && !active(session, ns + 1), "{name}");
        assert!(active(plain, ns + 1), "a device does not");
        write(&*database, move |transaction| transaction.touch_device(session, Timestamp(ns), ""));
        assert!(active(session, 2 * ns - 1) && !active(session, 2 * ns));
        let row = read(&*database, move |snapshot| snapshot.device(session)).expect("it is there");
        assert_eq!(row.kind, DeviceKind::Session);
    }
}

fn an_app_password_is_limited_by_its_scope(open: Open<'_>) {
    let database = open();
    let root = user(&*database, "root");
    let docs = folder(&*database);
    let other = write(&*database, |transaction| transaction.create_folder(&new_folder("other")));
    let make = |token: u8, scope: &Scope| {
        let scope = scope.clone();
        write(&*database, move |transaction| transaction.create_app_password(&device(root, token), &scope))
    };
    let grant = |privilege| {
        write(&*database, move |transaction| {
            transaction.set_grant(docs, Subject::User(root), Some(privilege))
        });
    };
    grant(Privilege::Manage);
    let everywhere = Scope { privilege: Privilege::Write, folders: None };
    let here = Scope { privilege: Privilege::Read, folders: Some(vec![docs]) };
    let elsewhere = Scope { privilege: Privilege::Write, folders: Some(vec![other]) };
    let nowhere = Scope { privilege: Privilege::Write, folders: Some(vec![]) };
    for (token, scope, held) in [
        (1, &everywhere, Privilege::Write),
        (2, &here, Privilege::Read),
        (3, &elsewhere, Privilege::None),
        (4, &nowhere, Privilege::None),
    ] {
        let id = make(token, scope);
        assert_eq!(read(&*database, move |snapshot| snapshot.scope(id)).as_ref(), Some(scope));
        let facts = || {
            let principal = Principal { user: root, device: Some(id), from: Origin::Inside };
            read(&*database, move |snapshot| snapshot.facts(principal, docs, Timestamp(9)))
        };
        assert_eq!((facts().active, facts().administrator, facts().privilege), (true, false, held));
        grant(Privilege::Read);
        assert_eq!(facts().privilege, held.min(Privilege::Read), "never more than the account");
        grant(Privilege::Manage);
    }
    let plain = write(&*database, move |transaction| transaction.create_device(&device(root, 9)));
    assert_eq!(read(&*database, move |snapshot| snapshot.scope(plain)), None);
}

fn an_administrator_may_need_a_second_factor(open: Open<'_>) {
    let database = open();
    let (alice, root) = (user(&*database, "alice"), user(&*database, "root"));
    let administers = |user| read(&*database, move |snapshot| snapshot.administers(user));
    assert!(administers(root) && !administers(alice) && !administers(UserId(99)));
    let need = |needed: u8| {
        write(&*database, move |transaction| {
            transaction.put_setting(Setting::SecondFactorForAdministrators, &[needed])
        });
    };
    need(1);
    assert!(!administers(root));
    let principal = Principal { user: root, device: None, from: Origin::Inside };
    let facts = read(&*database, move |snapshot| snapshot.facts(principal, model::FolderId(1), Timestamp(9)));
    assert!(facts.active && !facts.administrator);
    write(&*database, move |transaction| {
        let (kind, label, changed_at) = (CredentialKind::OneTime, String::new(), Timestamp(3));
        transaction.put_credential(&CredentialRow { user: root, kind, label, secret: vec![1], changed_at })
    });
    assert!(administers(root));
    write(&*database, move |transaction| transaction.delete_credential(root, CredentialKind::OneTime, ""));
    assert!(!administers(root));
    need(0);
    assert!(administers(root));
}

fn passkeys_are_kept_until_they_are_deleted(open: Open<'_>) {
    let database = open();
    let alice = user(&*database, "alice");
    let row = |credential: u8| PasskeyRow {
        id: PasskeyId(0),
        user: alice,
        credential_id: vec![credential; 20],
        handle: [7; 16],
        host: "cloud.example".into(),
        name: "key".into(),
        public_key: vec![1, 2, 3],
        created_at: Timestamp(5),
        last_used_at: None,
    };
    let make = |row: PasskeyRow| {
        crate::write::<_, Error>(&*database, move |transaction| transaction.create_passkey(&row))
            .map_err(|error| error.kind())
    };
    let (first, second) = (make(row(1)), make(row(2)));
    let (Ok(first), Ok(second)) = (first, second) else { panic!("two passkeys") };
    assert_eq!(make(row(1)), Err(ErrorKind::Conflict), "it is somebody's");
    let kept = PasskeyRow { id: first, ..row(1) };
    let listed = read(&*database, move |snapshot| snapshot.passkeys(alice));
    assert_eq!(listed, [kept.clone(), PasskeyRow { id: second, ..row(2) }]);
    let used =
        PasskeyRow { name: "phone".into(), public_key: vec![4], last_used_at: Some(Timestamp(8)), ..kept };
    let set = used.clone();
    write(&*database, move |transaction| transaction.set_passkey(&set));
    let found = read(&*database, |snapshot| snapshot.passkey_of_credential(&[1; 20]));
    assert_eq!(found, Some(used));
    write(&*database, move |transaction| transaction.delete_passkey(first));
    assert_eq!(read(&*database, |snapshot| snapshot.passkey_of_credential(&[1; 20])), None);
    assert!(read(&*database, |snapshot| snapshot.passkeys(UserId(99))).is_empty());
}

fn an_identity_is_one_accounts(open: Open<'_>) {
    let database = open();
    let (alice, bob) = (user(&*database, "alice"), user(&*database, "bob"));
    let row = |issuer: &str, subject: &str, user| IdentityRow {
        issuer: issuer.into(),
        subject: subject.into(),
        user,
        name: "Alice".into(),
        created_at: Timestamp(5),
        last_used_at: None,
    };
    let connect = |row: &IdentityRow| {
        let row = row.clone();
        crate::write::<_, Error>(&*database, move |transaction| transaction.create_identity(&row))
            .map_err(|error| error.kind())
    };
    let (here, there) = (row("https://b", "1", alice), row("https://a", "1", alice));
    assert_eq!((connect(&here), connect(&there)), (Ok(()), Ok(())));
    assert_eq!(connect(&row("https://b", "1", bob)), Err(ErrorKind::Conflict), "it is alice's");
    assert_eq!(connect(&row("https://b", "2", alice)), Err(ErrorKind::Conflict), "she has one of there");
    assert_eq!(connect(&row("https://b", "2", bob)), Ok(()));
    assert_eq!(read(&*database, move |snapshot| snapshot.identities(alice)), [there, here.clone()]);
    let used = IdentityRow { name: "A.".into(), last_used_at: Some(Timestamp(8)), ..here };
    let set = used.clone();
    write(&*database, move |transaction| transaction.set_identity(&set));
    assert_eq!(read(&*database, |snapshot| snapshot.identity("https://b", "1")), Some(used));
    assert_eq!(read(&*database, |snapshot| snapshot.identity("https://B", "1")), None, "letter for letter");
    write(&*database, |transaction| transaction.delete_identity("https://b", "1"));
    assert_eq!(read(&*database, |snapshot| snapshot.identity("https://b", "1")), None);
    assert_eq!(read(&*database, move |snapshot| snapshot.identities(bob)).len(), 1);
}

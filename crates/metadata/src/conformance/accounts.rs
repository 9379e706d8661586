//! People, groups, privileges, devices.

use super::{Open, folder, key, new_folder, read, write};
use crate::account::{CredentialKind, CredentialRow, NewDevice, NewUser, Subject, User, Wipe, Wiped};
use crate::folder::{FolderCounters, FolderSettings};
use crate::{Database, Error, ErrorKind, Transaction};
use model::{
    DeviceId, Facts, FolderId, GroupId, NodeId, Origin, Principal, Privilege, RateChoice, RateChoices, Seq,
    Timestamp, UserId,
};

pub(super) fn check(open: Open<'_>) {
    accounts_are_made_and_changed(open);
    privileges_combine_over_groups(open);
    only_active_accounts_and_devices_count(open);
    the_server_writes_where_a_folder_has_a_plain_directory(open);
    a_login_is_one_person(open);
    used_bytes_follow_the_owner(open);
    credentials_are_replaced(open);
    rights_have_a_new_generation_whenever_they_change(open);
}

pub(super) fn new_device(user: UserId, name: String, token_hash: [u8; 32], at: Timestamp) -> NewDevice {
    let (platform, address) = (String::new(), String::new());
    NewDevice { user, name, token_hash, at, expires_at: None, platform, address }
}

pub(super) fn user(database: &dyn Database, text: &'static str) -> UserId {
    let new = NewUser {
        name: text.to_owned(),
        name_key: key(text),
        administrator: text == "root",
        quota_bytes: Some(100),
        at: Timestamp(4),
    };
    write(database, move |transaction| transaction.create_user(&new))
}

fn accounts_are_made_and_changed(open: Open<'_>) {
    let database = open();
    let id = user(&*database, "alice");
    let row = read(&*database, |snapshot| snapshot.user_named(&key("alice"))).expect("she is there");
    assert_eq!((row.id, row.used_bytes, row.disabled, row.quota_bytes), (id, 0, false, Some(100)));
    let changed = User {
        name: "Al".into(),
        name_key: key("al"),
        disabled: true,
        used_bytes: 55,
        quota_bytes: None,
        system_user: Some("al".into()),
        rates: RateChoices { upload: RateChoice::To(1 << 40), download: RateChoice::Unlimited },
        ..row
    };
    let set = changed.clone();
    write(&*database, move |transaction| transaction.set_user(&set));
    let found = read(&*database, move |snapshot| snapshot.user(id));
    assert_eq!(found, Some(User { used_bytes: 0, ..changed }), "used bytes are not set here");
    user(&*database, "bob");
    let twice = crate::write::<_, Error>(&*database, |transaction| {
        let mut row = transaction.user_named(&key("bob"))?.expect("he is there");
        row.name_key = key("al");
        transaction.set_user(&row)
    });
    assert_eq!(twice.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    assert_eq!(read(&*database, |snapshot| snapshot.users()).len(), 2);
}

fn privileges_combine_over_groups(open: Open<'_>) {
    let database = open();
    let (docs, alice) = (folder(&*database), user(&*database, "alice"));
    let group = write(&*database, |transaction| transaction.create_group("Staff", &key("staff")));
    let seen = move |database: &dyn Database| {
        read(database, move |snapshot| {
            let facts = snapshot
                .facts(Principal { user: alice, device: None, from: Origin::Inside }, docs, Timestamp(9))?
                .privilege;
            let listed = snapshot.privileges(alice, Origin::Inside)?;
            assert_eq!(listed.first().map_or(Privilege::None, |of| of.1), facts, "both ways agree");
            Ok(facts)
        })
    };
    let grant = |subject, privilege| {
        write(&*database, move |transaction| transaction.set_grant(docs, subject, privilege));
    };
    assert_eq!(seen(&*database), Privilege::None);
    grant(Subject::Group(group), Some(Privilege::Write));
    assert_eq!(seen(&*database), Privilege::None, "not a member yet");
    write(&*database, move |transaction| transaction.add_member(group, alice));
    write(&*database, move |transaction| transaction.add_member(group, alice));
    assert_eq!(seen(&*database), Privilege::Write);
    grant(Subject::User(alice), Some(Privilege::Read));
    assert_eq!(seen(&*database), Privilege::Write, "the highest counts");
    grant(Subject::User(alice), Some(Privilege::Manage));
    assert_eq!(seen(&*database), Privilege::Manage);
    grant(Subject::Group(group), Some(Privilege::None));
    assert_eq!(seen(&*database), Privilege::None, "none wins");
    let grants = read(&*database, move |snapshot| snapshot.grants(docs));
    assert_eq!(grants, [(Subject::User(alice), Privilege::Manage), (Subject::Group(group), Privilege::None)]);
    assert_eq!(read(&*database, move |snapshot| snapshot.members(group)), [alice]);
    write(&*database, move |transaction| transaction.remove_member(group, alice));
    assert_eq!(seen(&*database), Privilege::Manage);
    grant(Subject::User(alice), None);
    assert_eq!(seen(&*database), Privilege::None);
    write(&*database, move |transaction| transaction.add_member(group, alice));
    assert_eq!(read(&*database, move |snapshot| snapshot.groups_of(alice)), [group]);
    write(&*database, move |transaction| transaction.delete_group(group));
    assert_eq!(read(&*database, move |snapshot| snapshot.grants(docs)), []);
    assert_eq!(read(&*database, move |snapshot| snapshot.groups_of(alice)), []);
    assert_eq!(read(&*database, |snapshot| snapshot.group_named(&key("staff"))), None);
    let missing = crate::write::<_, Error>(&*database, |transaction| transaction.delete_group(GroupId(44)));
    assert_eq!(missing.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
}

fn only_active_accounts_and_devices_count(open: Open<'_>) {
    let database = open();
    let (alice, root) = (user(&*database, "alice"), user(&*database, "root"));
    let device = write(&*database, move |transaction| {
        transaction.create_device(&NewDevice {
            user: alice,
            name: "laptop".into(),
            token_hash: [8; 32],
            at: Timestamp(1),
            expires_at: Some(Timestamp(100)),
            platform: "linux".into(),
            address: "192.0.2.1".into(),
        })
    });
    let facts = |user, device, now| {
        read(&*database, move |snapshot| {
            snapshot.facts(Principal { user, device, from: Origin::Inside }, FolderId(1), Timestamp(now))
        })
    };
    assert!(facts(alice, Some(device), 99).active);
    assert!(!facts(alice, Some(device), 100).active, "its token has ended");
    assert!(!facts(root, Some(device), 9).active, "somebody else's device");
    assert!(!facts(alice, Some(DeviceId(77)), 9).active);
    assert!(facts(alice, None, 9).active);
    assert_eq!(facts(root, None, 9), Facts { active: true, administrator: true, privilege: Privilege::None });
    assert!(!facts(UserId(99), None, 9).active);
    write(&*database, move |transaction| {
        transaction.touch_device(device, Timestamp(7), "192.0.2.7")?;
        transaction.touch_device(device, Timestamp(6), "192.0.2.6")?;
        transaction.revoke_device(device, Timestamp(8))?;
        transaction.revoke_device(device, Timestamp(9))
    });
    assert!(!facts(alice, Some(device), 9).active, "unlinked");
    let known = || {
        let row = read(&*database, move |snapshot| snapshot.device(device));
        row.map(|row| (row.platform, row.address, row.last_seen_at))
    };
    let seen = |at| Some(("linux".to_owned(), "192.0.2.7".to_owned(), Some(Timestamp(at))));
    assert_eq!(known(), seen(7), "where it was last");
    write(&*database, move |transaction| transaction.touch_device(device, Timestamp(7), ""));
    assert_eq!(known(), seen(7), "an address that is not known leaves the last one");
    let row = read(&*database, |snapshot| snapshot.device_by_token(&[8; 32])).expect("it is still known");
    assert_eq!((row.last_seen_at, row.revoked_at), (Some(Timestamp(7)), Some(Timestamp(8))));
    assert_eq!(read(&*database, move |snapshot| snapshot.device(device)), Some(row.clone()));
    assert_eq!(read(&*database, move |snapshot| snapshot.devices(alice)), [row]);
    an_order_to_wipe_is_kept_with_the_device(&*database, device);
    write(&*database, move |transaction| {
        let mut row = transaction.user(root)?.expect("root is there");
        row.disabled = true;
        transaction.set_user(&row)
    });
    assert_eq!(
        facts(root, None, 9),
        Facts { active: false, administrator: false, privilege: Privilege::None }
    );
}

fn an_order_to_wipe_is_kept_with_the_device(database: &dyn Database, device: DeviceId) {
    let generation = read(database, |snapshot| snapshot.rights_generation());
    let known = || read(database, move |snapshot| snapshot.device(device)).and_then(|row| row.wipe);
    let set = |wipe: Option<Wipe>| write(database, move |t| t.set_wipe(device, wipe.as_ref()));
    assert_eq!(known(), None);
    let by_hand = Wipe { ordered_at: Timestamp(10), ordered_by: None, done: None };
    let ordered = Wipe { ordered_by: Some(UserId(7)), ..by_hand };
    let done = Wipe { done: Some(Wiped { at: Timestamp(12), removed: u64::MAX, kept: 0 }), ..ordered };
    for wipe in [Some(by_hand), Some(ordered), Some(done), None] {
        set(wipe);
        assert_eq!(known(), wipe);
    }
    assert_eq!(read(database, |snapshot| snapshot.rights_generation()), generation, "it is no right");
    let absent = crate::write::<_, Error>(database, move |t| t.set_wipe(DeviceId(77), Some(&done)));
    assert_eq!(absent.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
}

fn the_server_writes_where_a_folder_has_a_plain_directory(open: Open<'_>) {
    let database = open();
    let alice = user(&*database, "alice");
    let without = folder(&*database);
    let with = write(&*database, |transaction| {
        let mut folder = new_folder("Mirrored");
        folder.settings.plain_directory = Some(b"/srv/mirrored".to_vec());
        transaction.create_folder(&folder)
    });
    let facts =
        |principal, folder| read(&*database, move |snapshot| snapshot.facts(principal, folder, Timestamp(9)));
    let held = |privilege| Facts { active: true, administrator: false, privilege };
    assert_eq!(facts(Principal::SERVER, with), held(Privilege::Write));
    assert_eq!(facts(Principal::SERVER, without), held(Privilege::None));
    assert_eq!(facts(Principal::SERVER, FolderId(99)), held(Privilege::None));
    assert_eq!(
        facts(Principal { user: alice, device: None, from: Origin::Inside }, with),
        held(Privilege::None)
    );
    let device = crate::write::<_, Error>(&*database, |transaction| {
        let user = UserId::SERVER;
        let (name, token_hash, at) = ("disguise".into(), [4; 32], Timestamp(1));
        transaction.create_device(&new_device(user, name, token_hash, at))
    });
    assert!(device.is_err(), "no device is the server's, so no token is");
    let disguised = Principal { device: Some(DeviceId(1)), ..Principal::SERVER };
    assert!(!facts(disguised, with).active);
    assert_eq!(read(&*database, |snapshot| snapshot.user(UserId::SERVER)), None);
}

fn a_login_is_one_person(open: Open<'_>) {
    let database = open();
    let (alice, bob) = (user(&*database, "alice"), user(&*database, "bob"));
    let map = |id: UserId, login: Option<&str>| {
        let login = login.map(str::to_owned);
        crate::write::<_, Error>(&*database, move |transaction| {
            let row = transaction.user(id)?.expect("the account is there");
            transaction.set_user(&User { system_user: login, ..row })
        })
        .map_err(|error| error.kind())
    };
    let mapped = || read(&*database, |snapshot| snapshot.system_users());
    assert_eq!(mapped(), []);
    assert_eq!(map(bob, Some("bob")), Ok(()));
    assert_eq!(map(alice, Some("al")), Ok(()));
    assert_eq!(mapped(), [("al".to_owned(), alice), ("bob".to_owned(), bob)]);
    assert_eq!(map(alice, Some("bob")), Err(ErrorKind::Conflict));
    assert_eq!(map(bob, None), Ok(()));
    assert_eq!(mapped(), [("al".to_owned(), alice)]);
}

fn used_bytes_follow_the_owner(open: Open<'_>) {
    let database = open();
    let (alice, bob) = (user(&*database, "alice"), user(&*database, "bob"));
    let mut new = new_folder("home");
    new.settings.owner = Some(alice);
    let settings = new.settings.clone();
    let home = write(&*database, move |transaction| transaction.create_folder(&new));
    let use_bytes = |used_bytes| {
        let counters = FolderCounters { head: Seq(3), next_node: NodeId(8), used_bytes, nodes: 2 };
        write(&*database, move |transaction| transaction.set_folder_counters(home, &counters));
    };
    let used = || {
        read(&*database, move |snapshot| {
            let of = |id| snapshot.user(id).map(|row| row.map_or(0, |row| row.used_bytes));
            Ok((of(alice)?, of(bob)?))
        })
    };
    use_bytes(50);
    use_bytes(30);
    assert_eq!(used(), (30, 0));
    let own = |owner| {
        let settings = FolderSettings { owner, ..settings.clone() };
        write(&*database, move |transaction| transaction.set_folder(home, &settings));
    };
    own(Some(bob));
    assert_eq!(used(), (0, 30));
    own(Some(bob));
    assert_eq!(used(), (0, 30));
    use_bytes(31);
    own(None);
    assert_eq!(used(), (0, 0));
}

fn credentials_are_replaced(open: Open<'_>) {
    let database = open();
    let alice = user(&*database, "alice");
    let credential = move |secret: &[u8]| CredentialRow {
        user: alice,
        kind: CredentialKind::Password,
        label: String::new(),
        secret: secret.to_vec(),
        changed_at: Timestamp(3),
    };
    for secret in [b"one", b"two"] {
        write(&*database, move |transaction| transaction.put_credential(&credential(secret)));
    }
    assert_eq!(read(&*database, move |snapshot| snapshot.credentials(alice)), [credential(b"two")]);
    write(&*database, move |transaction| transaction.delete_credential(alice, CredentialKind::Password, ""));
    assert_eq!(read(&*database, move |snapshot| snapshot.credentials(alice)), []);
}

fn rights_have_a_new_generation_whenever_they_change(open: Open<'_>) {
    let database = open();
    let (docs, alice) = (folder(&*database), user(&*database, "alice"));
    let group = write(&*database, |transaction| transaction.create_group("Staff", &key("staff")));
    let device = write(&*database, move |transaction| {
        let (name, token_hash, at) = ("laptop".into(), [8; 32], Timestamp(1));
        transaction.create_device(&new_device(alice, name, token_hash, at))
    });
    type Change = fn(&dyn Transaction, FolderId, UserId, GroupId, DeviceId) -> crate::Result<()>;
    let set = |change: Change| {
        let before = read(&*database, |snapshot| snapshot.rights_generation());
        write(&*database, move |transaction| change(transaction, docs, alice, group, device));
        read(&*database, |snapshot| snapshot.rights_generation()) > before
    };
    let changes: [(&str, Change); 9] = [
        ("granted", |t, docs, alice, _, _| t.set_grant(docs, Subject::User(alice), Some(Privilege::Read))),
        ("changed", |t, docs, alice, _, _| t.set_grant(docs, Subject::User(alice), Some(Privilege::None))),
        ("taken away", |t, docs, alice, _, _| t.set_grant(docs, Subject::User(alice), None)),
        ("a member more", |t, _, alice, group, _| t.add_member(group, alice)),
        ("a member less", |t, _, alice, group, _| t.remove_member(group, alice)),
        ("a group's", |t, docs, _, group, _| {
            t.set_grant(docs, Subject::Group(group), Some(Privilege::Write))
        }),
        ("the group is gone", |t, _, _, group, _| t.delete_group(group)),
        ("disabled", |t, _, alice, _, _| {
            let row = t.user(alice)?.expect("she is there");
            t.set_user(&User { disabled: true, ..row })
        }),
        ("unlinked", |t, _, _, _, device| t.revoke_device(device, Timestamp(9))),
    ];
    for (what, change) in changes {
        assert!(set(change), "{what}");
    }
    assert!(!set(|t, _, _, _, device| t.touch_device(device, Timestamp(7), "")), "seen");
    assert!(!set(|t, docs, _, _, _| {
        let counters = FolderCounters { head: Seq(4), next_node: NodeId(9), used_bytes: 55, nodes: 3 };
        t.set_folder_counters(docs, &counters)
    }));
    let before = read(&*database, |snapshot| snapshot.rights_generation());
    let undone = crate::write::<(), Error>(&*database, move |transaction| {
        transaction.set_grant(docs, Subject::User(alice), Some(Privilege::Read))?;
        Err(Error::new(ErrorKind::NotFound, "test", "changed its mind"))
    });
    assert!(undone.is_err());
    assert_eq!(read(&*database, |snapshot| snapshot.rights_generation()), before, "nothing came of it");
}

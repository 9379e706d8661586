//! What is remembered of rights answers as the database does, and never for longer than it holds.

use crate::world::{World, at};
use auth::{Rights, Token, TokenDigest};
use metadata::account::Subject;
use metadata::account::User;
use model::permit::Read;
use model::{Action, Denied, DeviceId, FolderId, Principal, Privilege, UserId};
use std::sync::Arc;

struct Alice {
    world: World,
    rights: Arc<Rights>,
    user: UserId,
    docs: FolderId,
    device: DeviceId,
    digest: TokenDigest,
}

/// Alice, who reads docs from a linked device, and everything about her remembered.
fn remembered() -> Alice {
    let world = World::new();
    let (user, docs) = (world.user("alice", false), world.folder("docs"));
    world.write(move |transaction| transaction.set_grant(docs, Subject::User(user), Some(Privilege::Read)));
    let linked = world.link("alice", "correct horse", "192.0.2.1", at(1)).unwrap();
    let digest = Token::parse(&linked.token.text()).unwrap().digest();
    let alice = Alice { world, rights: Arc::default(), user, docs, device: linked.device, digest };
    assert!(alice.shown(2).is_none(), "nothing is known yet");
    assert!(alice.look_up(2));
    assert_eq!(alice.shown(2).unwrap().principal, alice.principal());
    assert_eq!(alice.may(2), Some(None));
    alice
}

impl Alice {
    fn principal(&self) -> Principal {
        Principal { user: self.user, device: Some(self.device) }
    }

    fn generation(&self) -> u64 {
        self.world.read(|snapshot| snapshot.rights_generation())
    }

    /// Who shows her token, from memory.
    fn shown(&self, now: i64) -> Option<auth::Session> {
        self.rights.session(self.generation(), self.digest, at(now))
    }

    /// Whether the database knows her token.
    fn look_up(&self, now: i64) -> bool {
        let (rights, digest) = (Arc::clone(&self.rights), self.digest);
        self.world.read(move |snapshot| rights.look_up_session(snapshot, digest, at(now))).is_some()
    }

    /// Whether memory lets her read docs; the outer none: it does not know.
    fn may(&self, now: i64) -> Option<Option<Denied>> {
        let decided =
            self.rights.permit::<Read>(self.generation(), self.principal(), self.docs, Action::Read, at(now));
        decided.map(Result::err)
    }
}

#[test]
fn what_was_taken_away_is_not_answered_from_memory() {
    let taken: [fn(&Alice); 3] = [
        |alice| {
            let device = alice.device;
            alice.world.write(move |transaction| transaction.revoke_device(device, at(3)));
        },
        |alice| {
            let user = alice.user;
            alice.world.write(move |transaction| {
                let row = transaction.user(user)?.unwrap();
                transaction.set_user(&User { disabled: true, ..row })
            });
        },
        |alice| {
            let (docs, user) = (alice.docs, alice.user);
            alice.world.write(move |transaction| transaction.set_grant(docs, Subject::User(user), None));
        },
    ];
    for (number, take) in taken.into_iter().enumerate() {
        let alice = remembered();
        take(&alice);
        assert_eq!((alice.shown(4), alice.may(4)), (None, None), "{number}");
        // The last one leaves her the device, which is then remembered with nothing.
        assert_eq!(alice.look_up(4), number == 2);
        assert_eq!(alice.may(4), (number == 2).then_some(Some(Denied::Hidden)));
    }
}

#[test]
fn a_snapshot_of_before_does_not_bring_back_what_was_taken_away() {
    let alice = remembered();
    let (rights, digest, docs, user) = (Arc::clone(&alice.rights), alice.digest, alice.docs, alice.user);
    let old = alice.generation();
    alice.world.write(move |transaction| transaction.set_grant(docs, Subject::User(user), None));
    assert!(alice.look_up(4), "the new generation is known now");
    assert_eq!(rights.session(old, digest, at(4)), None, "and the old one no more");
    assert_eq!(alice.may(4), Some(Some(Denied::Hidden)));
}

#[test]
fn a_token_that_ends_is_not_remembered_beyond_its_end() {
    let alice = remembered();
    let (user, token) = (alice.user, [7; 32]);
    alice.world.write(move |transaction| {
        transaction
            .create_device(&metadata::account::NewDevice {
                user,
                name: "guest".into(),
                token_hash: token,
                at: at(1),
                expires_at: Some(at(10)),
                platform: String::new(),
                address: String::new(),
            })
            .map(drop)
    });
    let rights = Arc::clone(&alice.rights);
    let found = alice.world.read(move |snapshot| rights.look_up_session(snapshot, TokenDigest(token), at(9)));
    let principal = found.unwrap().principal;
    let shown = |now| alice.rights.session(alice.generation(), TokenDigest(token), at(now));
    assert!(shown(9).is_some());
    assert!(shown(10).is_none());
    assert!(alice.rights.account(alice.generation(), principal, at(9)).is_some());
    assert!(alice.rights.account(alice.generation(), principal, at(10)).is_none());
}

#[test]
fn memory_and_database_decide_alike() {
    let world = World::new();
    let rights = Rights::default();
    let (alice, root) = (world.user("alice", false), world.user("root", true));
    let folders = [world.folder("docs"), world.folder("other"), FolderId(99)];
    world.write(move |transaction| {
        transaction.set_grant(folders[0], Subject::User(alice), Some(Privilege::Write))
    });
    let devices =
        ["alice", "root"].map(|name| world.link(name, "correct horse", "192.0.2.1", at(1)).unwrap());
    let rights = Arc::new(rights);
    for (user, linked) in [alice, root].into_iter().zip(&devices) {
        let digest = linked.token.digest();
        let known = Arc::clone(&rights);
        world.read(move |snapshot| known.look_up_session(snapshot, digest, at(2))).unwrap();
        for (folder, action) in
            folders.into_iter().flat_map(|folder| Action::ALL.map(|action| (folder, action)))
        {
            // Their own device, and the other's.
            for device in [devices[0].device, devices[1].device] {
                let principal = Principal { user, device: Some(device) };
                let generation = world.read(|snapshot| snapshot.rights_generation());
                let remembered = rights.permit::<Read>(generation, principal, folder, action, at(2));
                let asked = world.read(move |snapshot| {
                    Ok(auth::permit::<Read>(snapshot, principal, folder, action, at(2)).is_ok())
                });
                if let Some(remembered) = remembered {
                    assert_eq!(remembered.is_ok(), asked, "{principal:?} {folder} {action:?}");
                } else {
                    let foreign = device != linked.device;
                    assert!(foreign || user == root && action == Action::Manage, "{principal:?} {action:?}");
                }
            }
        }
    }
}

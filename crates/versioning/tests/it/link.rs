//! Links: what strangers may do, and for how long.

use crate::world::{NOW, World, error_of, move_to, name, remove, text};
use metadata::account::{Subject, User};
use metadata::link::LinkPolicy;
use metadata::{Error as MetadataError, read, write};
use model::permit::{Read, Write};
use model::{
    Action, Denied, FolderId, LinkDenied, LinkId, LinkKind, LinkPrincipal, NodeId, Principal, Privilege,
    Timestamp,
};
use versioning::link::look::{Visit, download, offer, open};
use versioning::link::manage::{Change, Create, LinkState, Listed, change, create, revoke, set_policy};
use versioning::link::receive::{Kept, Received, receive, room};
use versioning::link::{find, permit};
use versioning::{Error, folder};

const DAY: u64 = 86_400_000;

impl World {
    /// The digest of a token that no other link has.
    fn next_token(&self) -> [u8; 32] {
        let mut token = [1; 32];
        token[..16].copy_from_slice(&self.next_key().0);
        token
    }

    fn wanted(&self, node: NodeId, kind: LinkKind) -> Create {
        Create {
            permit: self.permit(self.alice, Action::Share).unwrap(),
            token_hash: self.next_token(),
            node,
            kind,
            label: String::new(),
            password: None,
            expires_at: None,
            uses_max: None,
        }
    }

    fn link(&self, node: NodeId, kind: LinkKind) -> LinkId {
        create(&*self.database, self.wanted(node, kind), NOW).unwrap().link.id
    }

    fn stranger(&self, link: LinkId, node: NodeId, action: Action) -> Result<(), LinkDenied> {
        self.stranger_at(LinkPrincipal { link, shown: None }, node, action, NOW)
    }

    fn stranger_at(
        &self,
        who: LinkPrincipal,
        node: NodeId,
        action: Action,
        now: Timestamp,
    ) -> Result<(), LinkDenied> {
        let decided = match action.least_privilege() {
            Privilege::Write => permit::<Write>(&*self.database, who, node, action, now).map(drop),
            _ => permit::<Read>(&*self.database, who, node, action, now).map(drop),
        };
        decided.map_err(|error| match error {
            Error::Link(denied) => denied,
            other => panic!("{other:?}"),
        })
    }

    fn state(&self, link: LinkId) -> Listed {
        versioning::link::manage::one(&*self.database, self.alice, link, NOW).unwrap()
    }

    fn put(&self, link: LinkId, directory: NodeId, called: &str, bytes: &str) -> Result<Kept, Error> {
        let who = LinkPrincipal { link, shown: None };
        let file = Received {
            permit: permit::<Write>(&*self.database, who, directory, Action::Write, NOW)?,
            name: name(called),
            content: text(bytes),
            manifest: None,
            received: self.store(&[bytes.as_bytes()]),
            key: self.next_key(),
            limits: self.limits,
            now: NOW,
        };
        receive(&*self.database, file)
    }

    fn account(&self, edit: impl FnOnce(&mut User) + Send + 'static) {
        let user = self.alice.user;
        write::<_, MetadataError>(&*self.database, move |t| {
            let mut row = t.user(user)?.unwrap();
            edit(&mut row);
            t.set_user(&row)
        })
        .unwrap();
    }
}

/// A folder with nodes in every place, seen from the directory that a link is bound to.
struct Places {
    bound: NodeId,
    file: NodeId,
    deep: NodeId,
    sibling: NodeId,
    beside: NodeId,
    moved_away: NodeId,
    removed: NodeId,
    below_removed: NodeId,
    moved_in: NodeId,
}

fn places(world: &World) -> Places {
    let parent = world.directory(NodeId::ROOT, "parent");
    let bound = world.directory(parent, "bound");
    let sibling = world.directory(parent, "sibling");
    let below = world.directory(bound, "below");
    let gone = world.directory(bound, "gone");
    let places = Places {
        bound,
        file: world.file(bound, "file", "file"),
        deep: world.file(below, "deep", "deep"),
        sibling,
        beside: world.file(sibling, "beside", "beside"),
        moved_away: world.file(bound, "away", "away"),
        removed: world.file(bound, "removed", "removed"),
        below_removed: world.file(gone, "lost", "lost"),
        moved_in: world.file(sibling, "in", "in"),
    };
    let placement = |node| world.revision(node).placement;
    world.each(
        vec![
            move_to(places.moved_away, placement(places.moved_away), sibling, "away"),
            move_to(places.moved_in, placement(places.moved_in), below, "in"),
            remove(places.removed, world.revision(places.removed)),
            remove(places.below_removed, world.revision(places.below_removed)),
            remove(gone, world.revision(gone)),
        ],
        &[],
    );
    places
}

#[test]
fn every_kind_of_link_reaches_exactly_its_own_nodes() {
    let world = World::new();
    let at = places(&world);
    let parent = world.node(at.bound).parent;
    let other_folder = NodeId(9_999);
    // Node, and whether a link to read reaches it; one to put in reaches itself alone.
    let table = [
        (at.bound, true),
        (at.file, true),
        (at.deep, true),
        (at.moved_in, true),
        (at.sibling, false),
        (at.beside, false),
        (at.moved_away, false),
        (at.removed, false),
        (at.below_removed, false),
        (parent, false),
        (NodeId::ROOT, false),
        (other_folder, false),
    ];
    for kind in LinkKind::ALL {
        let link = world.link(at.bound, kind);
        for (node, is_below) in table {
            for action in Action::ALL {
                let given = match kind {
                    LinkKind::Read => matches!(action, Action::List | Action::Read),
                    LinkKind::Drop => action == Action::Write,
                };
                let reaches = match kind {
                    LinkKind::Read => is_below,
                    LinkKind::Drop => node == at.bound,
                };
                let expected = match (given, reaches) {
                    (true, true) => Ok(()),
                    (true, false) => Err(LinkDenied::Hidden),
                    (false, _) => Err(LinkDenied::Forbidden),
                };
                assert_eq!(world.stranger(link, node, action), expected, "{kind:?} {node} {action:?}");
            }
        }
        revoke(&*world.database, world.alice, link, None, NOW).unwrap();
        for (node, _) in table {
            for action in Action::ALL {
                assert_eq!(world.stranger(link, node, action), Err(LinkDenied::Hidden));
            }
        }
    }
}

#[test]
fn a_link_to_a_file_shows_nothing_but_the_file() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.file, LinkKind::Read);
    assert_eq!(world.stranger(link, at.file, Action::Read), Ok(()));
    for node in [at.bound, at.deep, at.sibling, NodeId::ROOT] {
        assert_eq!(world.stranger(link, node, Action::Read), Err(LinkDenied::Hidden));
    }
    let who = LinkPrincipal { link, shown: None };
    let seen = permit::<Read>(&*world.database, who, at.file, Action::List, NOW).unwrap();
    let opened = open(&*world.database, seen, None, 10, NOW).unwrap();
    assert_eq!(opened.way.iter().map(|seen| seen.name.as_str()).collect::<Vec<_>>(), ["file"]);
    assert!(opened.entries.is_empty());
}

#[test]
fn a_link_follows_its_node_through_moves_and_ends_in_the_trash() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.file, LinkKind::Read);
    let base = world.revision(at.file).placement;
    world.each(vec![move_to(at.file, base, at.sibling, "renamed")], &[]);
    assert_eq!(world.stranger(link, at.file, Action::Read), Ok(()));
    assert_eq!(world.state(link).path, Some(["parent", "sibling", "renamed"].map(str::to_owned).to_vec()));
    world.each(vec![remove(at.file, world.revision(at.file))], &[]);
    assert_eq!(world.stranger(link, at.file, Action::Read), Err(LinkDenied::Hidden));
    assert_eq!((world.state(link).state, world.state(link).path), (LinkState::Gone, None));
}

#[test]
fn a_link_stops_when_its_maker_could_not_make_it_any_more_and_goes_on_when_they_can() {
    let world = World::new();
    let at = places(&world);
    let links = LinkKind::ALL.map(|kind| (kind, world.link(at.bound, kind)));
    let works = |link| {
        find(&*world.database, world.state(link).link.token_hash, NOW).unwrap();
        let kind = world.state(link).link.kind;
        let action = if kind == LinkKind::Read { Action::Read } else { Action::Write };
        world.stranger(link, at.bound, action).is_ok()
    };
    for (_, link) in links {
        for held in [Some(Privilege::Read), Some(Privilege::None), None] {
            assert!(works(link));
            world.grant(world.alice, held);
            let action = Action::Read;
            assert_eq!(world.stranger(link, at.bound, action), Err(LinkDenied::Hidden), "{held:?}");
            world.grant(world.alice, Some(Privilege::Write));
        }
        world.account(|user| user.disabled = true);
        assert_eq!(world.stranger(link, at.bound, Action::Read), Err(LinkDenied::Hidden));
        world.account(|user| user.disabled = false);
        assert!(works(link));
    }
    // Being an administrator hands nothing out.
    world.account(|user| user.administrator = true);
    world.grant(world.alice, None);
    assert_eq!(world.stranger(links[0].1, at.bound, Action::Read), Err(LinkDenied::Hidden));
}

#[test]
fn the_policy_holds_for_links_that_exist_already() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Read);
    let usual =
        LinkPolicy { allowed: true, least: Privilege::Write, password_required: false, days_max: None };
    let set = |policy| set_policy(&*world.database, policy).unwrap();
    for (strict, state) in [
        (LinkPolicy { allowed: false, ..usual }, LinkState::Resting),
        (LinkPolicy { password_required: true, ..usual }, LinkState::Resting),
        (LinkPolicy { least: Privilege::Manage, ..usual }, LinkState::Lost),
    ] {
        set(strict);
        assert_eq!(world.stranger(link, at.bound, Action::Read), Err(LinkDenied::Hidden), "{strict:?}");
        assert_eq!(world.state(link).state, state);
        set(usual);
        assert_eq!(world.stranger(link, at.bound, Action::Read), Ok(()));
    }
    set(LinkPolicy { days_max: Some(7), ..usual });
    let who = LinkPrincipal { link, shown: None };
    let at_day = |days: u64| world.stranger_at(who, at.bound, Action::Read, NOW.plus_ms(days * DAY));
    assert_eq!([at_day(6), at_day(7)], [Ok(()), Err(LinkDenied::Hidden)]);
    let error = |wanted| error_of(create(&*world.database, wanted, NOW)).to_string();
    assert!(error(world.wanted(at.file, LinkKind::Read)).contains("longer"));
    let too_long = Create { expires_at: Some(NOW.plus_ms(8 * DAY)), ..world.wanted(at.file, LinkKind::Read) };
    assert!(error(too_long).contains("longer"));
    let fits = Create { expires_at: Some(NOW.plus_ms(7 * DAY)), ..world.wanted(at.file, LinkKind::Read) };
    create(&*world.database, fits, NOW).unwrap();
    set(LinkPolicy { password_required: true, ..usual });
    assert!(error(world.wanted(at.deep, LinkKind::Read)).contains("password"));
    set(LinkPolicy { allowed: false, ..usual });
    assert!(error(world.wanted(at.deep, LinkKind::Read)).contains("not allowed"));
}

#[test]
fn who_may_make_which_link() {
    let world = World::new();
    let at = places(&world);
    for (held, least, expected) in [
        (Some(Privilege::Read), Privilege::Write, [false, false]),
        (Some(Privilege::Read), Privilege::Read, [true, false]),
        (Some(Privilege::Write), Privilege::Write, [true, true]),
        (Some(Privilege::Write), Privilege::Manage, [false, false]),
        (Some(Privilege::Manage), Privilege::Manage, [true, true]),
    ] {
        world.grant(world.alice, Some(Privilege::Read));
        set_policy(
            &*world.database,
            LinkPolicy { allowed: true, least, password_required: false, days_max: None },
        )
        .unwrap();
        for (kind, expected) in LinkKind::ALL.into_iter().zip(expected) {
            world.grant(world.alice, held);
            let made = create(&*world.database, world.wanted(at.bound, kind), NOW);
            match made {
                Ok(made) => {
                    assert!(expected, "{held:?} {least:?} {kind:?}");
                    revoke(&*world.database, world.alice, made.link.id, None, NOW).unwrap();
                }
                Err(Error::Denied(Denied::Forbidden)) => {
                    assert!(!expected, "{held:?} {least:?} {kind:?}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    let error = |wanted| error_of(create(&*world.database, wanted, NOW));
    assert!(matches!(error(world.wanted(at.removed, LinkKind::Read)), Error::NotFound("node")));
    assert!(matches!(error(world.wanted(NodeId(9_999), LinkKind::Read)), Error::NotFound("node")));
    assert!(matches!(error(world.wanted(at.file, LinkKind::Drop)), Error::Invalid(_)));
    let past = Create { expires_at: Some(NOW), ..world.wanted(at.file, LinkKind::Read) };
    assert!(matches!(error(past), Error::Invalid(_)));
    let none = Create { uses_max: Some(0), ..world.wanted(at.file, LinkKind::Read) };
    assert!(matches!(error(none), Error::Invalid(_)));
}

#[test]
fn a_password_counts_until_it_is_changed() {
    let world = World::new();
    let at = places(&world);
    let wanted = Create { password: Some("one".into()), ..world.wanted(at.bound, LinkKind::Read) };
    let link = create(&*world.database, wanted, NOW).unwrap().link;
    let shown = |shown| {
        let who = LinkPrincipal { link: link.id, shown };
        world.stranger_at(who, at.bound, Action::Read, NOW)
    };
    assert_eq!(
        [shown(None), shown(Some(0)), shown(Some(1))],
        [Err(LinkDenied::Locked), Ok(()), Err(LinkDenied::Locked)]
    );
    let set = |change_to| change(&*world.database, world.alice, link.id, change_to, NOW);
    set(Change { label: Some("x".into()), ..Change::default() }).unwrap();
    assert_eq!(shown(Some(0)), Ok(()), "a label is no password");
    set(Change { password: Some(Some("two".into())), ..Change::default() }).unwrap();
    assert_eq!([shown(Some(0)), shown(Some(1))], [Err(LinkDenied::Locked), Ok(())]);
    set(Change { token_hash: Some([99; 32]), ..Change::default() }).unwrap();
    assert_eq!([shown(Some(1)), shown(Some(2))], [Err(LinkDenied::Locked), Ok(())]);
    assert!(find(&*world.database, link.token_hash, NOW).unwrap().is_none(), "the address before");
    assert!(find(&*world.database, [99; 32], NOW).unwrap().is_some());
    let stale = set(Change { revision: Some(1), label: Some("y".into()), ..Change::default() });
    assert!(matches!(error_of(stale), Error::Outdated));
    set(Change { password: Some(None), ..Change::default() }).unwrap();
    assert_eq!(shown(None), Ok(()));
}

#[test]
fn others_links_are_managers_to_change_and_administrators_only_to_revoke() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Read);
    let bob = world.person("bob");
    let label = || Change { label: Some("bob's".into()), ..Change::default() };
    let try_change = |who| change(&*world.database, who, link, label(), NOW);
    for held in [None, Some(Privilege::Read), Some(Privilege::Write)] {
        world.grant(bob, held);
        assert!(matches!(error_of(try_change(bob)), Error::NotFound("link")));
        assert!(matches!(error_of(revoke(&*world.database, bob, link, None, NOW)), Error::NotFound("link")));
    }
    world.grant(bob, Some(Privilege::Manage));
    try_change(bob).unwrap();
    let root = world.person("root");
    write::<_, MetadataError>(&*world.database, move |t| {
        let mut row = t.user(root.user)?.unwrap();
        row.administrator = true;
        t.set_user(&row)
    })
    .unwrap();
    assert!(matches!(error_of(try_change(root)), Error::Denied(Denied::Forbidden)));
    let seen = versioning::link::manage::one(&*world.database, root, link, NOW).unwrap();
    assert_eq!((seen.path, seen.is_directory), (None, false), "names of files are not theirs to see");
    let new_address = Change { token_hash: Some([77; 32]), ..Change::default() };
    assert!(matches!(
        error_of(change(&*world.database, root, link, new_address, NOW)),
        Error::Denied(Denied::Forbidden)
    ));
    revoke(&*world.database, root, link, None, NOW).unwrap();
    assert!(matches!(error_of(try_change(world.alice)), Error::NotFound("link")));
}

#[test]
fn who_lost_the_folder_is_told_nothing_of_it_and_can_still_revoke() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Read);
    world.grant(world.alice, None);
    let listed = world.state(link);
    assert_eq!((listed.path, listed.state), (None, LinkState::Lost));
    let label = Change { label: Some("x".into()), ..Change::default() };
    assert!(change(&*world.database, world.alice, link, label, NOW).is_err());
    revoke(&*world.database, world.alice, link, None, NOW).unwrap();
}

fn visit(visitor: &str, from_the_start: bool) -> Visit {
    Visit { visitor: visitor.to_owned(), from_the_start }
}

#[test]
fn a_download_counts_once_however_many_ranges_it_takes() {
    let world = World::new();
    let at = places(&world);
    let wanted = Create { uses_max: Some(2), ..world.wanted(at.bound, LinkKind::Read) };
    let link = create(&*world.database, wanted, NOW).unwrap().link.id;
    let who = LinkPrincipal { link, shown: None };
    let get_at = |visit, now| {
        let may = permit::<Read>(&*world.database, who, at.file, Action::Read, now).unwrap();
        download(&*world.database, may, visit, now).map(|got| (got.offer.size, got.file.chunks.len()))
    };
    let get = |visit| get_at(visit, NOW);
    // A range of something that was never begun is a download, too.
    assert!(get(visit("a", false)).is_ok());
    for _ in 0..5 {
        assert_eq!(get(visit("a", false)).unwrap(), (4, 1));
    }
    assert_eq!(world.state(link).link.uses, 1);
    assert!(get(visit("b", true)).is_ok());
    assert_eq!(world.state(link).link.uses, 2);
    assert_eq!(world.state(link).state, LinkState::UsedUp);
    for late in [visit("a", true), visit("c", true), visit("c", false)] {
        assert!(matches!(error_of(get(late)), Error::Link(LinkDenied::Hidden)));
    }
    assert!(get(visit("b", false)).is_ok(), "begun before it was used up");
    let tomorrow = NOW.plus_ms(25 * 3_600_000);
    assert!(matches!(error_of(get_at(visit("b", false), tomorrow)), Error::Link(LinkDenied::Hidden)));
    assert_eq!(world.stranger(link, at.bound, Action::List), Err(LinkDenied::Hidden));
    let may = permit::<Read>(&*world.database, who, at.file, Action::Read, NOW).unwrap();
    assert_eq!(offer(&*world.database, may, NOW).unwrap().size, 4);
    assert_eq!(world.state(link).link.uses, 2, "looking counts nothing");
}

#[test]
fn a_permit_does_not_outlive_what_it_was_given_for() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Read);
    let who = LinkPrincipal { link, shown: None };
    let may = permit::<Read>(&*world.database, who, at.file, Action::Read, NOW).unwrap();
    let base = world.revision(at.file).placement;
    world.each(vec![move_to(at.file, base, at.sibling, "file")], &[]);
    let hidden = |error| matches!(error, Error::Link(LinkDenied::Hidden));
    assert!(hidden(error_of(offer(&*world.database, may, NOW))));
    assert!(hidden(error_of(open(&*world.database, may, None, 10, NOW))));
    assert!(hidden(error_of(download(&*world.database, may, visit("a", true), NOW))));
}

#[test]
fn what_is_put_in_never_replaces_anything_and_is_the_links() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Drop);
    let names: Vec<String> = ["FILE", "file", "new", "new"]
        .iter()
        .enumerate()
        .map(|(index, called)| {
            let bytes = "x".repeat(index + 1);
            world.put(link, at.bound, called, &bytes).unwrap().name.as_str().to_owned()
        })
        .collect();
    assert_eq!(names, ["FILE (2)", "file (3)", "new", "new (2)"]);
    assert_eq!(world.node(at.file).content, text("file"), "what was there is as it was");
    let kept = world.put(link, at.bound, "mine", "mine").unwrap();
    let (folder, node) = (world.folder, kept.node);
    let placed = read::<_, MetadataError>(&*world.database, move |s| s.placements(folder, node)).unwrap();
    assert_eq!((placed[0].user, placed[0].device), (world.alice.user, Some(link.author())));
    assert_eq!(world.state(link).link.uses, 5);
    assert!(matches!(error_of(world.put(link, at.file, "x", "x")), Error::Link(LinkDenied::Hidden)));
    world.assert_sound();
}

#[test]
fn the_author_that_a_link_is_in_history_may_do_nothing() {
    let world = World::new();
    let at = places(&world);
    let link = world.link(at.bound, LinkKind::Drop);
    let author = Principal { user: world.alice.user, device: Some(link.author()) };
    for action in Action::ALL {
        assert_eq!(world.permit::<Read>(author, action).err(), Some(Denied::Hidden), "{action:?}");
    }
}

#[test]
fn what_is_put_in_is_held_by_quotas_and_by_the_number_of_files() {
    let world = World::new();
    let at = places(&world);
    let wanted = Create { uses_max: Some(2), ..world.wanted(at.bound, LinkKind::Drop) };
    let link = create(&*world.database, wanted, NOW).unwrap().link.id;
    let used = world.row().counters.used_bytes;
    let id = world.folder;
    write::<_, MetadataError>(&*world.database, move |t| {
        let mut settings = t.folder(id)?.unwrap().settings;
        settings.quota_bytes = Some(used + 5);
        t.set_folder(id, &settings)
    })
    .unwrap();
    let who = LinkPrincipal { link, shown: None };
    let may = permit::<Write>(&*world.database, who, at.bound, Action::Write, NOW).unwrap();
    assert_eq!(room(&*world.database, may, NOW).unwrap(), Some(5));
    assert!(matches!(error_of(world.put(link, at.bound, "big", "123456")), Error::Quota));
    assert_eq!(world.state(link).link.uses, 0, "what was refused does not count");
    world.put(link, at.bound, "a", "1").unwrap();
    world.put(link, at.bound, "b", "2").unwrap();
    assert!(matches!(error_of(world.put(link, at.bound, "c", "3")), Error::Link(LinkDenied::Hidden)));
    world.assert_sound();
}

#[test]
fn a_directory_is_listed_by_name_a_page_at_a_time() {
    let world = World::new();
    let directory = world.directory(NodeId::ROOT, "d");
    for called in ["b", "C", "a"] {
        world.file(directory, called, called);
    }
    let link = world.link(NodeId::ROOT, LinkKind::Read);
    let who = LinkPrincipal { link, shown: None };
    let may = permit::<Read>(&*world.database, who, directory, Action::List, NOW).unwrap();
    let first = open(&*world.database, may, None, 2, NOW).unwrap();
    let names = |entries: &[versioning::link::look::Seen]| {
        entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&first.way), names(&first.entries), first.more),
        (vec!["docs".to_owned(), "d".to_owned()], vec!["a".to_owned(), "b".to_owned()], true)
    );
    let after = first.entries.last().map(|entry| entry.key.clone());
    let second = open(&*world.database, may, after, 2, NOW).unwrap();
    assert_eq!((names(&second.entries), second.more), (vec!["C".to_owned()], false));
}

#[test]
fn a_folders_links_are_all_shown_to_who_manages_it_and_else_ones_own() {
    let world = World::new();
    let at = places(&world);
    let own = world.link(at.bound, LinkKind::Read);
    let bob = world.person("bob");
    let list = |who, folder: FolderId, after: u64, limit| {
        let found =
            versioning::link::manage::of_folder(&*world.database, who, folder, LinkId(after), limit, NOW);
        found.map(|found| found.into_iter().map(|listed| listed.link.id).collect::<Vec<_>>())
    };
    assert!(matches!(error_of(list(bob, world.folder, 0, 9)), Error::Denied(Denied::Hidden)));
    folder::grant(
        &*world.database,
        folder::Authority::Administrator,
        world.folder,
        Subject::User(bob.user),
        Some(Privilege::Read),
        NOW,
    )
    .unwrap();
    assert_eq!(list(bob, world.folder, 0, 9).unwrap(), []);
    assert_eq!(list(world.alice, world.folder, 0, 9).unwrap(), [own]);
    assert_eq!(list(world.alice, world.folder, own.0, 9).unwrap(), []);
    world.grant(bob, Some(Privilege::Manage));
    assert_eq!(list(bob, world.folder, 0, 9).unwrap(), [own]);
    assert!(list(bob, FolderId(99), 0, 9).is_err());
}

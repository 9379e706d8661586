//! Links.

use super::{Open, folder, key, name, read, write};
use crate::account::NewUser;
use crate::link::{LinkPolicy, LinkRow, LinksOf, NewLink};
use crate::{Database, ErrorKind};
use model::{ContentId, FolderId, LinkId, LinkKind, NameKey, NodeId, Privilege, Timestamp, UserId};

pub(super) fn check(open: Open<'_>) {
    a_link_is_found_by_its_token_and_listed_until_it_is_revoked(open);
    uses_are_counted_up_to_the_most_there_may_be(open);
    downloads_that_were_begun_are_remembered_for_a_while(open);
    the_policy_is_one_row(open);
    children_come_by_name(open);
}

fn person(database: &dyn Database) -> UserId {
    write(database, |t| {
        t.create_user(&NewUser {
            name: "Ann".to_owned(),
            name_key: NameKey("ann".into()),
            administrator: false,
            quota_bytes: None,
            at: Timestamp(1),
        })
    })
}

fn new_link(folder: FolderId, maker: UserId, token: u8) -> NewLink {
    NewLink {
        token_hash: [token; 32],
        folder,
        node: NodeId(7),
        maker,
        kind: LinkKind::Drop,
        label: "for <b>Eve</b>".to_owned(),
        password: Some("$argon2id$".to_owned()),
        expires_at: Some(Timestamp(99)),
        uses_max: Some(2),
        at: Timestamp(5),
    }
}

fn link(database: &dyn Database, id: LinkId) -> LinkRow {
    read(database, move |s| s.link(id)).expect("the link was made")
}

fn a_link_is_found_by_its_token_and_listed_until_it_is_revoked(open: Open<'_>) {
    let database = open();
    let (folder, ann) = (folder(&*database), person(&*database));
    let one = write(&*database, move |t| t.create_link(&new_link(folder, ann, 1)));
    let plain = NewLink {
        kind: LinkKind::Read,
        password: None,
        expires_at: None,
        uses_max: None,
        ..new_link(folder, ann, 2)
    };
    let two = write(&*database, move |t| t.create_link(&plain));
    let taken = crate::write(&*database, move |t| t.create_link(&new_link(folder, ann, 1)));
    assert_eq!(taken.map_err(|error: crate::Error| error.kind()), Err(ErrorKind::Conflict));
    let expected = LinkRow {
        id: one,
        token_hash: [1; 32],
        folder,
        node: NodeId(7),
        maker: ann,
        kind: LinkKind::Drop,
        label: "for <b>Eve</b>".to_owned(),
        password: Some("$argon2id$".to_owned()),
        passwords: 0,
        created_at: Timestamp(5),
        expires_at: Some(Timestamp(99)),
        uses: 0,
        uses_max: Some(2),
        used_at: None,
        revoked_at: None,
        revision: 1,
    };
    assert_eq!(link(&*database, one), expected);
    let by_token = |token: u8| read(&*database, move |s| s.link_by_token(&[token; 32])).map(|row| row.id);
    assert_eq!([by_token(1), by_token(2), by_token(3)], [Some(one), Some(two), None]);
    let listed = |of: LinksOf, after: u64, limit: usize| {
        let rows = read(&*database, move |s| s.links(of, LinkId(after), limit));
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(LinksOf::Folder(folder), 0, 9), [one, two]);
    assert_eq!(listed(LinksOf::Maker(ann), 0, 1), [one]);
    assert_eq!(listed(LinksOf::Maker(ann), one.0, 9), [two]);
    assert_eq!(listed(LinksOf::Folder(FolderId(folder.0 + 1)), 0, 9), []);

    let mut changed = expected;
    (changed.token_hash, changed.label, changed.password, changed.passwords) =
        ([9; 32], "x".to_owned(), None, 1);
    (changed.expires_at, changed.uses_max) = (None, Some(4));
    let row = changed.clone();
    write(&*database, move |t| t.set_link(&row));
    changed.revision = 2;
    assert_eq!(link(&*database, one), changed);
    assert_eq!([by_token(1), by_token(9)], [None, Some(one)]);

    write(&*database, move |t| t.revoke_link(one, Timestamp(50)).and(t.revoke_link(one, Timestamp(60))));
    assert_eq!(link(&*database, one).revoked_at, Some(Timestamp(50)));
    assert_eq!(listed(LinksOf::Folder(folder), 0, 9), [two]);
    assert_eq!(read(&*database, move |s| s.count_links(ann)), 1);
    let absent = crate::write(&*database, |t| t.revoke_link(LinkId(99), Timestamp(1)));
    assert_eq!(absent.map_err(|error: crate::Error| error.kind()), Err(ErrorKind::NotFound));
}

fn uses_are_counted_up_to_the_most_there_may_be(open: Open<'_>) {
    let database = open();
    let (folder, ann) = (folder(&*database), person(&*database));
    let id = write(&*database, move |t| t.create_link(&new_link(folder, ann, 1)));
    let used = |at| write(&*database, move |t| t.use_link(id, Timestamp(at)));
    assert_eq!([used(10), used(11), used(12)], [true, true, false]);
    let row = link(&*database, id);
    assert_eq!((row.uses, row.used_at, row.revision), (2, Some(Timestamp(11)), 1));
}

fn downloads_that_were_begun_are_remembered_for_a_while(open: Open<'_>) {
    let database = open();
    let content = ContentId([3; 32]);
    write(&*database, move |t| {
        t.put_link_download(LinkId(1), "192.0.2.7", content, Timestamp(10))?;
        t.put_link_download(LinkId(1), "192.0.2.7", content, Timestamp(20))?;
        t.put_link_download(LinkId(2), "192.0.2.7", content, Timestamp(10))
    });
    let begun = |link: u64, visitor: &'static str| {
        read(&*database, move |s| s.link_download(LinkId(link), visitor, content))
    };
    assert_eq!(begun(1, "192.0.2.7"), Some(Timestamp(20)));
    assert_eq!(begun(1, "192.0.2.8"), None);
    assert_eq!(write(&*database, |t| t.forget_link_downloads(Timestamp(20))), 1);
    assert_eq!([begun(1, "192.0.2.7"), begun(2, "192.0.2.7")], [Some(Timestamp(20)), None]);
}

fn the_policy_is_one_row(open: Open<'_>) {
    let database = open();
    let first =
        LinkPolicy { allowed: true, least: Privilege::Write, password_required: false, days_max: None };
    assert_eq!(read(&*database, |s| s.link_policy()), first);
    let strict =
        LinkPolicy { allowed: false, least: Privilege::Manage, password_required: true, days_max: Some(30) };
    write(&*database, move |t| t.set_link_policy(&strict));
    assert_eq!(read(&*database, |s| s.link_policy()), strict);
}

fn children_come_by_name(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    let rows = [(2, "b"), (3, "a"), (4, "c")].map(|(id, text)| super::file(id, 1, text, id));
    let mut gone = super::file(5, 1, "aa", 5);
    gone.deleted = true;
    write(&*database, move |t| {
        t.put_nodes(folder, &[], &rows)?;
        t.put_nodes(folder, &[], &[gone])
    });
    let page = |after: Option<&str>, limit| {
        let after = after.map(key);
        let rows = read(&*database, move |s| s.children_by_name(folder, NodeId(1), after.as_ref(), limit));
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), [name("a"), name("b")]);
    assert_eq!(page(Some("b"), 2), [name("c")]);
    assert_eq!(page(Some("c"), 2), []);
}

//! What is limited to some networks.

use super::accounts::user;
use super::{Open, folder, read, write};
use crate::account::Subject;
use model::{Network, Origin, Principal, Privilege, Purpose, Timestamp};

pub(super) fn check(open: Open<'_>) {
    what_is_not_reached_from_there_is_as_if_it_were_not_held(open);
    a_list_takes_the_place_of_the_one_before(open);
}

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().expect("it is one")).collect()
}

fn what_is_not_reached_from_there_is_as_if_it_were_not_held(open: Open<'_>) {
    let database = open();
    let root = user(&*database, "root");
    let docs = folder(&*database);
    write(&*database, move |transaction| {
        let mut account = transaction.user(root)?.expect("it is there");
        account.administrator = true;
        transaction.set_user(&account)?;
        transaction.set_grant(docs, Subject::User(root), Some(Privilege::Write))?;
        transaction.set_networks(Purpose::Administration, &networks(&["10.1.0.0/16"]))?;
        transaction.set_networks(Purpose::Folder(docs), &networks(&["10.2.0.0/16", "fd00::/8"]))
    });
    let there = |text: &str| Origin::Address(text.parse().expect("an address"));
    for (from, administrator, privilege) in [
        (Origin::Inside, true, Privilege::Write),
        (Origin::Unknown, false, Privilege::None),
        (there("10.1.0.1"), true, Privilege::None),
        (there("10.2.0.1"), false, Privilege::Write),
        (there("fd00::7"), false, Privilege::Write),
        (there("203.0.113.9"), false, Privilege::None),
    ] {
        let principal = Principal { user: root, device: None, from };
        let (facts, held) = read(&*database, move |snapshot| {
            Ok((snapshot.facts(principal, docs, Timestamp(9))?, snapshot.privileges(root, from)?))
        });
        assert_eq!((facts.administrator, facts.privilege), (administrator, privilege), "{from:?}");
        assert!(facts.active, "{from:?}");
        let expected = (privilege != Privilege::None).then_some((docs, privilege));
        assert_eq!(held, Vec::from_iter(expected), "{from:?}");
    }
}

fn a_list_takes_the_place_of_the_one_before(open: Open<'_>) {
    let database = open();
    let set = |purpose, texts: &[&str]| {
        let networks = networks(texts);
        let generation = || read(&*database, |snapshot| snapshot.rights_generation());
        let before = generation();
        write(&*database, move |transaction| transaction.set_networks(purpose, &networks));
        assert!(generation() > before, "whoever remembers rights notices");
        read(&*database, |snapshot| snapshot.reach())
    };
    let reach = set(Purpose::Guests, &["192.168.9.0/24", "10.0.0.0/8", "10.0.0.0/8"]);
    assert_eq!(reach.networks(Purpose::Guests), networks(&["10.0.0.0/8", "192.168.9.0/24"]));
    assert!(reach.networks(Purpose::Administration).is_empty());
    let reach = set(Purpose::Guests, &["fd00::/8"]);
    assert_eq!(reach.networks(Purpose::Guests), networks(&["fd00::/8"]));
    assert_eq!(set(Purpose::Guests, &[]), model::Reach::default());
}

//! What a user may not look at or write to, and may again: what waited for it goes on then, not at the next start.

use crate::bench::{Bench, actions, directory, fingerprint, is_root};
use model::{NodeId, RelativePath};
use sync_engine::{Effect, Event, Frozen, LocalOutcome, LookFailure};

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn seen_in(directory: &str) -> Event {
    Event::Hints { directories: vec![path(directory)], subtrees: Vec::new() }
}

const REFUSED: LocalOutcome = LocalOutcome::NotPossible(Frozen::Unwritable);

/// A pair with a directory `d` on both sides, where the disk has just refused to make `d/new`.
fn refused_in_d() -> Bench {
    let mut bench = Bench::in_step();
    let wanted = bench.made_there(11, NodeId::ROOT, "d");
    bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(1))));
    let wanted = bench.made_there(12, NodeId(11), "new");
    assert_eq!(actions(&wanted), 1, "{wanted:?}");
    let wanted = bench.applied(&wanted, &REFUSED);
    assert_eq!(actions(&wanted), 0, "{wanted:?}");
    bench
}

#[test]
fn what_came_while_the_replica_was_away_is_taken_in_when_it_is_back() {
    let mut bench = Bench::in_step();
    let wanted = bench.tell(seen_in(""));
    bench.list(&wanted, |_| Err(LookFailure::Offline));
    assert!(bench.status().local_offline);
    let wanted = bench.made_there(11, NodeId::ROOT, "d");
    assert_eq!(actions(&wanted), 0, "{wanted:?}");
    let wanted = bench.after_ms(2_000);
    let wanted = bench.list(&wanted, |_| Ok(Vec::new()));
    assert!(wanted.iter().any(|effect| matches!(effect, Effect::Pull(_))), "{wanted:?}");
    let wanted = bench.pulled(vec![bench.node(11, NodeId::ROOT, "d")]);
    bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(1))));
    assert!(bench.status().in_step, "{:?}", bench.status());
}

#[test]
fn what_the_disk_refused_before_the_replica_was_away_is_tried_when_it_is_back() {
    let mut bench = refused_in_d();
    bench.now = bench.now.plus_ms(1_000);
    let wanted = bench.tell(seen_in(""));
    bench.list(&wanted, |_| Err(LookFailure::Offline));
    let wanted = bench.after_ms(2_000);
    let look = |request: &sync_engine::ListRequest| {
        Ok(if is_root(request) { vec![directory("d", 1)] } else { Vec::new() })
    };
    let wanted = bench.list(&wanted, look);
    assert_eq!(actions(&wanted), 1, "{wanted:?}");
}

#[test]
fn what_the_disk_refused_is_tried_again_when_something_is_seen_at_its_directory() {
    for seen in ["", "d"] {
        let mut bench = refused_in_d();
        bench.now = bench.now.plus_ms(1_500);
        let wanted = bench.tell(seen_in(seen));
        let wanted = bench
            .list(&wanted, |request| Ok(if is_root(request) { vec![directory("d", 1)] } else { Vec::new() }));
        assert_eq!(actions(&wanted), 1, "seen in '{seen}': {wanted:?}");
        bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(2))));
        assert!(bench.status().in_step, "{:?}", bench.status());
    }
}

#[test]
fn what_was_sent_into_an_unreadable_directory_is_made_when_it_can_be_read_again() {
    let mut bench = refused_in_d();
    let unreadable = |request: &sync_engine::ListRequest| {
        if is_root(request) { Ok(vec![directory("d", 1)]) } else { Err(LookFailure::Unreadable) }
    };
    let wanted = bench.tell(seen_in("d"));
    let wanted = bench.list(&wanted, unreadable);
    assert_eq!(actions(&wanted), 0, "{wanted:?}");
    bench.made_there(13, NodeId(11), "another");
    bench.now = bench.now.plus_ms(1_500);
    let wanted = bench.tell(seen_in(""));
    let wanted = bench
        .list(&wanted, |request| Ok(if is_root(request) { vec![directory("d", 1)] } else { Vec::new() }));
    assert_eq!(actions(&wanted), 2, "{wanted:?}");
}

/// Somebody works all the time in a directory that we may not write to.
#[test]
fn a_directory_that_is_often_changed_is_not_tried_at_each_change() {
    let mut bench = refused_in_d();
    let mut tried = 0;
    for _ in 0..600 {
        bench.now = bench.now.plus_ms(100);
        let wanted = bench.tell(seen_in("d"));
        let wanted = bench.list(&wanted, |_| Ok(Vec::new()));
        let count = actions(&wanted);
        tried += count;
        if count > 0 {
            bench.applied(&wanted, &REFUSED);
        }
    }
    assert!((2..10).contains(&tried), "{tried} tries in a minute");
}

/// Each waits for itself: the one that was refused again later does not keep the other waiting.
#[test]
fn what_is_due_is_tried_though_something_else_must_wait_longer() {
    let mut bench = refused_in_d();
    bench.now = bench.now.plus_ms(10_000);
    let wanted = bench.made_there(13, NodeId::ROOT, "other");
    bench.applied(&wanted, &REFUSED);
    let wanted = bench.after_ms(7_000);
    assert_eq!(actions(&wanted), 1, "{wanted:?}");
}

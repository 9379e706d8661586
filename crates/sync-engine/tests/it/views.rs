//! A pair that wants a part of the folder.

use crate::bench::{Bench, actions, directory, fingerprint, is_root};
use model::{Entry, NodeId, Operation, RelativePath, Seq, View};
use sync_engine::{Effect, Event, IgnoreFile, ListRequest, LocalOutcome, LookFailure};

fn only(path: &str) -> View {
    View::new(NodeId::ROOT, &[path], &[]).unwrap()
}

/// A disk: the entries of each path that is asked for.
fn disk(shown: &[(&str, Vec<Entry>)]) -> impl Fn(&ListRequest) -> Result<Vec<Entry>, LookFailure> {
    let shown: Vec<(String, Vec<Entry>)> =
        shown.iter().map(|(path, entries)| ((*path).to_owned(), entries.clone())).collect();
    move |request| {
        let found = shown.iter().find(|(path, _)| *path == request.path.to_string());
        Ok(found.map(|(_, entries)| entries.clone()).unwrap_or_default())
    }
}

/// What is sent of some effects.
fn sent(effects: &[Effect]) -> Vec<Operation> {
    let commits = effects.iter().filter_map(|effect| match effect {
        Effect::Commit(commit) => Some(&commit.intent.groups),
        _ => None,
    });
    commits.flatten().flatten().map(|operation| operation.sent.clone()).collect()
}

fn everything_seen() -> Event {
    Event::Hints { directories: Vec::new(), subtrees: vec![RelativePath::root()] }
}

/// A pair that wants `in`, with `in` and `in/d` on both sides.
fn with_d_in_in() -> Bench {
    let mut bench = Bench::in_step_with(only("in"));
    let wanted = bench.made_there(10, NodeId::ROOT, "in");
    bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(1))));
    let wanted = bench.made_there(11, NodeId(10), "d");
    bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(2))));
    assert!(bench.status().in_step, "{:?}", bench.status());
    bench
}

#[test]
fn what_is_outside_is_not_sent_and_only_counted() {
    let mut bench = Bench::in_step_with(only("in"));
    let wanted = bench.tell(everything_seen());
    let wanted = bench.list(
        &wanted,
        disk(&[("", vec![directory("in", 1), directory("out", 2)]), ("out", vec![directory("deep", 3)])]),
    );
    let operations = sent(&wanted);
    assert!(
        matches!(&operations[..], [Operation::Create { name, .. }] if name.as_str() == "in"),
        "{operations:?}"
    );
    let status = bench.status();
    assert_eq!(status.excluded, 2);
    assert!(status.issues.is_empty(), "{:?}", status.issues);
}

#[test]
fn what_its_user_moves_out_is_no_deletion_and_is_itself_again_when_it_is_back() {
    let mut bench = with_d_in_in();
    let inside = || vec![directory("in", 1)];
    let both = || vec![directory("in", 1), directory("out", 5)];
    for _ in 0..3 {
        bench.now = bench.now.plus_ms(1_000);
        let wanted = bench.tell(everything_seen());
        let wanted = bench.list(&wanted, disk(&[("", both()), ("out", vec![directory("d", 2)])]));
        assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    }
    let status = bench.status();
    assert_eq!(status.issues.len(), 1, "{:?}", status.issues);
    assert_eq!(status.issues[0].0.to_string(), "out/d");
    assert!(status.in_step);
    let wanted = bench.tell(everything_seen());
    let wanted = bench.list(&wanted, disk(&[("", both()), ("in", vec![directory("d", 2)])]));
    assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    assert!(bench.status().issues.is_empty(), "{:?}", bench.status());
    // What is removed from the view itself is removed.
    let wanted = bench.tell(everything_seen());
    let mut wanted = bench.list(&wanted, disk(&[("", inside())]));
    for _ in 0..4 {
        bench.now = bench.now.plus_ms(1_000);
        wanted.extend(bench.tell(everything_seen()));
        let asked = std::mem::take(&mut wanted);
        wanted = bench.list(&asked, disk(&[("", inside())]));
        if !sent(&wanted).is_empty() {
            break;
        }
    }
    assert!(matches!(&sent(&wanted)[..], [Operation::Remove { node: NodeId(11), .. }]), "{wanted:?}");
}

#[test]
fn another_view_forgets_what_it_leaves_out_and_removes_nothing() {
    let mut bench = with_d_in_in();
    let asked = bench.begin_again(only("other"));
    assert!(asked.iter().any(|effect| matches!(effect, Effect::Pull(None))), "{asked:?}");
    let shown = [("", vec![directory("in", 1)]), ("in", vec![directory("d", 2)])];
    let wanted = bench.list(&asked, disk(&shown));
    assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    // The complete listing of the other view: nothing.
    let wanted = bench.pulled(Vec::new());
    assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    assert!(bench.status().in_step && bench.status().issues.is_empty(), "{:?}", bench.status());
    // And the first again: what is equal is adopted.
    let asked = bench.begin_again(only("in"));
    let wanted = bench.list(&asked, disk(&shown));
    assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    let nodes = vec![bench.node(10, NodeId::ROOT, "in"), bench.node(11, NodeId(10), "d")];
    let wanted = bench.pulled(nodes);
    assert!(sent(&wanted).is_empty() && actions(&wanted) == 0, "{wanted:?}");
    assert!(bench.status().in_step, "{:?}", bench.status());
}

#[test]
fn what_leaves_the_view_there_is_removed_here() {
    let mut bench = with_d_in_in();
    let wanted = bench.gone_there(11, NodeId(10), "d");
    assert_eq!(actions(&wanted), 1, "{wanted:?}");
}

#[test]
fn an_ignore_file_keeps_back_what_is_new_and_lets_it_go_when_it_changes() {
    let mut bench = Bench::in_step();
    bench.ignore = IgnoreFile::Text("build/\n".to_owned());
    let shown = || vec![directory("build", 1), directory("src", 2)];
    let wanted = bench.tell(everything_seen());
    let look = |request: &ListRequest| Ok(if is_root(request) { shown() } else { Vec::new() });
    let wanted = bench.list(&wanted, look);
    let operations = sent(&wanted);
    assert!(
        matches!(&operations[..], [Operation::Create { name, .. }] if name.as_str() == "src"),
        "{operations:?}"
    );
    // It could not be read: what it said holds.
    bench.ignore = IgnoreFile::Unknown;
    let wanted = bench.tell(everything_seen());
    bench.list(&wanted, look);
    assert!(bench.status().excluded == 1, "{:?}", bench.status());
    bench.ignore = IgnoreFile::None;
    let wanted = bench.tell(everything_seen());
    bench.list(&wanted, look);
    assert_eq!(bench.status().excluded, 0, "{:?}", bench.status());
}

#[test]
fn an_ignore_file_holds_where_another_device_renames_a_directory_above_it() {
    let mut bench = Bench::in_step();
    for (id, parent, name, handle) in [(10, NodeId::ROOT, "in", 1), (11, NodeId(10), "d", 2)] {
        let wanted = bench.made_there(id, parent, name);
        bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(handle))));
    }
    (bench.ignore, bench.ignore_in) = (IgnoreFile::Text("build/\n".to_owned()), "in");
    let wanted = bench.tell(everything_seen());
    bench.list(&wanted, disk(&[("", vec![directory("in", 1)]), ("in", vec![directory("d", 2)])]));
    let wanted = bench.made_there(10, NodeId::ROOT, "renamed");
    bench.applied(&wanted, &LocalOutcome::Done(Some(fingerprint(1))));
    bench.ignore_in = "renamed";
    let hint =
        Event::Hints { directories: vec![RelativePath::parse("renamed/d").unwrap()], subtrees: Vec::new() };
    let wanted = bench.tell(hint);
    let wanted = bench.list(&wanted, disk(&[("renamed/d", vec![directory("build", 5)])]));
    assert!(sent(&wanted).is_empty(), "{wanted:?}");
    assert_eq!(bench.status().excluded, 1, "{:?}", bench.status());
}

#[test]
fn what_is_outside_is_not_sent_either_when_it_could_not_be_read_for_a_while() {
    let mut bench = with_d_in_in();
    let look = |readable: bool| {
        move |request: &ListRequest| match request.path.to_string().as_str() {
            "" => Ok(vec![directory("in", 1), directory("out", 5)]),
            "in" => Ok(vec![directory("d", 2)]),
            "out" if !readable => Err(LookFailure::Unreadable),
            _ => Ok(Vec::new()),
        }
    };
    for readable in [false, true, true] {
        let wanted = bench.tell(everything_seen());
        let wanted = bench.list(&wanted, look(readable));
        assert!(sent(&wanted).is_empty(), "{wanted:?}");
        bench.now = bench.now.plus_ms(400_000);
    }
    assert!(bench.status().in_step, "{:?}", bench.status());
}

#[test]
fn what_this_device_made_and_another_took_out_of_the_view_is_removed_here() {
    let mut bench = Bench::in_step_with(only("in"));
    let wanted = bench.tell(everything_seen());
    let wanted = bench.list(&wanted, disk(&[("", vec![directory("in", 1)])]));
    assert_eq!(sent(&wanted).len(), 1, "{wanted:?}");
    // Others have changed something before, and something after.
    bench.committed(&wanted, 10, Seq(5), Seq(6));
    let wanted = bench.nothing_shown(Seq(7));
    assert_eq!(actions(&wanted), 1, "{wanted:?}");
}

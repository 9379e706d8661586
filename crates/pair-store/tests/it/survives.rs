use model::{
    Content, IdempotencyKey, Name, NameRule, NodeId, NodeKey, NodeRef, NodeState, Operation, RelativePath,
    RemoteNode, Revision, Seq, Timestamp,
};
use pair_store::SqliteStore;
use planner::{RemoteOperation, Triple, View};
use sync_engine::{
    Activity, ActivityKind, Cursor, Intent, IntentOperation, Memory, PairState, PairStore, Row, Why,
};

fn state(name: &str) -> NodeState {
    NodeState {
        parent: NodeKey::ROOT,
        name: Name::new(name).unwrap(),
        content: Content::Directory,
        executable: false,
        mtime: Timestamp(0),
    }
}

fn intent() -> Intent {
    let planned = RemoteOperation::Create { key: NodeKey(2), state: state("d") };
    let sent = Operation::Create {
        temporary: 0,
        parent: NodeRef::Id(NodeId::ROOT),
        name: Name::new("d").unwrap(),
        content: Content::Directory,
        executable: false,
        mtime: Timestamp(0),
    };
    Intent { key: IdempotencyKey([3; 16]), groups: vec![vec![IntentOperation { planned, sent }]] }
}

fn change(seq: u64) -> RemoteNode {
    RemoteNode {
        id: NodeId(9),
        parent: NodeId::ROOT,
        name: Name::new("n").unwrap(),
        content: Content::Link { target: Box::from(&b"\xff"[..]) },
        executable: false,
        mtime: Timestamp(5),
        revision: Revision { placement: Seq(seq), version: Seq(1) },
        seq: Seq(seq),
        deleted: false,
    }
}

#[test]
fn what_was_committed_is_there_after_reopening_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pair.db");
    let cursor = Cursor { text: "c1x".into(), seq: Seq(8) };
    let held =
        PairState { cursor: Some(cursor), epoch: Some(model::Epoch([4; 16])), view: b"a view".to_vec() };
    let key;
    {
        let mut store = SqliteStore::open(&path, NameRule::Portable).unwrap();
        key = store.new_key().unwrap();
        let triple = Triple { local: Some(state("d")), ..Triple::default() };
        store.put(key, Row { triple, extra: Memory::default() }).unwrap();
        store.put_intent(&intent()).unwrap();
        store.stage(&[change(4), change(6), change(5)]).unwrap();
        store.set_state(&held).unwrap();
        let done = Activity {
            kind: ActivityKind::MovedHere,
            path: RelativePath::parse("b").unwrap(),
            other: Some(RelativePath::parse("a").unwrap()),
            why: Some(Why::MovedThere),
            seq: Some(Seq(5)),
        };
        let earlier = Activity {
            kind: ActivityKind::Uploaded,
            path: RelativePath::parse("a").unwrap(),
            other: None,
            why: Some(Why::NewHere),
            seq: None,
        };
        store.log(Timestamp(6), &[earlier]).unwrap();
        store.log(Timestamp(7), &[done]).unwrap();
        store.commit().unwrap();
        let lost = store.new_key().unwrap();
        store
            .put(
                lost,
                Row { triple: Triple { local: Some(state("x")), ..Triple::default() }, ..Row::default() },
            )
            .unwrap();
        store.take_intent(intent().key).unwrap();
    }
    let mut store = SqliteStore::open(&path, NameRule::Portable).unwrap();
    assert_eq!(store.dirty(), Ok(vec![key]));
    assert_eq!(store.intents(), Ok(vec![intent()]));
    assert_eq!(store.state(), Ok(held));
    assert_eq!(store.staged(None, 10), Ok(vec![change(6)]));
    assert_eq!(store.staged(Some(NodeId(9)), 10), Ok(vec![]));
    store.drop_staged().unwrap();
    assert_eq!(store.staged(None, 10), Ok(vec![]));
    assert!(store.new_key().unwrap() > key);
    let path_a = RelativePath::parse("a").unwrap();
    assert_eq!(store.activities(Some(&path_a), None, 10).unwrap().len(), 2);
    // What is at b now was at a before.
    let path_b = RelativePath::parse("b").unwrap();
    let lines = store.activities(Some(&path_b), None, 10).unwrap();
    let told: Vec<_> = lines.iter().map(|line| (line.activity.why, line.activity.seq)).collect();
    assert_eq!(told, [(Some(Why::MovedThere), Some(Seq(5))), (Some(Why::NewHere), None)]);
    assert!(store.activities(None, Some(ActivityKind::ConflictCopy), 10).unwrap().is_empty());
}

#[test]
fn a_pairs_file_is_not_opened_twice_nor_under_another_rule() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pair.db");
    let store = SqliteStore::open(&path, NameRule::Portable).unwrap();
    assert!(SqliteStore::open(&path, NameRule::Portable).is_err());
    drop(store);
    assert!(SqliteStore::open(&path, NameRule::Exact).is_err());
}

use model::{Content, Fingerprint, Handle, Name, NameRule, NodeId, NodeKey, NodeState, Timestamp};
use pair_store::SqliteStore;
use planner::{Tree, Triple, View};
use proptest::prelude::*;
use sync_engine::{Memory, MemoryStore, PairStore, Row};

#[derive(Debug, Clone)]
enum Step {
    Put(u64, Box<Row>),
    Take(u64),
    Commit,
    Rollback,
    Look(u64, u64, &'static str),
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn state() -> impl Strategy<Value = Option<NodeState>> {
    let some = (1..6u64, prop::sample::select(vec!["a", "A", "b", "\u{e9}", "e\u{301}"]), 0..3u64).prop_map(
        |(parent, text, kind)| NodeState {
            parent: NodeKey(parent),
            name: name(text),
            content: match kind {
                0 => Content::Directory,
                1 => Content::Link { target: Box::from(&b"x"[..]) },
                _ => Content::File { id: model::ContentId([7; 32]), size: 3 },
            },
            executable: kind == 2,
            mtime: Timestamp(kind as i64),
        },
    );
    prop_oneof![1 => Just(None), 3 => some.prop_map(Some)]
}

fn row() -> impl Strategy<Value = Row> {
    (state(), state(), state(), any::<[bool; 4]>(), 1..5u8, 2..9u64).prop_map(
        |(synced, remote, local, [same_remote, same_local, has_id, frozen], handle, id)| {
            let remote = if same_remote { synced.clone() } else { remote };
            let local = if same_local { synced.clone() } else { local };
            let disk = local.is_some().then(|| Fingerprint {
                handle: Handle([handle].into()),
                size: 3,
                mtime: Timestamp(1),
                ctime: Timestamp(-2),
                executable: false,
            });
            let extra = Memory { id: has_id.then_some(NodeId(id)), disk, ..Memory::default() };
            Row { triple: Triple { synced, remote, local, frozen }, extra }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (2..9u64, row()).prop_map(|(key, row)| Step::Put(key, Box::new(row))),
        1 => (2..9u64).prop_map(Step::Take),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        3 => (1..9u64, 1..6u64, prop::sample::select(vec!["a", "b", "\u{e9}"]))
            .prop_map(|(key, parent, text)| Step::Look(key, parent, text)),
    ]
}

/// Ids are unique in real life; a row here takes an id from whoever had it.
fn free_id(store: &mut MemoryStore, key: NodeKey, row: &mut Row) {
    if let Some(id) = row.extra.id
        && store.keys_of_ids(&[id]).unwrap().get(&id).is_some_and(|holder| *holder != key)
    {
        row.extra.id = None;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn it_answers_like_the_store_in_ordered_maps(steps in prop::collection::vec(step(), 1..60)) {
        let mut memory = MemoryStore::new(NameRule::Portable);
        let mut committed = memory.clone();
        let mut sqlite = SqliteStore::in_memory(NameRule::Portable).unwrap();
        for step in steps {
            match step {
                Step::Put(key, mut row) => {
                    free_id(&mut memory, NodeKey(key), &mut row);
                    memory.put(NodeKey(key), (*row).clone()).unwrap();
                    sqlite.put(NodeKey(key), *row).unwrap();
                }
                Step::Take(key) => {
                    prop_assert_eq!(memory.take(NodeKey(key)), sqlite.take(NodeKey(key)));
                }
                Step::Commit => {
                    sqlite.commit().unwrap();
                    committed = memory.clone();
                }
                Step::Rollback => {
                    sqlite.rollback();
                    memory = committed.clone();
                }
                Step::Look(key, parent, text) => {
                    prop_assert_eq!(memory.row(NodeKey(key)), sqlite.row(NodeKey(key)));
                    let name_key = memory.name_key(&name(text));
                    for tree in [Tree::Synced, Tree::Remote, Tree::Local] {
                        let at = (tree, NodeKey(parent));
                        prop_assert_eq!(memory.named(at.0, at.1, &name_key), sqlite.named(at.0, at.1, &name_key));
                        prop_assert_eq!(memory.children(at.0, at.1), sqlite.children(at.0, at.1));
                    }
                    let handle = Handle([(parent as u8).min(4)].into());
                    let mut expected = memory.keys_of_handles(std::slice::from_ref(&handle)).unwrap();
                    expected.values_mut().for_each(|keys| keys.sort_unstable());
                    prop_assert_eq!(Ok(expected), sqlite.keys_of_handles(&[handle]));
                    let ids: Vec<NodeId> = (1..9).map(NodeId).collect();
                    prop_assert_eq!(memory.keys_of_ids(&ids), sqlite.keys_of_ids(&ids));
                }
            }
            prop_assert_eq!(memory.dirty(), sqlite.dirty());
            prop_assert_eq!(memory.changed(), sqlite.changed());
            for tree in [Tree::Local, Tree::Remote] {
                prop_assert_eq!(memory.new_on(tree, 2), sqlite.new_on(tree, 2));
                prop_assert_eq!(memory.count_new(tree), sqlite.count_new(tree));
            }
        }
        prop_assert_eq!(memory.all_keys(NodeKey(0), 100), sqlite.all_keys(NodeKey(0), 100));
        prop_assert_eq!(memory.remote_keys(NodeKey(1), 3), sqlite.remote_keys(NodeKey(1), 3));
        prop_assert_eq!(memory.frozen_keys(), sqlite.frozen_keys());
    }
}

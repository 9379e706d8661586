//! Looking at a folder as it was, bringing it back, and the trash.

use crate::bundles::{Draft, ROOT, create, file_content};
use crate::world::{Api, World};
use http::Method;
use model::{Action, Content, NodeId, Operation, Principal, Timestamp, UserId};
use protocol::ProblemKind;
use protocol::v1::{
    ChildrenResponse, DifferencesResponse, FolderRestoreResponse, TrashResponse, TrashRestoreResponse,
    VersionOriginWord, VersionsResponse,
};
use serde_json::json;

async fn children(api: &Api, query: &str) -> ChildrenResponse {
    api.get(&api.folder_path(&format!("nodes/n1/children?{query}"))).await.parse()
}

fn names(page: &ChildrenResponse) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.name.as_str()).collect()
}

async fn restore(api: &Api, body: serde_json::Value) -> FolderRestoreResponse {
    let answer = api.json(Method::POST, &api.folder_path("restore"), &body).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.parse()
}

/// A directory `d e` with two files, one of which is changed and the other removed. Gives the number before that.
async fn history(api: &Api) -> (NodeId, NodeId, u64) {
    let directory =
        api.commit(Draft::new().group([create(0, ROOT, "d e", Content::Directory)])).await.node(0).node;
    let parent = model::NodeRef::Id(directory);
    let mut draft = Draft::new().group([create(0, parent, "a", file_content(b"one"))]).group([create(
        1,
        parent,
        "b",
        file_content(b"two"),
    )]);
    draft.chunks = vec![b"one".to_vec(), b"two".to_vec()];
    let made = api.commit(draft).await;
    let (a, b) = (made.node(0), made.node(1));
    let before = made.result.head.0;
    let mut draft = Draft::new()
        .group([Operation::Update {
            node: a.node,
            base: a.revision.version,
            content: file_content(b"rubbish"),
            executable: false,
            mtime: Timestamp(9),
        }])
        .group([Operation::Remove { node: b.node, base: b.revision }]);
    draft.chunks = vec![b"rubbish".to_vec()];
    api.commit(draft).await;
    (a.node, b.node, before)
}

#[tokio::test]
async fn the_days_on_which_a_folder_changed_are_told_by_the_midnights_of_a_zone() {
    const HOUR: i64 = 3_600_000_000_000;
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(1_800_000_000_000_000_000));
    let reads = std::sync::Arc::clone(&clock);
    let world = World::start_with(|settings| {
        settings.clock =
            std::sync::Arc::new(move || Timestamp(reads.load(std::sync::atomic::Ordering::SeqCst)));
    })
    .await;
    let alice = world.writer().await;
    // 2027-01-15 at 8, 20 and 23 o'clock, the next day at 9, and three days later.
    for (name, hours) in [("a", 0), ("b", 12), ("c", 3), ("d", 10), ("e", 72)] {
        clock.fetch_add(hours * HOUR, std::sync::atomic::Ordering::SeqCst);
        alice.commit(Draft::new().file(name, b"")).await;
    }
    let days = async |query: &str| {
        let page: protocol::v1::DaysResponse =
            alice.get(&alice.folder_path(&format!("days{query}"))).await.parse();
        let days =
            page.days.iter().map(|day| (day.at.to_string()[..13].to_owned(), day.seq)).collect::<Vec<_>>();
        (days, page.next.map(|next| next.to_string()))
    };
    let day = |text: &str, seq| (text.to_owned(), seq);
    let all = vec![day("2027-01-19T09", 5), day("2027-01-16T09", 4), day("2027-01-15T23", 3)];
    assert_eq!(days("").await, (all.clone(), None));
    let (first, next) = days("?limit=2").await;
    assert_eq!(first, all[..2]);
    assert_eq!(days(&format!("?limit=2&before={}", next.unwrap())).await, (all[2..].to_vec(), None));
    // Where it is two hours later, the last change of the first day was on the next.
    let (there, _) = days("?zone_minutes=120").await;
    assert_eq!(there, [day("2027-01-19T09", 5), day("2027-01-16T09", 4), day("2027-01-15T20", 2)]);
    alice.get(&alice.folder_path("days?zone_minutes=2000")).await.assert_problem(ProblemKind::Invalid);
    alice.get(&alice.folder_path("days?before=x")).await.assert_problem(ProblemKind::Invalid);
}

#[tokio::test]
async fn a_folder_is_seen_compared_and_brought_back_as_of_a_number() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (a, b, before) = history(&alice).await;
    assert_eq!(names(&children(&alice, "path=d%20e").await), ["a"]);
    let past = children(&alice, &format!("path=d%20e&seq={before}")).await;
    assert_eq!((names(&past), past.seq), (vec!["a", "b"], before));
    let page = children(&alice, &format!("path=d%20e&seq={before}&limit=1")).await;
    assert_eq!((names(&page), page.next), (vec!["a"], Some(a)));
    let next = children(&alice, &format!("path=d%20e&seq={before}&limit=1&after={a}")).await;
    assert_eq!(names(&next), ["b"]);
    let file = children(&alice, &format!("path=d%20e/b&seq={before}")).await.node.unwrap();
    let content = alice.folder_path(&format!("nodes/{}/content?version={}", file.node, file.version));
    assert_eq!(alice.get(&content).await.body, b"two", "its bytes come through the door for contents");

    let path = alice.folder_path(&format!("nodes/n1/differences?seq={before}&path=d%20e"));
    let compared: DifferencesResponse = alice.get(&path).await.parse();
    let counts = compared.counts.unwrap();
    assert_eq!((counts.added, counts.removed, counts.changed, counts.moved), (0, 1, 1, 0));
    let first = &compared.differences[0];
    assert_eq!((first.node, first.changes.as_slice()), (a, ["changed".to_owned()].as_slice()));
    assert_eq!(first.then.as_ref().unwrap().path, "d e/a");
    assert_eq!(compared.differences[1].now, None);

    let shown = restore(&alice, json!({ "seq": before, "dry_run": true })).await;
    assert_eq!((shown.returned, shown.changed, shown.head), (1, 1, shown.before));
    let key = "00112233445566778899aabbccddeeff";
    let body = json!({ "seq": before, "path": "d e", "only_by_user": "Alice", "key": key });
    let done = restore(&alice, body.clone()).await;
    assert_eq!((done.returned, done.changed, done.kept_count), (1, 1, 0));
    assert_eq!(restore(&alice, body).await, done, "the same attempt restores once");
    assert_eq!(alice.get(&alice.folder_path(&format!("nodes/{a}/content"))).await.body, b"one");
    assert!(alice.listing().await.iter().any(|node| node.id == b && !node.deleted));
    let undone = restore(&alice, json!({ "seq": done.before })).await;
    assert_eq!((undone.removed + undone.changed, undone.head), (2, done.head + 2));
}

#[tokio::test]
async fn moments_are_read_as_rfc_3339_and_nothing_else() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (.., before) = history(&alice).await;
    let late = children(&alice, "path=d%20e&at=2200-01-01T00:00:00Z").await;
    assert_eq!((names(&late), late.seq > before, late.at.is_some()), (vec!["a"], true, true));
    let children = |query: &str| alice.folder_path(&format!("nodes/n1/children?{query}"));
    let ask = async |path: String| alice.get(&path).await;
    ask(children("at=yesterday")).await.assert_problem(ProblemKind::Invalid);
    ask(children("at=2200-01-01T00:00:00Z&seq=1")).await.assert_problem(ProblemKind::Invalid);
    ask(children("at=1999-01-01T00:00:00Z")).await.assert_problem(ProblemKind::NotFound);
    ask(children("seq=99")).await.assert_problem(ProblemKind::NotFound);
    ask(children("path=nothing")).await.assert_problem(ProblemKind::NotFound);
    ask(children("path=..")).await.assert_problem(ProblemKind::Invalid);
    ask(alice.folder_path("nodes/n1/differences")).await.assert_problem(ProblemKind::Invalid);
    let path = alice.folder_path("restore");
    for bad in [
        json!({}),
        json!({ "seq": 1, "at": "2026-01-01T00:00:00Z" }),
        json!({ "seq": 1, "only_by_user": "nobody" }),
        json!({ "seq": 1, "only_by_device": "toaster" }),
        json!({ "seq": 1, "path": "/" }),
    ] {
        alice.json(Method::POST, &path, &bad).await.assert_problem(ProblemKind::Invalid);
    }
    let absent = json!({ "seq": 1, "path": "nothing" });
    alice.json(Method::POST, &path, &absent).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn a_directorys_trash_is_listed_and_brought_back_at_once() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (a, b, _) = history(&alice).await;
    let all: TrashResponse = alice.get(&alice.folder_path("trash")).await.parse();
    let entry = &all.entries[0];
    assert_eq!((entry.node, entry.path.as_str(), entry.total_size), (b, "d e/b", None));
    assert_eq!((entry.user.as_deref(), entry.device.as_deref()), (Some("alice"), Some("laptop")));
    let of = format!("trash?directory={}", entry.parent);
    let directory: TrashResponse = alice.get(&alice.folder_path(&of)).await.parse();
    assert_eq!((directory.entries[0].node, directory.entries[0].total_size), (b, Some(3)));
    alice.get(&alice.folder_path("trash?directory=n99")).await.assert_problem(ProblemKind::NotFound);
    alice.get(&alice.folder_path("trash?directory=n1&before=3")).await.assert_problem(ProblemKind::Invalid);
    let body = json!({ "nodes": [b.to_string(), a.to_string()] });
    let path = alice.folder_path("trash/restore");
    let done: TrashRestoreResponse = alice.json(Method::POST, &path, &body).await.parse();
    assert_eq!((done.restored, done.refused.len()), (1, 1));
    assert_eq!((done.refused[0].node, done.refused[0].reason.as_str()), (a, "stale"));
    assert_eq!(names(&children(&alice, "path=d%20e").await), ["a", "b"]);
}

#[tokio::test]
async fn versions_found_in_a_plain_directory_are_of_origin_outside() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (database, folder) = (world.database.clone(), world.folder);
    let node = tokio::task::spawn_blocking(move || {
        let now = Timestamp(1_800_000_000_000_000_000);
        let authority = versioning::folder::Authority::Administrator;
        let mirror = |settings: &mut metadata::folder::FolderSettings| {
            settings.plain_directory = Some(b"/srv/docs".to_vec());
        };
        versioning::folder::set(&*database, authority, folder, mirror, now).unwrap();
        let facts = metadata::read::<_, metadata::Error>(&*database, move |snapshot| {
            snapshot.facts(Principal::SERVER, folder, now)
        });
        let permit = model::authorize(Principal::SERVER, folder, Action::Write, facts.unwrap()).unwrap();
        let content = Content::Link { target: b"somewhere".as_slice().into() };
        let commit = versioning::Commit {
            permit,
            key: model::IdempotencyKey([1; 16]),
            digest: [1; 32],
            groups: vec![model::Group { operations: vec![create(0, ROOT, "link", content)] }],
            authors: versioning::Authors::Named(vec![UserId::SERVER]),
            manifests: Vec::new(),
            received: Vec::new(),
            uploads: Vec::new(),
            limits: model::Limits::default(),
            now,
        };
        match &versioning::commit(&*database, commit).unwrap().outcomes[0] {
            model::GroupOutcome::Applied(applied) => applied[0].node,
            other => panic!("{other:?}"),
        }
    })
    .await
    .unwrap();
    let path = alice.folder_path(&format!("nodes/{node}/versions"));
    let versions = alice.get(&path).await.parse::<VersionsResponse>().versions;
    assert_eq!((versions[0].origin, versions[0].user.as_deref()), (VersionOriginWord::Outside, None));
}

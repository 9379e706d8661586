use crate::bundles::{Draft, ROOT, create};
use crate::world::{Api, World};
use model::{Content, Operation, RemoteNode};
use protocol::bundle::PageEnd;
use protocol::{Cursor, ProblemKind};
use std::time::{Duration, Instant};

pub(crate) async fn pull(api: &Api, query: &str) -> (Vec<RemoteNode>, PageEnd) {
    api.get(&api.folder_path(&format!("changes{query}"))).await.page()
}

fn directories(names: impl Iterator<Item = String>) -> Draft {
    names.enumerate().fold(Draft::new(), |draft, (index, name)| {
        draft.group([create(index as u32, ROOT, &name, Content::Directory)])
    })
}

#[tokio::test]
async fn pages_lead_to_the_head_and_then_bring_only_what_is_new() {
    let world = World::start().await;
    let alice = world.writer().await;
    let made = alice.commit(directories((0..25).map(|index| format!("d{index}")))).await;
    let (mut names, mut query) = (Vec::new(), "?limit=10".to_owned());
    let end = loop {
        let (nodes, end) = pull(&alice, &query).await;
        names.extend(nodes.into_iter().map(|node| node.name.to_string()));
        if !end.more {
            break end;
        }
        query = format!("?limit=10&since={}", end.cursor);
    };
    assert_eq!(names, (0..25).map(|index| format!("d{index}")).collect::<Vec<_>>());
    assert_eq!(end.head, made.result.head);
    assert_eq!(end.cursor, made.result.cursor, "a commit's own cursor stands at the same place");
    assert_eq!(end.cursor, alice.folders().await.folders[0].head_cursor);

    let (nodes, _) = pull(&alice, &format!("?since={}", end.cursor)).await;
    assert!(nodes.is_empty());
    let remove = |group: usize| {
        let entry = made.node(group);
        Operation::Remove { node: entry.node, base: entry.revision }
    };
    alice.commit(Draft::new().group([remove(3)])).await;
    let (nodes, _) = pull(&alice, &format!("?since={}", end.cursor)).await;
    assert_eq!(nodes.len(), 1);
    assert!(nodes[0].deleted);
    let (listing, _) = pull(&alice, "").await;
    assert!(listing.len() == 24 && listing.iter().all(|node| !node.deleted));
}

#[tokio::test]
async fn only_cursors_of_this_server_and_folder_are_taken() {
    let world = World::start().await;
    let alice = world.writer().await;
    let other = world.add_folder("other", None).await;
    world.grant("other", "alice", protocol::v1::WirePrivilege::Read).await;
    let (_, end) = pull(&alice, "").await;
    let Cursor(text) = end.cursor;
    let elsewhere = Api { folder: other, ..alice.clone() };
    let ask =
        async |api: &Api, cursor: &str| api.get(&api.folder_path(&format!("changes?since={cursor}"))).await;
    ask(&elsewhere, &text).await.assert_problem(ProblemKind::Invalid);
    let flipped = if text.ends_with('0') { "1" } else { "0" };
    ask(&alice, &format!("{}{flipped}", &text[..text.len() - 1])).await.assert_problem(ProblemKind::Invalid);
    ask(&alice, "nonsense").await.assert_problem(ProblemKind::Invalid);
    ask(&alice, "").await.assert_problem(ProblemKind::Invalid);
    alice.get(&alice.folder_path("changes?sinse=x")).await.assert_problem(ProblemKind::BadRequest);
    alice.get(&alice.folder_path("changes?limit=many")).await.assert_problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn a_cursor_beyond_the_head_begins_a_new_epoch() {
    let mut world = World::start().await;
    let alice = world.writer().await;
    let restored = tempfile::tempdir().unwrap();
    let copy = restored.path().join("catalog.db");
    // The database as it was before the last commit.
    alice.commit(directories(["a".to_owned()].into_iter())).await;
    let source = world.directory.path().join("catalog.db");
    backup(&source, &copy);
    let late = alice.commit(directories(["b".to_owned()].into_iter())).await;
    let epoch = alice.get("/api/v1/server").await.header("driftless-epoch").to_owned();
    world.begin_to_stop();

    let database = metadata_sqlite::Sqlite::open(&copy).unwrap();
    let database: std::sync::Arc<dyn metadata::Database> = std::sync::Arc::new(database);
    let server =
        server::Server::new(database, std::sync::Arc::clone(&world.chunks), server::Settings::default())
            .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let again = Api { address: listener.local_addr().unwrap(), ..alice };
    tokio::spawn(server::serve(listener, server, std::future::pending()));
    let since = late.result.cursor;
    let answer = again.get(&again.folder_path(&format!("changes?since={since}"))).await;
    answer.assert_problem(ProblemKind::CursorExpired);
    let new_epoch = again.get("/api/v1/server").await.header("driftless-epoch").to_owned();
    assert_ne!(new_epoch, epoch);
    assert_eq!(pull(&again, "").await.0.len(), 1);
}

/// Copies a database and its log, at a moment when nobody writes.
fn backup(source: &std::path::Path, target: &std::path::Path) {
    for suffix in ["", "-wal"] {
        let mut from = source.as_os_str().to_owned();
        from.push(suffix);
        let mut to = target.as_os_str().to_owned();
        to.push(suffix);
        if std::path::Path::new(&from).exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_waiting_pull_is_answered_by_the_change_and_not_before() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (_, end) = pull(&alice, "").await;
    let path = alice.folder_path(&format!("changes?since={}&wait=1", end.cursor));
    let started = Instant::now();
    let (nodes, _) = alice.get(&path).await.page();
    assert!(nodes.is_empty() && started.elapsed() >= Duration::from_secs(1));

    let path = alice.folder_path(&format!("changes?since={}&wait=50", end.cursor));
    let waiting = {
        let alice = alice.clone();
        tokio::spawn(async move { alice.get(&path).await })
    };
    tokio::task::yield_now().await;
    alice.commit(directories(["new".to_owned()].into_iter())).await;
    let (nodes, end) = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().page();
    assert_eq!((nodes.len(), end.head.0), (1, 1));
}

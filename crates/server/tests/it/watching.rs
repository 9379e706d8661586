//! What administrators watch: the overview, activity, growth, plain directories and long work; and conflict copies.

use crate::bundles::{Draft, ROOT, create, file_content};
use crate::world::{Api, World};
use http::{Method, StatusCode};
use model::{Content, NodeId, Operation, Timestamp};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{
    ActivityResponse, ActivityWord, ConflictsResponse, FindingKind, FolderActivityResponse, GrowthResponse,
    IssuesResponse, OverviewResponse, WirePrivilege, WorkKind, WorkResponse,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

async fn administrator(world: &World) -> Api {
    world.add_user("root", true).await;
    world.link("root", "console").await
}

async fn overview(api: &Api) -> OverviewResponse {
    let answer = api.get("/api/v1/admin/overview").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.parse()
}

/// Asks again until the overview is as it should be.
async fn until(api: &Api, what: &str, is_so: impl Fn(&OverviewResponse) -> bool) -> OverviewResponse {
    for _ in 0..400 {
        let now = overview(api).await;
        if is_so(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} was not seen: {:?}", overview(api).await);
}

#[tokio::test]
async fn the_overview_shows_who_is_there_and_what_moves() {
    let world = World::start_with(|settings| settings.data = Some(std::env::temp_dir())).await;
    let root = administrator(&world).await;
    let alice = world.writer().await;
    let first = overview(&root).await;
    assert_eq!((first.connected_count, first.transfers.len(), first.folder_count), (0, 0, 1));
    assert!(first.health.disk_free_bytes.unwrap() <= first.health.disk_bytes.unwrap());
    let socket = crate::events::listen(&alice).await;
    let there = until(&root, "who is there", |now| now.connected_count == 1).await;
    assert_eq!(there.connected[0].user_name.as_deref(), Some("alice"));
    assert_eq!(there.connected[0].device_name.as_deref(), Some("laptop"));
    assert_eq!((there.connected[0].address.as_deref(), there.connected[0].behind), (Some("127.0.0.1"), None));
    alice.listing().await;
    // What could be packed would be no measure.
    let mut noise = vec![0; 40_000];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    alice.commit(Draft::new().file("a", &noise)).await;
    let now = overview(&root).await;
    assert_eq!(now.connected[0].behind, Some(0), "its own commit took it along");
    assert_eq!(now.folders[0].share.current_bytes, 40_000);
    assert!(now.changes > there.changes);
    assert!(now.findings.iter().any(|finding| finding.kind == FindingKind::BackupOld));
    let moved = until(&root, "a rate", |now| now.transfers.iter().any(|moving| moving.up_rate > 1_000)).await;
    assert_eq!((moved.transfers[0].device_name.as_deref(), moved.transfers[0].running), (Some("laptop"), 0));
    assert_eq!(moved.throughput.up.len(), 60);
    assert!(moved.throughput.up.iter().sum::<u64>() > 10_000, "{:?}", moved.throughput);
    drop(socket);
    until(&root, "that nobody is there", |now| now.connected_count == 0).await;
}

#[tokio::test]
async fn activity_names_what_was_done_to_who_may_read_it() {
    let world = World::start().await;
    let root = administrator(&world).await;
    let alice = world.writer().await;
    let directory =
        alice.commit(Draft::new().group([create(0, ROOT, "d", Content::Directory)])).await.node(0).node;
    let file = alice.commit(Draft::new().file("<b>a.txt", b"one")).await.node(0);
    let list = async |query: &str| -> ActivityResponse {
        alice.get(&alice.folder_path(&format!("activity{query}"))).await.parse()
    };
    let first = list("").await;
    let said: Vec<_> = first.entries.iter().map(|entry| (entry.path.as_str(), entry.what)).collect();
    assert_eq!(said, [("<b>a.txt", ActivityWord::Created), ("d", ActivityWord::Created)]);
    assert_eq!(
        (first.entries[0].user.as_deref(), first.entries[0].device.as_deref()),
        (Some("alice"), Some("laptop"))
    );
    let (node, base) = (file.node, file.revision.version);
    let mut draft = Draft::new().group([Operation::Update {
        node,
        base,
        content: file_content(b"two"),
        executable: false,
        mtime: Timestamp(9),
    }]);
    draft.chunks = vec![b"two".to_vec()];
    let changed = alice.commit(draft).await.node(0);
    assert_eq!(list("?limit=1").await.entries[0].what, ActivityWord::Changed);
    let move_to = |base, parent, name: &str| {
        Draft::new().group([Operation::Move { node, base, parent, name: model::Name::new(name).unwrap() }])
    };
    let renamed = alice.commit(move_to(changed.revision.placement, ROOT, "b.txt")).await.node(0);
    let now = &list("?limit=1").await.entries[0];
    assert_eq!((now.what, now.before.as_deref()), (ActivityWord::Renamed, Some("<b>a.txt")));
    let moved = alice
        .commit(move_to(renamed.revision.placement, model::NodeRef::Id(directory), "b.txt"))
        .await
        .node(0);
    let now = list("?limit=1").await;
    assert_eq!((now.entries[0].what, now.entries[0].path.as_str()), (ActivityWord::Moved, "d/b.txt"));
    let next = list(&format!("?limit=1&before={}", now.next.unwrap())).await;
    assert_eq!(next.entries[0].node, directory);
    alice.commit(Draft::new().group([Operation::Remove { node, base: moved.revision }])).await;
    assert_eq!(list("?limit=1").await.entries[0].what, ActivityWord::Removed);
    alice.json(Method::POST, &alice.folder_path(&format!("nodes/{node}/restore")), &json!({})).await;
    assert_eq!(list("?limit=1").await.entries[0].what, ActivityWord::Restored);

    root.get(&alice.folder_path("activity")).await.assert_problem(ProblemKind::NotFound);
    let counted = root.get("/api/v1/admin/activity").await;
    assert!(
        !String::from_utf8_lossy(&counted.body).contains("b.txt"),
        "who administers reads no names of files"
    );
    let counted: FolderActivityResponse = counted.parse();
    let entry = &counted.entries[0];
    assert_eq!(
        (entry.folder_name.as_str(), entry.user.as_deref(), entry.nodes, entry.removed),
        ("docs", Some("alice"), 2, 0)
    );
}

#[tokio::test]
async fn growth_is_counted_day_by_day_and_forgotten_in_the_end() {
    let now = Arc::new(AtomicI64::new(1_800_000_000));
    let clock = Arc::clone(&now);
    let world = World::start_with(|settings| {
        settings.clock = Arc::new(move || Timestamp::from_parts(clock.load(Ordering::Relaxed), 0));
    })
    .await;
    let root = administrator(&world).await;
    let alice = world.writer().await;
    let growth = async |query: &str| -> GrowthResponse {
        root.get(&format!("/api/v1/admin/growth{query}")).await.parse()
    };
    let file = alice.commit(Draft::new().file("a", b"12345")).await.node(0);
    // The folder may have been counted when the server began.
    now.fetch_add(3_600, Ordering::Relaxed);
    world.keep_house().await;
    let bytes = async |query: &str| {
        let days = growth(query).await.days.into_iter();
        days.map(|day| (day.share.current_bytes, day.share.history_bytes, day.share.trash_bytes))
            .collect::<Vec<_>>()
    };
    assert_eq!(growth("").await.days[0].day, "2027-01-15");
    assert_eq!(bytes("").await, [(5, 0, 0)]);
    let (node, base) = (file.node, file.revision.version);
    let mut draft = Draft::new().group([Operation::Update {
        node,
        base,
        content: file_content(b"12"),
        executable: false,
        mtime: Timestamp(9),
    }]);
    draft.chunks = vec![b"12".to_vec()];
    let changed = alice.commit(draft).await.node(0);
    world.keep_house().await;
    assert_eq!(bytes("").await, [(5, 0, 0)], "within the hour nothing is counted again");
    now.fetch_add(3_600, Ordering::Relaxed);
    world.keep_house().await;
    assert_eq!(bytes("").await, [(2, 5, 0)]);
    assert_eq!(overview(&root).await.total.history_bytes, 5);
    now.fetch_add(86_400, Ordering::Relaxed);
    alice.commit(Draft::new().group([Operation::Remove { node, base: changed.revision }])).await;
    world.keep_house().await;
    assert_eq!(bytes("").await, [(2, 5, 0), (0, 0, 7)]);
    assert_eq!(bytes(&format!("?folder={}&days=1", world.folder)).await, [(0, 0, 7)]);
    assert_eq!(bytes("?folder=f99").await, []);
    now.fetch_add(900 * 86_400, Ordering::Relaxed);
    world.keep_house().await;
    assert_eq!(bytes("?days=99999").await.len(), 1);
    root.get("/api/v1/admin/growth?folder=x").await.assert_problem(ProblemKind::Invalid);
}

/// A file and two conflict copies of it, as clients make them. Gives the ids of the copies.
async fn quarrel(alice: &Api) -> [NodeId; 2] {
    alice.commit(Draft::new().file("plan.txt", b"winner")).await;
    let copy = |mark: &str| format!("plan (conflict, bob on phone, 2026-11-21, {mark}).txt");
    let one = alice.commit(Draft::new().file(&copy("abab"), b"loser one")).await.node(0).node;
    let other = alice.commit(Draft::new().file(&copy("cdcd"), b"loser two")).await.node(0).node;
    [one, other]
}

#[tokio::test]
async fn conflict_copies_are_listed_with_the_winner_and_settled_as_they_were_seen() {
    let world = World::start().await;
    let alice = world.writer().await;
    let reader = world.person("reader", WirePrivilege::Read).await;
    let [one, other] = quarrel(&alice).await;
    alice.commit(Draft::new().file("not (conflict, at all).txt", b"x")).await;
    let list = async |query: &str| -> ConflictsResponse {
        reader.get(&reader.folder_path(&format!("conflicts{query}"))).await.parse()
    };
    let found = list("").await.conflicts;
    assert_eq!(found.iter().map(|conflict| conflict.copy.node).collect::<Vec<_>>(), [one, other]);
    let winner = found[0].winner.clone().unwrap();
    assert_eq!(
        (found[0].name.as_str(), found[0].author.as_str(), found[0].device.as_str()),
        ("plan.txt", "bob", "phone")
    );
    assert_eq!((winner.name.as_str(), winner.size, found[0].copy.size), ("plan.txt", 6, 9));
    let page = list("?limit=1").await;
    assert_eq!(list(&format!("?limit=1&after={}", page.next.unwrap())).await.conflicts[0].copy.node, other);

    let path = |node| alice.folder_path(&format!("conflicts/{node}"));
    let seen = |keep: &str, winner_seq| json!({ "keep": keep, "copy_seq": found[0].copy.seq, "winner_seq": winner_seq, "key": format!("{:032x}", 77) });
    reader
        .json(Method::POST, &path(one), &seen("copy", winner.seq))
        .await
        .assert_problem(ProblemKind::Forbidden);
    let stale = json!({ "keep": "copy", "copy_seq": found[0].copy.seq, "winner_seq": winner.seq - 1 });
    alice.json(Method::POST, &path(one), &stale).await.assert_problem(ProblemKind::PreconditionFailed);
    let done = alice.json(Method::POST, &path(one), &seen("copy", winner.seq)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let again = alice.json(Method::POST, &path(one), &seen("copy", winner.seq)).await;
    assert_eq!(again.body, done.body, "a repeated request settles once");
    let content = alice.get(&alice.folder_path(&format!("nodes/{}/content", winner.node))).await;
    assert_eq!(content.body, b"loser one");
    let left = list("").await.conflicts;
    assert_eq!(left.len(), 1);
    let both = json!({ "keep": "both", "copy_seq": left[0].copy.seq, "winner_seq": left[0].winner.as_ref().unwrap().seq });
    alice.json(Method::POST, &path(other), &both).await;
    let names: Vec<String> = alice
        .listing()
        .await
        .iter()
        .filter(|node| !node.deleted)
        .map(|node| node.name.as_str().to_owned())
        .collect();
    assert!(names.contains(&"plan-2.txt".to_owned()) && names.contains(&"plan.txt".to_owned()), "{names:?}");
    assert_eq!(list("").await.conflicts, []);
    alice.json(Method::POST, &path(other), &both).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn a_copy_without_a_winner_gets_its_name_and_a_directory_replaces_nothing() {
    let world = World::start().await;
    let alice = world.writer().await;
    let name = "plan (conflict, bob on phone, 2026-11-21, abab).txt";
    let copy = alice.commit(Draft::new().file(name, b"loser")).await.node(0);
    let settle = async |node: NodeId, body: serde_json::Value| {
        alice.json(Method::POST, &alice.folder_path(&format!("conflicts/{node}")), &body).await
    };
    let seq = copy.revision.placement.max(copy.revision.version).0;
    assert_eq!(settle(copy.node, json!({ "keep": "copy", "copy_seq": seq })).await.status, StatusCode::OK);
    assert!(
        alice.listing().await.iter().any(|node| node.name.as_str() == "plan.txt" && node.id == copy.node)
    );
    let both = Draft::new().group([create(0, ROOT, "d", Content::Directory)]).group([create(
        1,
        ROOT,
        "d (conflict, bob on phone, 2026-11-21, abab)",
        Content::Directory,
    )]);
    let made = alice.commit(both).await;
    let (winner, copy) = (made.node(0), made.node(1));
    let body = json!({ "keep": "copy", "copy_seq": copy.revision.placement.0, "winner_seq": winner.revision.placement.0 });
    settle(copy.node, body).await.assert_problem(ProblemKind::Invalid);
    let body = json!({ "keep": "winner", "copy_seq": copy.revision.placement.0, "winner_seq": winner.revision.placement.0 });
    assert_eq!(settle(copy.node, body).await.status, StatusCode::OK, "an empty one can go");
}

#[tokio::test]
async fn long_work_runs_one_at_a_time_and_its_result_is_kept() {
    let world = World::start().await;
    let root = administrator(&world).await;
    let path = "/api/v1/admin/work";
    let started = root.json(Method::POST, path, &json!({ "kind": "verify", "all_bytes": true })).await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    let ended = async |kind: WorkKind| {
        for _ in 0..500 {
            let state: WorkResponse = root.get(path).await.parse();
            if let (None, Some(result)) =
                (state.running, state.last.into_iter().find(|result| result.kind == kind))
            {
                return result;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{kind:?} did not end");
    };
    let result = ended(WorkKind::Verify).await;
    assert!(
        result.good && result.faults.is_empty() && result.figures.iter().any(|figure| figure.name == "nodes")
    );
    assert!(overview(&root).await.health.last_verify.is_some());
    root.json(Method::POST, path, &json!({ "kind": "collect", "dry_run": true })).await;
    assert!(ended(WorkKind::Collect).await.good);
    let AdminAnswer::Collected(_) =
        world.admin(AdminRequest::Collect { dry_run: true, grace_hours: None, any_share: false }).await
    else {
        panic!("not collected")
    };
    root.json(Method::POST, path, &json!({ "kind": "backup" })).await.assert_problem(ProblemKind::Invalid);
    let issues: IssuesResponse = root.get("/api/v1/admin/issues").await.parse();
    assert_eq!(issues.plain, []);
}

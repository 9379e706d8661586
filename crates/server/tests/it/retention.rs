//! Retention and space, as administrators and people meet them.

use crate::bundles::{Draft, file_content};
use crate::world::{Api, World};
use http::{Method, StatusCode};
use model::{Operation, Timestamp};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminFailure, AdminRequest, Limit, RetentionReport};
use protocol::v1::{ChildrenResponse, SpaceResponse, VersionsResponse, WirePrivilege};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const DAY_SECONDS: i64 = 86_400;
const NOW: i64 = 1_900_000_000;

/// A server whose clock the test sets, in days.
async fn world_with_clock() -> (World, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(0));
    let days = Arc::clone(&clock);
    let world = World::start_with(|settings| {
        settings.clock =
            Arc::new(move || Timestamp::from_parts(NOW + days.load(Ordering::Relaxed) * DAY_SECONDS, 0));
    });
    (world.await, clock)
}

/// A file with a version a day, the last on day `versions`.
async fn file_of_days(alice: &Api, clock: &AtomicI64, versions: i64) -> String {
    let mut node = alice.commit(Draft::new().file("a", b"day 1")).await.node(0);
    for day in 2..=versions {
        clock.store(day, Ordering::Relaxed);
        let text = format!("day {day}");
        let mut draft = Draft::new().group([Operation::Update {
            node: node.node,
            base: node.revision.version,
            content: file_content(text.as_bytes()),
            executable: false,
            mtime: Timestamp(0),
        }]);
        draft.chunks.push(text.into_bytes());
        node = alice.commit(draft).await.node(0);
    }
    alice.folder_path(&format!("nodes/{}/versions", node.node))
}

fn set(versions: Option<u32>, days: Option<Limit>, safe_days: Option<u32>) -> AdminRequest {
    AdminRequest::FolderSet {
        folder: "docs".into(),
        quota_bytes: None,
        versions,
        days,
        safe_days,
        networks: None,
    }
}

async fn retention(world: &World, dry_run: bool) -> RetentionReport {
    let folder = "docs".to_owned();
    match world.admin(AdminRequest::FolderRetention { folder, dry_run, acknowledge: false }).await {
        AdminAnswer::Retention(report) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_folders_rules_are_set_shown_tried_and_carried_out() {
    let (world, clock) = world_with_clock().await;
    let alice = world.writer().await;
    let versions = file_of_days(&alice, &clock, 9).await;
    world.do_admin(set(Some(3), Some(Limit::To(400)), Some(2))).await;
    let AdminAnswer::Folders { folders } = world.admin(AdminRequest::FolderList).await else { panic!() };
    assert_eq!((folders[0].versions, folders[0].days, folders[0].safe_days), (3, Some(400), 2));
    world.do_admin(set(None, Some(Limit::Unlimited), None)).await;
    let AdminAnswer::Folders { folders } = world.admin(AdminRequest::FolderList).await else { panic!() };
    assert_eq!((folders[0].versions, folders[0].days, folders[0].safe_days), (3, None, 2));
    for nonsense in
        [set(Some(0), None, None), set(None, Some(Limit::To(0)), None), set(None, None, Some(99_999))]
    {
        let AdminAnswer::Failed { reason, .. } = world.admin(nonsense).await else { panic!() };
        assert_eq!(reason, AdminFailure::Invalid);
    }

    alice.json(Method::PUT, &format!("{versions}/5"), &json!({ "pinned": true })).await;
    let labelled = alice.json(Method::PUT, &format!("{versions}/6"), &json!({ "label": "as sent" })).await;
    assert_eq!(labelled.status, StatusCode::NO_CONTENT);
    let bad = alice.json(Method::PUT, &format!("{versions}/6"), &json!({ "label": "a\nb" })).await;
    bad.assert_problem(ProblemKind::Invalid);
    let absent = alice.json(Method::PUT, &format!("{versions}/99"), &json!({ "pinned": true })).await;
    absent.assert_problem(ProblemKind::NotFound);

    clock.store(60, Ordering::Relaxed);
    let foreseen = retention(&world, true).await;
    assert!(foreseen.dry_run);
    let kept = || async { alice.get(&versions).await.parse::<VersionsResponse>().versions };
    assert_eq!((foreseen.versions, kept().await.len()), (4, 9));
    let done = retention(&world, false).await;
    assert_eq!((done.versions, done.bytes), (foreseen.versions, foreseen.bytes));
    let kept = kept().await;
    let numbers: Vec<u64> = kept.iter().map(|version| version.number).collect();
    assert_eq!((kept.len(), numbers[0], *numbers.last().unwrap()), (5, 9, 1));
    let pinned = kept.iter().find(|version| version.number == 5).unwrap();
    let labelled = kept.iter().find(|version| version.number == 6).unwrap();
    assert_eq!((pinned.pinned, labelled.label.as_deref()), (true, Some("as sent")));
    let AdminAnswer::Verified(report) =
        world.admin(AdminRequest::Verify { all_bytes: true, progress: false }).await
    else {
        panic!()
    };
    assert_eq!(report.faults, Vec::<String>::new());

    // Whoever looks at a moment is told which versions are older ones.
    let list = |seq: u64| alice.folder_path(&format!("nodes/n1/children?seq={seq}"));
    for number in 1..=9 {
        let page: ChildrenResponse = alice.get(&list(number)).await.parse();
        let stands_in = numbers.iter().copied().find(|kept| *kept <= number).unwrap();
        let seen = (page.entries[0].version, page.entries[0].thinned);
        assert_eq!(seen, (stands_in, stands_in != number));
    }
}

#[tokio::test]
async fn a_moment_that_is_kept_no_more_is_not_found_and_says_from_where_on_the_past_is_kept() {
    let (world, clock) = world_with_clock().await;
    let alice = world.writer().await;
    file_of_days(&alice, &clock, 3).await;
    world.do_admin(set(None, Some(Limit::To(30)), Some(1))).await;
    clock.store(32, Ordering::Relaxed);
    assert_eq!(retention(&world, false).await.versions, 1);
    let asked = ["nodes/n1/children?seq=1", "nodes/n1/differences?seq=1"].map(|path| alice.folder_path(path));
    for path in asked {
        let answer = alice.get(&path).await;
        answer.assert_problem(ProblemKind::NotFound);
        assert_eq!(answer.parse::<serde_json::Value>()["covered_since"], 2);
    }
    let restore = alice.json(Method::POST, &alice.folder_path("restore"), &json!({ "seq": 1 })).await;
    restore.assert_problem(ProblemKind::NotFound);
    let page: ChildrenResponse = alice.get(&alice.folder_path("nodes/n1/children?seq=2")).await.parse();
    assert_eq!((page.entries[0].version, page.entries[0].thinned), (2, false));
}

#[tokio::test]
async fn space_is_told_to_readers_and_to_administrators() {
    let (world, clock) = world_with_clock().await;
    let alice = world.writer().await;
    let versions = file_of_days(&alice, &clock, 3).await;
    alice.commit(Draft::new().file("b", b"day 3")).await;
    let reader = world.person("reader", WirePrivilege::Read).await;
    let space: SpaceResponse = reader.get(&reader.folder_path("space")).await.parse();
    assert_eq!((space.current_bytes, space.history_bytes, space.trash_bytes), (10, 10, 0));
    assert_eq!((space.stored_bytes, space.shared_bytes, space.versions), (15, 5, 4));
    let AdminAnswer::Space(report) = world.admin(AdminRequest::Space).await else { panic!() };
    assert_eq!((report.folders[0].name.as_str(), report.folders[0].space), ("docs", space));
    assert_eq!((report.stored_bytes, report.folders[0].elsewhere_bytes), (15, 0));
    assert!(versions.ends_with("/versions"));
}

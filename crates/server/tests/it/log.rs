//! The audit log over HTTP: found, exported, proven, kept for a while.

use crate::world::{Api, World};
use http::{Method, StatusCode};
use metadata::Database;
use metadata::audit::AuditEntry;
use model::{FolderId, Timestamp, UserId};
use protocol::ProblemKind;
use protocol::v1::{KeptProof, LogProof, LogResponse, LogRetention, WirePrivilege};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const LOG: &str = "/api/v1/admin/log";

/// A world with an administrator `root` and nothing else in its log than what that took.
async fn administered() -> (World, Api) {
    let world = World::start().await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    (world, root)
}

/// Adds entries as somebody would write them who could write anything.
fn write(database: &dyn Database, entries: Vec<AuditEntry>) {
    metadata::write::<_, metadata::Error>(database, move |transaction| {
        for entry in &entries {
            transaction.append_audit(entry, auth::digest::audit)?;
        }
        Ok(())
    })
    .unwrap();
}

fn entry(action: &'static str, detail: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_parts(2_000_000_000, 0),
        user: None,
        device: None,
        address: "10.1.2.3".to_owned(),
        action,
        folder: None,
        allowed: false,
        details: vec![("name".to_owned(), detail.to_owned())],
    }
}

async fn log(api: &Api, query: &str) -> LogResponse {
    let answer = api.get(&format!("{LOG}?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.parse()
}

async fn proof(api: &Api, query: &str) -> LogProof {
    let answer = api.get(&format!("{LOG}/proof{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.parse()
}

fn numbers(page: &LogResponse) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.number).collect()
}

/// Keeps house; says how many of the oldest rows went.
async fn thin(world: &World) -> u64 {
    let first = || metadata::read(&*world.database, |snapshot| snapshot.audit(0, 1)).unwrap()[0].number;
    let before = first();
    world.keep_house().await;
    first() - before
}

#[tokio::test]
async fn the_log_is_read_both_ways_and_new_entries_come_after() {
    let (world, root) = administered().await;
    write(&*world.database, (0..5).map(|_| entry("test.one", "x")).collect());
    let newest = log(&root, "limit=3").await;
    let last = newest.entries[0].number;
    assert_eq!(numbers(&newest), [last, last - 1, last - 2]);
    assert_eq!((newest.older, newest.newer), (Some(last - 2), last));
    let older = log(&root, &format!("limit=2&before={}", newest.older.unwrap())).await;
    assert_eq!(numbers(&older), [last - 3, last - 4]);
    let rest = log(&root, &format!("before={}", older.older.unwrap())).await;
    assert_eq!((rest.entries.last().unwrap().number, rest.older), (1, None));
    let none = log(&root, &format!("after={last}")).await;
    assert_eq!((numbers(&none), none.newer), (vec![], last));
    write(&*world.database, (0..3).map(|_| entry("test.two", "y")).collect());
    let next = log(&root, &format!("after={last}&limit=2")).await;
    assert_eq!(
        (numbers(&next), next.newer, next.older),
        (vec![last + 2, last + 1], last + 2, Some(last + 1))
    );
    root.get(&format!("{LOG}?after=1&before=3")).await.assert_problem(ProblemKind::Invalid);
}

#[tokio::test]
async fn the_log_is_found_by_who_what_where_when_and_text() {
    let (world, root) = administered().await;
    world.person("alice", WirePrivilege::Read).await;
    let mut more = vec![entry("test.one", "<img src=x onerror=alert(1)>"), entry("tester.two", "Ärger")];
    more[1].folder = Some(world.folder);
    more[1].allowed = true;
    write(&*world.database, more);
    let count = async |query: &str| log(&root, query).await.entries.len();
    assert_eq!(
        (count("action=test").await, count("action=test.one").await, count("action=tes").await),
        (1, 1, 0)
    );
    assert_eq!((count("text=onerror").await, count("text=%C3%84RGER").await), (1, 1));
    assert_eq!((count("address=10.1.").await, count("address=1.2").await), (2, 0));
    assert_eq!(count(&format!("folder={}", world.folder)).await, 1);
    assert_eq!((count("action=test&allowed=true").await, count("action=test&allowed=false").await), (0, 1));
    root.json(Method::PUT, &format!("{LOG}/retention"), &json!({ "days": 30 })).await;
    let by_root = log(&root, "user=Root").await;
    assert_eq!(by_root.entries.len(), count("user=u1").await);
    assert!(by_root.entries.iter().all(|entry| entry.user_name.as_deref() == Some("root")));
    let device = by_root.entries.iter().find_map(|entry| entry.device).unwrap();
    assert!(count(&format!("device={device}")).await > 0);
    let far = "from=2033-05-18T03:33:20Z&until=2033-05-18T03:33:21Z";
    assert_eq!((count(far).await, count("until=1999-01-01T00:00:00Z").await), (2, 0));
    let shown = log(&root, "action=test.one").await;
    assert_eq!(shown.entries[0].details[0].value, "<img src=x onerror=alert(1)>");
    for bad in ["from=yesterday", "user=nobody", "device=x", "folder=1", "text=%20".repeat(99).as_str()] {
        root.get(&format!("{LOG}?{bad}")).await.assert_problem(ProblemKind::Invalid);
    }
    root.get(&format!("{LOG}?limit=x")).await.assert_problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn a_rare_entry_in_a_long_log_costs_several_bounded_calls() {
    let (world, root) = administered().await;
    write(&*world.database, vec![entry("test.rare", "here")]);
    for _ in 0..5 {
        write(&*world.database, (0..5_000).map(|_| entry("test.often", "x")).collect());
    }
    let before = world.database.figures().steps;
    let mut page = log(&root, "action=test.rare").await;
    let steps = world.database.figures().steps - before;
    assert!(page.entries.is_empty() && page.older.is_some());
    assert!(steps < 600_000, "{steps} steps for 10,000 rows");
    let mut calls = 1;
    while page.entries.is_empty() {
        page = log(&root, &format!("action=test.rare&before={}", page.older.unwrap())).await;
        calls += 1;
    }
    assert_eq!((page.entries.len(), calls), (1, 3));
}

#[tokio::test]
async fn an_export_has_every_row_once_and_nothing_that_runs() {
    let (world, root) = administered().await;
    let hostile =
        ["=HYPERLINK(\"http://evil\")", "+1", "-1", "@x", "\t=1", "a\"b\r\nc", "<script>alert(1)</script>"];
    write(
        &*world.database,
        hostile
            .iter()
            .map(|text| {
                let mut entry = entry("test.hostile", "x");
                entry.address = (*text).to_owned();
                entry
            })
            .collect(),
    );
    write(&*world.database, (0..1_200).map(|_| entry("test.many", "z")).collect());
    let answer = root.get(&format!("{LOG}/export?action=test")).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"driftless-log-"));
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(text.matches("\r\n").count(), 1 + 7 + 1_200 + 1, "one line each, and one within a cell");
    for cell in [
        "\"'=HYPERLINK(\"\"http://evil\"\")\"",
        "\"'+1\"",
        "\"'-1\"",
        "\"'@x\"",
        "\"'\t=1\"",
        "\"a\"\"b\r\nc\"",
    ] {
        assert!(text.contains(cell), "{cell}");
    }
    let lines = root.get(&format!("{LOG}/export?action=test&format=jsonl")).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = lines
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1_207);
    assert_eq!(lines[6]["address"], "<script>alert(1)</script>");
    let rows = metadata::read(&*world.database, |snapshot| snapshot.audit(0, 10_000)).unwrap();
    let first = rows.iter().find(|row| row.action == "test.hostile").unwrap();
    assert_eq!(lines[0]["digest"], metadata::audit::hex(&first.digest));
    let exports = log(&root, "action=log.export").await;
    assert_eq!((exports.entries.len(), exports.entries[0].details[0].value.as_str()), (2, "test"));
}

#[tokio::test]
async fn a_proof_shows_that_nothing_was_changed_and_what_was() {
    let (world, root) = administered().await;
    write(&*world.database, (0..20).map(|_| entry("test.one", "x")).collect());
    let kept = proof(&root, "").await;
    assert!(kept.whole && kept.first == 1 && kept.entries == kept.last && kept.faults.is_empty());
    write(&*world.database, vec![entry("test.two", "y")]);
    let query = format!("?number={}&digest={}", kept.last, kept.head);
    let later = proof(&root, &query).await;
    assert_eq!((later.whole, later.kept, later.last), (true, Some(KeptProof::Same), kept.last + 1));
    let wrong = proof(&root, &format!("?number={}&digest={}", kept.last, "0".repeat(64))).await;
    assert_eq!(wrong.kept, Some(KeptProof::Changed));
    let beyond = proof(&root, &format!("?number=99999&digest={}", kept.head)).await;
    assert_eq!(beyond.kept, Some(KeptProof::Missing));
    for bad in ["?number=1", "?number=1&digest=abc", "?number=18446744073709551615&digest=x"] {
        root.get(&format!("{LOG}/proof{bad}")).await.assert_problem(ProblemKind::Invalid);
    }
    let path = world.directory.path().join("catalog.db");
    let damage = rusqlite::Connection::open(&path).unwrap();
    damage
        .execute_batch("DROP TRIGGER audit_is_never_changed; UPDATE audit SET allowed = 1 WHERE number = 9")
        .unwrap();
    let found = proof(&root, "").await;
    assert_eq!((found.whole, found.faults, found.fault_count), (false, vec![9], 1));
    damage
        .execute_batch("UPDATE audit SET allowed = 0 WHERE number = 9; DELETE FROM audit WHERE number <= 3")
        .unwrap();
    let found = proof(&root, &query).await;
    assert_eq!((found.whole, found.faults), (false, vec![4]), "a beginning that no entry speaks of");
    assert_eq!(found.kept, Some(KeptProof::Same));
}

#[tokio::test]
async fn what_is_too_old_goes_once_a_day_and_the_rest_stays_provable() {
    let now = Arc::new(AtomicI64::new(2_000_000_000));
    let clock = Arc::clone(&now);
    let world = World::start_with(|settings| {
        settings.clock = Arc::new(move || Timestamp::from_parts(clock.load(Ordering::Relaxed), 0));
    })
    .await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let days = |days: i64| now.fetch_add(days * 86_400, Ordering::Relaxed);
    let path = format!("{LOG}/retention");
    assert_eq!(root.get(&path).await.parse::<LogRetention>().days, None);
    for bad in [json!({ "days": 6 }), json!({ "days": 99_999 }), json!({ "days": -1 })] {
        root.json(Method::PUT, &path, &bad).await.assert_problem(ProblemKind::Invalid);
    }
    let set = root.json(Method::PUT, &path, &json!({ "days": 30 })).await;
    assert_eq!(set.parse::<LogRetention>().days, Some(30));
    let before = proof(&root, "").await;
    days(29);
    write(
        &*world.database,
        vec![AuditEntry {
            at: Timestamp::from_parts(now.load(Ordering::Relaxed), 0),
            ..entry("test.new", "x")
        }],
    );
    assert_eq!(thin(&world).await, 0);
    days(3);
    assert_eq!(thin(&world).await, before.last, "everything of the first day");
    assert_eq!(thin(&world).await, 0);
    let after = proof(&root, &format!("?number={}&digest={}", before.last, before.head)).await;
    assert_eq!((after.whole, after.first, after.kept), (true, before.last + 1, Some(KeptProof::Same)));
    assert_eq!(after.beginning, before.head);
    let old = proof(&root, &format!("?number=1&digest={}", before.head)).await;
    assert_eq!(old.kept, Some(KeptProof::TakenAway));
    assert_eq!(log(&root, "action=log").await.entries[0].details[0].value, before.last.to_string());
    // Days later the entry that sealed the beginning goes itself, and another one takes its place.
    days(60);
    assert!(thin(&world).await > 0);
    let last = proof(&root, "").await;
    assert!(last.whole && last.entries == 1, "{last:?}");
    let answer = root.json(Method::PUT, &path, &json!({})).await;
    assert_eq!(answer.parse::<LogRetention>().days, None);
}

#[tokio::test]
async fn the_log_is_for_administrators_and_says_who_else_asked() {
    let (world, root) = administered().await;
    let alice = world.person("alice", WirePrivilege::Manage).await;
    for path in ["", "/export", "/proof", "/retention"] {
        alice.get(&format!("{LOG}{path}")).await.assert_problem(ProblemKind::Forbidden);
    }
    let refused = log(&root, "user=alice&action=administration&allowed=false").await;
    assert_eq!(refused.entries.len(), 4);
    assert!(refused.entries.iter().all(|entry| entry.user == Some(UserId(2)) && entry.folder.is_none()));
    assert_eq!(FolderId(1), world.folder);
}

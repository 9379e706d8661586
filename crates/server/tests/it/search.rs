//! Names found in one folder and in all.

use crate::bundles::{Draft, ROOT, create};
use crate::world::{Api, World};
use http::StatusCode;
use model::{Content, FolderId, NodeRef, Operation};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{SearchResponse, WireNameRule, WirePrivilege};

async fn search(api: &Api, query: &str) -> SearchResponse {
    let answer = api.get(&format!("/api/v1/search?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.parse()
}

async fn paths(api: &Api, query: &str) -> Vec<String> {
    search(api, query).await.entries.into_iter().map(|entry| entry.path).collect()
}

/// `Reports` with `Café 2026.txt` in it and `summary REPORT.pdf` beside it.
async fn some_names(api: &Api) -> NodeRef {
    let made = api.commit(Draft::new().group([create(0, ROOT, "Reports", Content::Directory)])).await;
    let directory = NodeRef::Id(made.node(0).node);
    api.commit(Draft::new().group([create(0, directory, "Caf\u{e9} 2026.txt", Content::Directory)])).await;
    api.commit(Draft::new().file("summary REPORT.pdf", b"four")).await;
    directory
}

#[tokio::test]
async fn names_are_found_in_any_case_with_where_they_are() {
    let world = World::start().await;
    let alice = world.writer().await;
    some_names(&alice).await;
    assert_eq!(paths(&alice, "text=report").await, ["Reports", "summary REPORT.pdf"]);
    assert_eq!(paths(&alice, "text=CAFE%CC%81+20").await, ["Reports/Caf\u{e9} 2026.txt"]);
    assert_eq!(paths(&alice, "text=report&kind=file").await, ["summary REPORT.pdf"]);
    assert_eq!(paths(&alice, "text=report&size_min=5").await, [""; 0]);
    assert_eq!(paths(&alice, "text=report&modified_since=2020-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(paths(&alice, "text=zzz").await, [""; 0]);
    let found = search(&alice, &format!("text=summary&folder={}", alice.folder)).await;
    let entry = &found.entries[0];
    assert_eq!((entry.name.as_str(), entry.kind.as_str(), entry.size), ("summary REPORT.pdf", "file", 4));
    assert_eq!((entry.folder, entry.parent.to_string()), (alice.folder, "n1".to_owned()));
}

#[tokio::test]
async fn signs_of_patterns_stand_for_themselves() {
    let world = World::start().await;
    let alice = world.writer().await;
    for name in ["100%", "a_b", "<b>x", "quote'\"", "a*"] {
        alice.commit(Draft::new().file(name, b"")).await;
    }
    assert_eq!(paths(&alice, "text=%25").await, ["100%"]);
    assert_eq!(paths(&alice, "text=_").await, ["a_b"]);
    assert_eq!(paths(&alice, "text=*").await, ["a*"]);
    assert_eq!(paths(&alice, "text=%3CB%3E").await, ["<b>x"]);
    assert_eq!(paths(&alice, "text='%22").await, ["quote'\""]);
}

#[tokio::test]
async fn what_was_removed_is_not_found() {
    let world = World::start().await;
    let alice = world.writer().await;
    let made = alice.commit(Draft::new().file("old report", b"")).await.node(0);
    assert_eq!(paths(&alice, "text=report").await, ["old report"]);
    let remove = Operation::Remove { node: made.node, base: made.revision };
    alice.commit(Draft::new().group([remove])).await;
    assert_eq!(paths(&alice, "text=report").await, [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_through_all_folders_without_gap_or_repetition() {
    let world = World::start().await;
    let alice = world.writer().await;
    let second = world.add_folder("second", None).await;
    world.grant("second", "alice", WirePrivilege::Write).await;
    let other = Api { folder: second, ..alice.clone() };
    for number in 0..5 {
        alice.commit(Draft::new().file(&format!("x{number}"), b"")).await;
        other.commit(Draft::new().file(&format!("X{number}"), b"")).await;
    }
    for limit in [1, 2, 3, 5, 10, 100] {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = search(&alice, &format!("text=x&limit={limit}{after}")).await;
            assert!(page.entries.len() <= limit);
            found.extend(page.entries.into_iter().map(|entry| (entry.folder, entry.name)));
            let Some(next) = page.next else { break };
            after = format!("&after={next}");
        }
        let names = |folder: FolderId, sign: &str| {
            (0..5).map(move |number| (folder, format!("{sign}{number}"))).collect::<Vec<_>>()
        };
        assert_eq!(found, [names(alice.folder, "x"), names(second, "X")].concat(), "in pages of {limit}");
    }
}

#[tokio::test]
async fn only_what_one_may_read_is_found() {
    let world = World::start().await;
    let alice = world.writer().await;
    alice.commit(Draft::new().file("plan", b"")).await;
    world.add_user("eve", false).await;
    let eve = world.link("eve", "laptop").await;
    assert_eq!(paths(&eve, "text=plan").await, [""; 0]);
    assert_eq!(paths(&eve, &format!("text=plan&after={}", alice.folder)).await, [""; 0]);
    eve.get(&format!("/api/v1/search?text=plan&folder={}", alice.folder))
        .await
        .assert_problem(ProblemKind::NotFound);
    world.grant("docs", "eve", WirePrivilege::Read).await;
    assert_eq!(paths(&eve, "text=plan").await, ["plan"]);
    world.grant("docs", "eve", WirePrivilege::None).await;
    assert_eq!(paths(&eve, "text=plan").await, [""; 0]);
}

#[tokio::test]
async fn folders_of_exact_names_are_searched_in_any_case_too() {
    let world = World::start().await;
    let alice = world.writer().await;
    let request = AdminRequest::FolderAdd {
        folder: "src".into(),
        name_rule: WireNameRule::Exact,
        quota_bytes: None,
        plain: None,
    };
    let AdminAnswer::FolderAdded { id } = world.admin(request).await else { panic!("it is added") };
    world.grant("src", "alice", WirePrivilege::Write).await;
    let api = Api { folder: id, ..alice.clone() };
    for name in ["Makefile", "makefile", "STRA\u{df}E"] {
        api.commit(Draft::new().file(name, b"")).await;
    }
    assert_eq!(paths(&alice, "text=MAKE").await, ["Makefile", "makefile"]);
    assert_eq!(paths(&alice, "text=strasse").await, ["STRA\u{df}E"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let long = format!("text={}", "x".repeat(256));
    for bad in ["text=", "text=a&kind=door", "text=a&after=x", "text=a&modified_since=yesterday", &long] {
        alice.get(&format!("/api/v1/search?{bad}")).await.assert_problem(ProblemKind::Invalid);
    }
    alice.get("/api/v1/search").await.assert_problem(ProblemKind::BadRequest);
    alice.get("/api/v1/search?text=a&folder=x").await.assert_problem(ProblemKind::NotFound);
}

//! Views: asked for, pulled through, and refused.

use crate::bundles::{Draft, ROOT, create};
use crate::changes::pull;
use crate::world::{Answer, Api, World};
use http::Method;
use model::{Content, NodeId, NodeRef, Operation, RemoteNode};
use protocol::ProblemKind;
use protocol::v1::ViewResponse;
use serde_json::{Value, json};

async fn refused(api: &Api, query: &str) -> ProblemKind {
    api.get(&api.folder_path(&format!("changes{query}"))).await.problem().kind().unwrap()
}

async fn ask(api: &Api, request: &Value) -> Answer {
    api.json(Method::POST, &api.folder_path("views"), request).await
}

async fn view(api: &Api, request: &Value) -> ViewResponse {
    ask(api, request).await.parse()
}

fn names(nodes: &[RemoteNode]) -> Vec<String> {
    nodes.iter().map(|node| node.name.to_string()).collect()
}

#[tokio::test]
async fn a_view_is_pulled_through_page_by_page_and_a_move_into_it_brings_what_is_below() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new()
        .group([create(0, ROOT, "in", Content::Directory)])
        .group([create(1, ROOT, "out", Content::Directory)])
        .group([create(2, NodeRef::Temporary(1), "deep", Content::Directory)]);
    let made = alice.commit((0..30).fold(draft, |draft, index| {
        draft.group([create(3 + index, NodeRef::Temporary(2), &format!("d{index}"), Content::Directory)])
    }));
    let made = made.await;
    let (inside, deep) = (made.node(0), made.node(2));
    let asked = view(&alice, &json!({ "only": ["in"], "exclude": ["d1?"] })).await;
    assert_eq!(asked.root, NodeId::ROOT);
    assert_eq!(view(&alice, &json!({ "only": ["in", "in/x"], "exclude": ["d1?"] })).await, asked);

    let (nodes, end) = pull(&alice, &format!("?view={}", asked.view)).await;
    assert_eq!((names(&nodes), end.more), (vec!["in".to_owned()], false));
    let moved = Operation::Move {
        node: deep.node,
        base: deep.revision.placement,
        parent: NodeRef::Id(inside.node),
        name: model::Name::new("deep").unwrap(),
    };
    let moved = alice.commit_at(&format!("?view={}", asked.view), Draft::new().group([moved])).await;
    let (mut found, mut cursor, mut pages) = (Vec::new(), end.cursor.clone(), 0);
    loop {
        let (nodes, end) = pull(&alice, &format!("?limit=7&since={cursor}")).await;
        found.extend(names(&nodes));
        (cursor, pages) = (end.cursor, pages + 1);
        if !end.more {
            break;
        }
    }
    found.sort();
    assert_eq!(found.len(), 1 + 30 - 10, "{found:?}");
    assert!(pages >= 3 && found.contains(&"deep".to_owned()) && !found.contains(&"d10".to_owned()));
    assert_eq!(cursor, moved.result.cursor, "a commit's own cursor stands in the view");
}

#[tokio::test]
async fn a_cursor_serves_the_view_that_it_was_made_for() {
    let world = World::start().await;
    let alice = world.writer().await;
    alice.commit(Draft::new().group([create(0, ROOT, "a", Content::Directory)])).await;
    let one = view(&alice, &json!({ "only": ["a"] })).await.view;
    let other = view(&alice, &json!({ "only": ["b"] })).await.view;
    let (_, of_folder) = pull(&alice, "").await;
    let (_, of_one) = pull(&alice, &format!("?view={one}")).await;
    let expired = ProblemKind::CursorExpired;
    assert_eq!(refused(&alice, &format!("?view={other}&since={}", of_one.cursor)).await, expired);
    assert_eq!(refused(&alice, &format!("?view={one}&since={}", of_folder.cursor)).await, expired);
    let unknown = "0".repeat(32);
    assert_eq!(refused(&alice, &format!("?view={unknown}")).await, ProblemKind::UnknownView);
    assert_eq!(refused(&alice, "?view=x").await, ProblemKind::BadRequest);
    let forged = of_one.cursor.0.replace(&one.to_string(), &other.to_string());
    assert_eq!(refused(&alice, &format!("?since={forged}")).await, ProblemKind::Invalid);
    let (nodes, _) = pull(&alice, &format!("?since={}", of_one.cursor)).await;
    assert!(nodes.is_empty(), "a cursor names its view");
    // Another person who may read uses the same name; one who may not, sees nothing.
    let bob = world.person("bob", protocol::v1::WirePrivilege::Read).await;
    assert_eq!(names(&pull(&bob, &format!("?view={one}")).await.0), ["a"]);
    let eve = world.person("eve", protocol::v1::WirePrivilege::None).await;
    assert_eq!(refused(&eve, &format!("?view={one}")).await, ProblemKind::NotFound);
}

#[tokio::test]
async fn what_is_no_view_is_refused_and_said() {
    let world = World::start().await;
    let alice = world.writer().await;
    let made = alice.commit(Draft::new().group([create(0, ROOT, "a", Content::Directory)])).await;
    let cases = [
        (json!({ "only": ["../x"] }), ProblemKind::Invalid),
        (json!({ "only": ["/x"] }), ProblemKind::Invalid),
        (json!({ "only": [""] }), ProblemKind::Invalid),
        (json!({ "exclude": ["a["] }), ProblemKind::Invalid),
        (json!({ "exclude": ["x".repeat(2_000)] }), ProblemKind::Invalid),
        (json!({ "exclude": vec!["x"; 300] }), ProblemKind::TooLarge),
        (json!({ "directory": "../a" }), ProblemKind::Invalid),
        (json!({ "directory": "b" }), ProblemKind::NotFound),
        (json!({ "root": "n99" }), ProblemKind::ViewGone),
        (json!({ "root": "x" }), ProblemKind::Invalid),
        (json!({ "unknown": 1 }), ProblemKind::Invalid),
    ];
    for (request, kind) in cases {
        let problem = ask(&alice, &request).await.problem();
        let found = problem.kind().unwrap();
        assert!(
            found == kind || (kind == ProblemKind::Invalid && found == ProblemKind::BadRequest),
            "{request}: {problem:?}"
        );
    }
    let asked = view(&alice, &json!({ "directory": "A" })).await;
    assert_eq!(asked.root, made.node(0).node, "by the folder's rule for names");
    let gone = Operation::Remove { node: asked.root, base: made.node(0).revision };
    alice.commit(Draft::new().group([gone])).await;
    assert_eq!(refused(&alice, &format!("?view={}", asked.view)).await, ProblemKind::ViewGone);
    let limits = alice.get("/api/v1/server").await.parse::<Value>();
    assert_eq!(limits["limits"]["view_patterns"], json!(256));
    assert!(limits["capabilities"].as_array().unwrap().contains(&json!("views")));
}

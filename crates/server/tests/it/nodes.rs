use crate::bundles::{Draft, ROOT, create, file_content};
use crate::world::{Answer, Api, World};
use http::{Method, StatusCode};
use http_body_util::Full;
use model::{Content, Operation, Timestamp};
use protocol::ProblemKind;
use protocol::v1::{RestoreResponse, VersionsResponse};

async fn get_with(api: &Api, path: &str, name: &str, value: &str) -> Answer {
    let request = api.request(Method::GET, path).header(name, value);
    api.send(request.body(Full::default()).unwrap()).await
}

/// A file of two versions, and its path.
async fn file_of_two_versions(alice: &Api) -> (model::Applied, String) {
    let first = alice.commit(Draft::new().file("no\u{eb}l\".txt", b"first state")).await.node(0);
    let mut draft = Draft::new().group([Operation::Update {
        node: first.node,
        base: first.revision.version,
        content: file_content(b"second"),
        executable: true,
        mtime: Timestamp(1_795_303_532_000_000_005),
    }]);
    draft.chunks.push(b"second".to_vec());
    let second = alice.commit(draft).await.node(0);
    (second, alice.folder_path(&format!("nodes/{}", second.node)))
}

#[tokio::test]
async fn a_download_is_an_attachment_with_ranges_and_tags() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (_, node) = file_of_two_versions(&alice).await;
    let path = format!("{node}/content");
    let answer = alice.get(&path).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, b"second".as_slice()));
    assert_eq!(answer.header("content-disposition"), "attachment; filename*=UTF-8''no%C3%ABl%22.txt");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let tag = answer.header("etag").to_owned();

    let part = get_with(&alice, &path, "range", "bytes=1-3").await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, b"eco".as_slice()));
    assert_eq!(part.header("content-range"), "bytes 1-3/6");
    get_with(&alice, &path, "range", "bytes=6-").await.assert_problem(ProblemKind::RangeNotSatisfiable);
    let cached = get_with(&alice, &path, "if-none-match", &tag).await;
    assert_eq!((cached.status, cached.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = alice.call(Method::HEAD, &path).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, "6", 0));

    assert_eq!(alice.get(&format!("{path}?version=1")).await.body, b"first state");
    alice.get(&format!("{path}?version=3")).await.assert_problem(ProblemKind::NotFound);
    alice.get(&format!("{path}?version=x")).await.assert_problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn directories_and_strangers_have_no_content() {
    let world = World::start().await;
    let alice = world.writer().await;
    let made =
        alice.commit(Draft::new().group([create(0, ROOT, "d", Content::Directory)])).await.node(0).node;
    for node in [made.to_string(), "n1".into(), "n77".into(), "x".into(), "n-1".into()] {
        let path = alice.folder_path(&format!("nodes/{node}/content"));
        alice.get(&path).await.assert_problem(ProblemKind::NotFound);
    }
}

#[tokio::test]
async fn an_empty_file_is_downloaded_as_nothing() {
    let world = World::start().await;
    let alice = world.writer().await;
    let node = alice.commit(Draft::new().file("empty", b"")).await.node(0).node;
    let answer = alice.get(&alice.folder_path(&format!("nodes/{node}/content"))).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.header("content-length"), "0");
}

#[tokio::test]
async fn history_says_who_what_and_when_and_brings_it_back() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (second, node) = file_of_two_versions(&alice).await;
    let history = async || alice.get(&format!("{node}/versions")).await.parse::<VersionsResponse>().versions;
    let versions = history().await;
    let seen: Vec<_> = versions.iter().map(|entry| (entry.number, entry.size, entry.current)).collect();
    assert_eq!(seen, [(2, 6, true), (1, 11, false)]);
    assert_eq!(versions[0].user.as_deref(), Some("alice"));
    assert_eq!(versions[0].device.as_deref(), Some("laptop"));
    assert_eq!(versions[0].mtime.to_string(), "2026-11-21T23:25:32.000000005Z");
    assert!(versions[0].executable);

    let restore = serde_json::json!({ "version": 1, "key": "0123456789abcdef0123456789abcdef" });
    let path = format!("{node}/restore");
    let first: RestoreResponse = alice.json(Method::POST, &path, &restore).await.parse();
    let again: RestoreResponse = alice.json(Method::POST, &path, &restore).await.parse();
    assert_eq!(first, again);
    assert_eq!(history().await.len(), 3, "the same attempt restores once");
    assert_eq!(alice.get(&format!("{node}/content")).await.body, b"first state");

    let current = alice.listing().await.into_iter().find(|row| row.id == second.node).unwrap();
    let remove = Operation::Remove { node: second.node, base: current.revision };
    assert_eq!(alice.commit(Draft::new().group([remove])).await.refusals(), [None]);
    assert!(alice.listing().await.is_empty());
    let answer = alice.json(Method::POST, &path, &serde_json::json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(alice.listing().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_a_reason() {
    let world = World::start().await;
    let alice = world.writer().await;
    let (_, node) = file_of_two_versions(&alice).await;
    let restore =
        async |body: serde_json::Value| alice.json(Method::POST, &format!("{node}/restore"), &body).await;
    assert!(restore(serde_json::json!({ "version": 9 })).await.status.is_client_error());
    restore(serde_json::json!({ "version": 9 })).await.problem();
    restore(serde_json::json!({ "version": "one" })).await.assert_problem(ProblemKind::Invalid);
    restore(serde_json::json!({ "versoin": 1 })).await.assert_problem(ProblemKind::Invalid);
    restore(serde_json::json!("x")).await.assert_problem(ProblemKind::Invalid);
    restore(serde_json::json!({})).await.assert_problem(ProblemKind::Refused);
    let path = alice.folder_path("nodes/n99/restore");
    alice.json(Method::POST, &path, &serde_json::json!({})).await.problem();
}

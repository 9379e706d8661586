use crate::bundles::{Draft, ROOT, chunk_id, committed, create};
use crate::world::World;
use http::{Method, StatusCode};
use model::Content;
use protocol::ProblemKind;
use protocol::bundle::{ChunkRef, Splice};
use protocol::v1::{MissingResponse, UploadResponse};

#[tokio::test]
async fn a_big_file_arrives_in_several_bundles_and_is_taken_up_again() {
    let world = World::start().await;
    let alice = world.writer().await;
    let parts: Vec<Vec<u8>> = (0..4u8).map(|seed| vec![seed + 1; 90_000]).collect();
    let ids: Vec<_> = parts.iter().map(|part| chunk_id(part)).collect();
    let open = serde_json::json!({ "size": 360_000 });
    let uploads = alice.folder_path("uploads");
    let opened: UploadResponse = alice.json(Method::POST, &uploads, &open).await.parse();
    assert_eq!(opened.arrived_chunks, 0);
    for part in &parts[..2] {
        let draft = Draft { uploads: vec![opened.upload], chunks: vec![part.clone()], ..Draft::new() };
        let mut encoder = draft.start();
        encoder.chunk(chunk_id(part), part);
        committed(&alice.bundle(&alice.folder_path("commits"), encoder.finish()).await);
    }
    // After a restart of either side: the same id, and what is missing.
    let again = serde_json::json!({ "upload": opened.upload.to_string(), "size": 360_000 });
    let taken_up: UploadResponse = alice.json(Method::POST, &uploads, &again).await.parse();
    assert_eq!((taken_up.upload, taken_up.arrived_chunks), (opened.upload, 2));
    let body = serde_json::json!({ "chunks": ids.iter().map(ToString::to_string).collect::<Vec<_>>() });
    let answer = alice.json(Method::POST, &alice.folder_path("chunks/missing"), &body).await;
    assert_eq!(answer.parse::<MissingResponse>().missing, ids[2..]);

    let entries = ids.iter().map(|id| chunker::Entry { chunk: *id, length: 90_000 }).collect();
    let content = chunker::Manifest::new(entries).content_id();
    let draft = Draft {
        uploads: vec![opened.upload],
        chunks: parts[2..].to_vec(),
        ..Draft::new().group([create(0, ROOT, "big", Content::File { id: content, size: 360_000 })])
    };
    let mut encoder = draft.start();
    let refs = ids.iter().map(|id| ChunkRef { id: *id, length: 90_000 }).collect();
    encoder.manifest(content, 360_000, None, &[Splice::New(refs)]);
    parts[2..].iter().for_each(|part| encoder.chunk(chunk_id(part), part));
    let done = committed(&alice.bundle(&alice.folder_path("commits"), encoder.finish()).await);
    assert_eq!(done.refusals(), [None]);
    let path = alice.folder_path(&format!("nodes/{}/content", done.node(0).node));
    assert_eq!(alice.get(&path).await.body, parts.concat());
}

#[tokio::test]
async fn an_upload_is_its_devices_own() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bob = world.person("bob", protocol::v1::WirePrivilege::Write).await;
    let open = serde_json::json!({ "size": 10 });
    let opened: UploadResponse = alice.json(Method::POST, &alice.folder_path("uploads"), &open).await.parse();
    let theirs = serde_json::json!({ "upload": opened.upload.to_string(), "size": 10 });
    bob.json(Method::POST, &bob.folder_path("uploads"), &theirs).await.assert_problem(ProblemKind::NotFound);
    let path = bob.folder_path(&format!("uploads/{}", opened.upload));
    assert_eq!(bob.call(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
    // It was not his to give up.
    let again: UploadResponse =
        alice.json(Method::POST, &alice.folder_path("uploads"), &theirs).await.parse();
    assert_eq!(again.upload, opened.upload);
    let draft = Draft { uploads: vec![opened.upload], chunks: vec![b"x".to_vec()], ..Draft::new() };
    let mut encoder = draft.start();
    encoder.chunk(chunk_id(b"x"), b"x");
    let answer = bob.bundle(&bob.folder_path("commits"), encoder.finish()).await;
    answer.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn an_upload_that_is_given_up_or_too_large_is_no_more() {
    let world = World::start().await;
    let alice = world.writer().await;
    let uploads = alice.folder_path("uploads");
    let opened: UploadResponse =
        alice.json(Method::POST, &uploads, &serde_json::json!({ "size": 10 })).await.parse();
    let path = format!("{uploads}/{}", opened.upload);
    for _ in 0..2 {
        assert_eq!(alice.call(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
    }
    let draft = Draft { uploads: vec![opened.upload], chunks: vec![b"x".to_vec()], ..Draft::new() };
    let mut encoder = draft.start();
    encoder.chunk(chunk_id(b"x"), b"x");
    alice.bundle(&alice.folder_path("commits"), encoder.finish()).await.assert_problem(ProblemKind::NotFound);
    let huge = serde_json::json!({ "size": u64::MAX });
    alice.json(Method::POST, &uploads, &huge).await.assert_problem(ProblemKind::TooLarge);
    let negative = serde_json::json!({ "size": -1 });
    alice.json(Method::POST, &uploads, &negative).await.assert_problem(ProblemKind::Invalid);
    alice.call(Method::DELETE, &format!("{uploads}/xyz")).await.assert_problem(ProblemKind::NotFound);
}

use crate::bundles::{Draft, ROOT, chunk_id, committed, create, file_content};
use crate::world::{Answer, Api, World, bundle};
use http::{Method, StatusCode};
use model::{ChunkId, Content, NodeId};
use protocol::ProblemKind;
use protocol::bundle::{ChunkRef, NodeContent, Record, Splice, Unpacker, WantedChunk};
use protocol::v1::{MissingResponse, WirePrivilege};

fn wanted(bytes: &[u8], node: Option<NodeId>) -> WantedChunk {
    WantedChunk { chunk: chunk_id(bytes), node }
}

async fn fetch(api: &Api, chunks: &[WantedChunk], manifests: &[NodeContent]) -> Answer {
    let body = bundle(|encoder| {
        encoder.wanted_manifests(manifests);
        encoder.wanted_chunks(chunks);
    });
    api.bundle(&api.folder_path("chunks/fetch"), body).await
}

/// The chunks' bytes, in order, and those that were not there.
#[track_caller]
fn fetched(answer: &Answer) -> (Vec<Vec<u8>>, Vec<ChunkId>) {
    let mut unpacker = Unpacker::default();
    let (mut chunks, mut missing) = (Vec::new(), Vec::new());
    for record in answer.records() {
        match record {
            Record::Chunk(chunk) => chunks.push(unpacker.chunk(&chunk).unwrap().to_vec()),
            Record::Block(block) => {
                chunks.extend(unpacker.block(&block).unwrap().iter().map(|plain| plain.to_vec()));
            }
            Record::MissingChunks(ids) => missing.extend(ids),
            Record::Manifest(_) | Record::End(_) => {}
            other => panic!("{other:?}"),
        }
    }
    (chunks, missing)
}

#[tokio::test]
async fn what_was_committed_is_fetched_in_the_order_asked() {
    let world = World::start().await;
    let alice = world.writer().await;
    let files: Vec<Vec<u8>> =
        (0..200u32).map(|index| index.to_le_bytes().repeat(20 + 300 * (index as usize % 70))).collect();
    let mut draft = Draft::new();
    for (index, bytes) in files.iter().enumerate() {
        draft = draft.file(&format!("f{index}"), bytes);
    }
    let done = alice.commit(draft).await;
    assert!(done.refusals().iter().all(Option::is_none));
    let all: Vec<_> =
        files.iter().enumerate().map(|(index, bytes)| wanted(bytes, Some(done.node(index).node))).collect();
    assert_eq!(fetched(&fetch(&alice, &all, &[]).await), (files.clone(), vec![]));
    let backwards: Vec<_> = all.iter().rev().copied().collect();
    assert_eq!(
        fetched(&fetch(&alice, &backwards, &[]).await).0,
        files.iter().rev().cloned().collect::<Vec<_>>()
    );
    let every_third: Vec<_> = all.iter().step_by(3).copied().collect();
    assert_eq!(
        fetched(&fetch(&alice, &every_third, &[]).await).0,
        files.iter().step_by(3).cloned().collect::<Vec<_>>()
    );
    let twice = [all[5], all[5]];
    assert_eq!(fetched(&fetch(&alice, &twice, &[]).await).0, [files[5].clone(), files[5].clone()]);
}

#[tokio::test]
async fn whole_blocks_are_passed_on_as_they_are_stored() {
    let world = World::start().await;
    let alice = world.writer().await;
    let files: Vec<Vec<u8>> =
        (0..100u32).map(|index| format!("file {index} of a hundred\n").repeat(40).into()).collect();
    let mut draft = Draft::new();
    for (index, bytes) in files.iter().enumerate() {
        draft = draft.file(&format!("f{index}"), bytes);
    }
    let done = alice.commit(draft).await;
    let all: Vec<_> =
        files.iter().enumerate().map(|(index, bytes)| wanted(bytes, Some(done.node(index).node))).collect();
    let answer = fetch(&alice, &all, &[]).await;
    let blocks = answer.records().into_iter().filter(|record| matches!(record, Record::Block(_))).count();
    assert_eq!(blocks, 1);
    let plain: usize = files.iter().map(Vec::len).sum();
    assert!(answer.body.len() < plain / 10, "{} of {plain}", answer.body.len());
    assert_eq!(fetched(&answer).0, files);
}

#[tokio::test]
async fn a_manifest_is_shown_to_those_who_may_read_its_node() {
    let world = World::start().await;
    let alice = world.writer().await;
    let parts: Vec<Vec<u8>> = (0..3u8).map(|seed| vec![seed; 70_000]).collect();
    let manifest = chunker::Manifest::new(
        parts.iter().map(|part| chunker::Entry { chunk: chunk_id(part), length: 70_000 }).collect(),
    );
    let content = manifest.content_id();
    let draft = Draft::new().group([create(0, ROOT, "big", Content::File { id: content, size: 210_000 })]);
    let draft = Draft { chunks: parts.clone(), ..draft };
    let refs: Vec<_> = parts.iter().map(|part| ChunkRef { id: chunk_id(part), length: 70_000 }).collect();
    let mut encoder = draft.start();
    encoder.manifest(content, 210_000, None, &[Splice::New(refs.clone())]);
    parts.iter().for_each(|part| encoder.chunk(chunk_id(part), part));
    let done = committed(&alice.bundle(&alice.folder_path("commits"), encoder.finish()).await);
    let node = done.node(0).node;

    let answer = fetch(&alice, &[wanted(&parts[1], Some(node))], &[NodeContent { node, content }]).await;
    let shown = answer.records().into_iter().find_map(|record| match record {
        Record::Manifest(part) => Some(part),
        _ => None,
    });
    assert_eq!(shown.unwrap().splices, [Splice::New(refs)]);
    assert_eq!(fetched(&answer).0, [parts[1].clone()]);
    let other = NodeContent { node: NodeId(99), content };
    let answer = fetch(&alice, &[], &[other]).await;
    assert_eq!(answer.records(), [Record::End(0)]);
}

#[tokio::test]
async fn knowing_a_hash_gives_no_access() {
    let world = World::start().await;
    let alice = world.writer().await;
    let private = world.add_folder("private", None).await;
    world.grant("private", "alice", WirePrivilege::Write).await;
    let mallory = world.person("mallory", WirePrivilege::Write).await;
    let secret = b"what only alice may read".to_vec();
    let owner = Api { folder: private, ..alice.clone() };
    let node = owner.commit(Draft::new().file("secret", &secret)).await.node(0).node;

    let hidden = Api { folder: private, ..mallory.clone() };
    fetch(&hidden, &[wanted(&secret, Some(node))], &[]).await.assert_problem(ProblemKind::NotFound);
    for node in [None, Some(node), Some(NodeId::ROOT)] {
        let answer = fetch(&mallory, &[wanted(&secret, node)], &[]).await;
        assert_eq!(fetched(&answer), (vec![], vec![chunk_id(&secret)]));
    }
    let body = serde_json::json!({ "chunks": [chunk_id(&secret).to_string()] });
    let answer = mallory.json(Method::POST, &mallory.folder_path("chunks/missing"), &body).await;
    let response: MissingResponse = answer.parse();
    assert_eq!(
        response.missing,
        [chunk_id(&secret)],
        "others' chunks are missing to those who may not use them"
    );

    // The same bytes sent to a folder of one's own are one's own.
    let node = mallory.commit(Draft::new().file("guess", &secret)).await.node(0).node;
    assert_eq!(fetched(&fetch(&mallory, &[wanted(&secret, Some(node))], &[]).await).0, [secret]);
}

#[tokio::test]
async fn what_the_folder_holds_need_not_be_sent_again() {
    let world = World::start().await;
    let alice = world.writer().await;
    alice.commit(Draft::new().file("a", b"held")).await;
    let path = alice.folder_path("chunks/missing");
    let ids = [chunk_id(b"held"), chunk_id(b"new")];
    let body = serde_json::json!({ "chunks": ids.map(|id| id.to_string()) });
    let answer = alice.json(Method::POST, &path, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.parse::<MissingResponse>().missing, [ids[1]]);
    let body = bundle(|encoder| encoder.wanted_chunks(&ids.map(|chunk| WantedChunk { chunk, node: None })));
    let records = alice.bundle(&path, body).await.records();
    assert_eq!(records[0], Record::MissingChunks(vec![ids[1]]));
    // A copy made of it sends no bytes.
    let done = alice.commit(Draft::new().group([create(0, ROOT, "b", file_content(b"held"))])).await;
    assert_eq!(done.refusals(), [None]);
}

#[tokio::test]
async fn questions_are_bounded() {
    let world = World::start_with(|settings| settings.limits.chunks = 10).await;
    let alice = world.writer().await;
    let ids: Vec<_> = (0..11u8).map(|seed| wanted(&[seed], None)).collect();
    let body = bundle(|encoder| encoder.wanted_chunks(&ids));
    for path in ["chunks/missing", "chunks/fetch"] {
        let problem =
            alice.bundle(&alice.folder_path(path), body.clone()).await.assert_problem(ProblemKind::TooLarge);
        assert_eq!(problem.members["limit"], "chunks");
    }
    let body = serde_json::json!({ "chunks": ["nonsense"] });
    let path = alice.folder_path("chunks/missing");
    alice.json(Method::POST, &path, &body).await.assert_problem(ProblemKind::Invalid);
    let body = serde_json::json!({ "chunks": [], "administrator": true });
    alice.json(Method::POST, &path, &body).await.assert_problem(ProblemKind::Invalid);
    let body = serde_json::json!({ "chunks": ["x".repeat(2 << 20)] });
    let problem = alice.json(Method::POST, &path, &body).await.assert_problem(ProblemKind::TooLarge);
    assert_eq!(problem.members["limit"], "json_bytes");
    let wrong = bundle(|encoder| encoder.missing_chunks(&[chunk_id(b"x")]));
    alice
        .bundle(&alice.folder_path("chunks/fetch"), wrong)
        .await
        .assert_problem(ProblemKind::MalformedBundle);
}

#[tokio::test]
async fn damage_found_while_sending_is_said_in_the_stream() {
    let directory = tempfile::tempdir().unwrap();
    let store = content::MemoryStore::new();
    let world = World::start_on(directory, std::sync::Arc::new(store.clone()), |_| {}).await;
    let alice = world.writer().await;
    let sound = alice.commit(Draft::new().file("sound", b"sound bytes")).await.node(0).node;
    // Bytes that do not compress lie in the pack as they are.
    let mut noise = vec![0; 60_000];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    let broken = alice.commit(Draft::new().file("broken", &noise)).await.node(0).node;
    store.damage(model::location::PackId(1), |bytes| {
        let at = bytes.len() - 30_000;
        bytes[at] ^= 1;
    });
    let asked = [wanted(b"sound bytes", Some(sound)), wanted(&noise, Some(broken))];
    let records = fetch(&alice, &asked, &[]).await.records();
    assert!(matches!(&records[0], Record::Block(_)), "{records:?}");
    let Record::Problem(problem) = &records[1] else { panic!("{records:?}") };
    assert_eq!(problem.kind(), Some(ProblemKind::Internal));
    let path = alice.folder_path(&format!("nodes/{broken}/content"));
    let download = alice.try_get(&path).await;
    assert!(download.is_err(), "a download that breaks off is not taken for whole: {download:?}");
}

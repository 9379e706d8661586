//! Bodies that are refused whole: each gets a problem that says what, and changes nothing.

use crate::bundles::{Draft, ROOT, chunk_id, create, file_content};
use crate::world::{Api, World, bundle};
use http::Method;
use http_body_util::StreamBody;
use hyper::body::Frame;
use model::{Content, Limits};
use protocol::bundle::{ChunkRef, Splice};
use protocol::v1::WirePrivilege;
use protocol::{BUNDLE_MEDIA_TYPE, ProblemKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn refuse(api: &Api, body: Vec<u8>, kind: ProblemKind) -> protocol::Problem {
    let problem = api.bundle(&api.folder_path("commits"), body).await.assert_problem(kind);
    assert!(api.listing().await.is_empty(), "{problem:?}");
    problem
}

#[tokio::test]
async fn damaged_bundles_are_refused_whole() {
    let world = World::start().await;
    let alice = world.writer().await;
    let whole = Draft::new().file("a", b"some bytes").bytes();
    for end in [0, 4, 8, 9, 30, whole.len() - 5, whole.len() - 1] {
        refuse(&alice, whole[..end].to_vec(), ProblemKind::MalformedBundle).await;
    }
    let mut longer = whole.clone();
    longer.push(0);
    refuse(&alice, longer, ProblemKind::MalformedBundle).await;
    refuse(&alice, b"{}".to_vec(), ProblemKind::MalformedBundle).await;
    refuse(&alice, [b"DRIFTLS\x01".as_slice(), &[4, 0xff, 0xff, 0xff, 0x7f]].concat(), ProblemKind::TooLarge)
        .await;
}

#[tokio::test]
async fn records_out_of_place_are_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", b"abc");
    let chunk_first = bundle(|encoder| {
        encoder.small_chunk(None, b"abc");
        encoder.commit_head(&draft.head());
        encoder.groups(&draft.groups);
    });
    refuse(&alice, chunk_first, ProblemKind::MalformedBundle).await;
    let operations_last = bundle(|encoder| {
        encoder.commit_head(&draft.head());
        encoder.small_chunk(None, b"abc");
        encoder.groups(&draft.groups);
    });
    refuse(&alice, operations_last, ProblemKind::MalformedBundle).await;
    let two_heads = bundle(|encoder| {
        encoder.commit_head(&draft.head());
        encoder.commit_head(&draft.head());
    });
    refuse(&alice, two_heads, ProblemKind::MalformedBundle).await;
    let answer_record = bundle(|encoder| {
        encoder.commit_head(&draft.head());
        encoder.groups(&draft.groups);
        encoder.missing_chunks(&[chunk_id(b"abc")]);
    });
    refuse(&alice, answer_record, ProblemKind::MalformedBundle).await;
}

#[tokio::test]
async fn a_head_that_does_not_fit_its_body_is_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", b"abc").file("b", b"def");
    let with_head = |change: fn(&mut protocol::bundle::CommitHead)| {
        let mut head = draft.head();
        change(&mut head);
        bundle(|encoder| {
            encoder.commit_head(&head);
            encoder.groups(&draft.groups);
            draft.chunks.iter().for_each(|chunk| encoder.small_chunk(None, chunk));
        })
    };
    refuse(&alice, with_head(|head| head.operations = 1), ProblemKind::MalformedBundle).await;
    refuse(&alice, with_head(|head| head.operations = 3), ProblemKind::MalformedBundle).await;
    refuse(&alice, with_head(|head| head.groups = 1), ProblemKind::MalformedBundle).await;
    refuse(&alice, with_head(|head| head.chunk_bytes = 5), ProblemKind::MalformedBundle).await;
    let problem = refuse(&alice, with_head(|head| head.operations = 10_001), ProblemKind::TooLarge).await;
    assert_eq!(problem.members["limit"], "commit_operations");
    let problem =
        refuse(&alice, with_head(|head| head.chunk_bytes = (64 << 20) + 1), ProblemKind::TooLarge).await;
    assert_eq!(problem.members["limit"], "bundle_bytes");
}

#[tokio::test]
async fn a_chunk_that_is_not_what_its_id_says_is_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", b"abc");
    let mut encoder = draft.start();
    encoder.chunk(chunk_id(b"abc"), b"abd");
    let problem = refuse(&alice, encoder.finish(), ProblemKind::WrongChunk).await;
    assert_eq!(problem.members["chunk"], chunk_id(b"abc").to_string());
    let mut encoder = draft.start();
    encoder.small_chunk(Some(chunk_id(b"abc")), b"abd");
    refuse(&alice, encoder.finish(), ProblemKind::WrongChunk).await;
    let mut encoder = draft.start();
    encoder.small_chunk(None, b"abd");
    let problem = refuse(&alice, encoder.finish(), ProblemKind::WrongChunk).await;
    assert_eq!(problem.members["chunk"], chunk_id(b"abd").to_string(), "nothing names these bytes");
}

#[tokio::test]
async fn a_manifest_that_is_not_its_contents_is_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new().group([create(0, ROOT, "big", file_content(b"something else"))]);
    let model::Operation::Create { content: Content::File { id, .. }, .. } =
        draft.groups[0].operations[0].clone()
    else {
        panic!("a file was to be made")
    };
    let chunks = vec![ChunkRef { id: chunk_id(b"a"), length: 1 }, ChunkRef { id: chunk_id(b"b"), length: 1 }];
    let manifest = |size, splices: &[Splice]| {
        let mut encoder = draft.start();
        encoder.manifest(id, size, None, splices);
        encoder.finish()
    };
    refuse(&alice, manifest(2, &[Splice::New(chunks.clone())]), ProblemKind::Invalid).await;
    refuse(&alice, manifest(3, &[Splice::New(chunks)]), ProblemKind::Invalid).await;
    refuse(&alice, manifest(2, &[Splice::Keep { start: 0, count: 2 }]), ProblemKind::Invalid).await;
    let huge = vec![Splice::Keep { start: 0, count: u32::MAX }; 3];
    refuse(&alice, manifest(2, &huge), ProblemKind::TooLarge).await;
}

#[tokio::test]
async fn too_much_in_all_is_refused_before_it_is_read() {
    let world = World::start_with(|settings| {
        settings.limits = Limits { bundle_bytes: 1 << 20, ..Limits::default() };
    })
    .await;
    let alice = world.writer().await;
    // A body that says how long it is, and is over what any bundle may be.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\n\
         Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n",
        alice.folder_path("commits"),
        alice.token.as_ref().unwrap(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let world = World::start_with(|settings| settings.body_pause = Duration::from_millis(200)).await;
    let alice = world.writer().await;
    let whole = Draft::new().file("a", b"abc").bytes();
    let request = alice
        .request(Method::POST, &alice.folder_path("commits"))
        .header("content-type", BUNDLE_MEDIA_TYPE)
        .body(pieces(vec![whole[..20].to_vec()], Some(Duration::from_secs(60))))
        .unwrap();
    alice.send(request).await.assert_problem(ProblemKind::Timeout);
    assert!(alice.listing().await.is_empty());
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused() {
    let world = World::start_with(|settings| {
        settings.limits = Limits { chunks: 64, ..Limits::default() };
    })
    .await;
    let alice = world.writer().await;
    // Skippable records without end: each is well-formed, and all together they are too many.
    let endless = (0..200).map(|_| [&[0x80, 0x80, 0x20][..], &[0; 4096]].concat());
    let body: Vec<Vec<u8>> = std::iter::once(b"DRIFTLS\x01".to_vec()).chain(endless).collect();
    let request = alice
        .request(Method::POST, &alice.folder_path("chunks/missing"))
        .header("content-type", BUNDLE_MEDIA_TYPE)
        .body(pieces(body, None))
        .unwrap();
    alice.send(request).await.assert_problem(ProblemKind::TooLarge);
}

/// A body that comes in pieces, and then perhaps a pause before its end.
fn pieces(
    pieces: Vec<Vec<u8>>,
    pause: Option<Duration>,
) -> http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::io::Error> {
    let stream =
        futures_util::stream::unfold((pieces.into_iter(), pause), async |(mut rest, pause)| {
            match (rest.next(), pause) {
                (Some(piece), _) => Some((Ok(Frame::data(piece.into())), (rest, pause))),
                (None, Some(pause)) => {
                    tokio::time::sleep(pause).await;
                    None
                }
                (None, None) => None,
            }
        });
    http_body_util::BodyExt::boxed_unsync(StreamBody::new(stream))
}

#[tokio::test]
async fn a_full_quota_refuses_its_group_and_no_other() {
    let world = World::start().await;
    let folder = world.add_folder("small", Some(100)).await;
    world.add_user("alice", false).await;
    world.grant("small", "alice", WirePrivilege::Write).await;
    let alice = Api { folder, ..world.link("alice", "laptop").await };
    let done = alice.commit(Draft::new().file("a", &[1; 60]).file("b", &[2; 60]).file("c", &[3; 30])).await;
    assert_eq!(done.refusals(), [None, Some(model::Refusal::Quota), None]);
    assert_eq!(alice.folders().await.folders[0].used_bytes, 90);
}

#[tokio::test]
async fn a_full_disk_is_said_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = content::MemoryStore::new();
    let world = World::start_on(directory, std::sync::Arc::new(store.clone()), |_| {}).await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", b"abc");
    store.fail_next_append(content::Fault::NoSpace);
    alice.send_commit(&draft).await.assert_problem(ProblemKind::DiskFull);
    assert!(alice.listing().await.is_empty());
    store.fail_next_append(content::Fault::Io);
    let problem = alice.send_commit(&draft).await.assert_problem(ProblemKind::Internal);
    assert_eq!(problem.detail, None, "what happened inside is for the log");
    // The same attempt succeeds once there is room.
    assert_eq!(alice.commit(draft).await.refusals(), [None]);
}

#[tokio::test]
async fn a_database_that_finds_no_room_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(content::MemoryStore::new());
    let world = World::start_bounded(directory, store, Some(1 << 20), |_| {}).await;
    let alice = world.writer().await;
    let mut made = 0;
    let problem = loop {
        let draft = (0..500u32).fold(Draft::new(), |draft, index| {
            let name = format!("{:0>100}", made + index as usize);
            draft.group([create(index, ROOT, &name, Content::Directory)])
        });
        let answer = alice.send_commit(&draft).await;
        if answer.status != 200 {
            break answer.assert_problem(ProblemKind::DiskFull);
        }
        made += 500;
        assert!(made < 100_000, "a mebibyte does not hold so much");
    };
    assert_eq!(problem.detail, None);
    assert_eq!(alice.listing().await.len(), made, "all that was answered, and nothing of the last");
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let world = World::start().await;
    let alice = world.writer().await;
    let answer = alice.json(Method::POST, &alice.folder_path("commits"), &serde_json::json!({})).await;
    answer.assert_problem(ProblemKind::UnsupportedMediaType);
    let answer = alice.bundle(&alice.folder_path("uploads"), bundle(|_| {})).await;
    answer.assert_problem(ProblemKind::UnsupportedMediaType);
}

#[tokio::test]
async fn a_client_that_is_still_sending_is_told_the_reason() {
    let world = World::start().await;
    let alice = world.writer().await;
    let mut draft = Draft::new().file("first", b"abc");
    for index in 0..40u32 {
        let mut noise = vec![0; 1 << 20];
        blake3::Hasher::new().update(&index.to_le_bytes()).finalize_xof().fill(&mut noise);
        draft = draft.file(&format!("f{index}"), &noise);
    }
    let mut encoder = draft.start();
    // Wrong from the first chunk on, with 40 MiB still to come.
    encoder.small_chunk(None, b"abd");
    draft.chunks[1..].iter().for_each(|chunk| encoder.chunk(chunk_id(chunk), chunk));
    refuse(&alice, encoder.finish(), ProblemKind::WrongChunk).await;

    assert!(alice.commit(draft.clone()).await.refusals().iter().all(Option::is_none));
    let again = alice.commit(draft).await;
    assert!(again.result.replayed, "a repetition is answered while its body is still coming");
}

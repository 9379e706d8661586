use crate::bundles::{Draft, ROOT, create, file_content};
use crate::world::{Api, World, decoders};
use http::{Method, StatusCode};
use http_body_util::Full;
use model::{Content, NodeId, Operation, Timestamp};
use protocol::ProblemKind;
use protocol::v1::{FindingKind, OverviewResponse, PreviewState, WirePrivilege};
use std::sync::Arc;

const MARKUP: &[u8] = b"<html><script>alert(1)</script></html>\r\n";
const NO_PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and no picture";

async fn made(api: &Api, name: &str, bytes: &[u8]) -> NodeId {
    api.commit(Draft::new().file(name, bytes)).await.node(0).node
}

fn path(api: &Api, node: NodeId) -> String {
    api.folder_path(&format!("nodes/{node}/preview"))
}

#[tokio::test]
async fn a_file_with_markup_is_shown_as_plain_text_that_runs_nothing() {
    let world = World::start().await;
    let alice = world.writer().await;
    for name in ["page.html", "picture.svg", "data.xml"] {
        let node = made(&alice, name, MARKUP).await;
        let answer = alice.get(&path(&alice, node)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.body, b"<html><script>alert(1)</script></html>\n");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!((answer.header("preview-pages"), answer.header("preview-cut")), ("1", "false"));
    }
}

#[tokio::test]
async fn a_preview_has_the_tag_of_its_content_and_size() {
    let world = World::start().await;
    let alice = world.writer().await;
    let created = alice.commit(Draft::new().file("a.txt", b"first state")).await;
    let node = created.node(0).node;
    let path = path(&alice, node);
    let first = alice.get(&path).await;
    let tag = first.header("etag").to_owned();
    let small = alice.get(&format!("{path}?size=small")).await;
    assert_ne!(small.header("etag"), tag);
    let cached = alice
        .send(alice.request(Method::GET, &path).header("if-none-match", &tag).body(Full::default()).unwrap());
    let cached = cached.await;
    assert_eq!((cached.status, cached.body.len()), (StatusCode::NOT_MODIFIED, 0));

    let mut draft = Draft::new().group([Operation::Update {
        node,
        base: created.node(0).revision.version,
        content: file_content(b"second"),
        executable: false,
        mtime: Timestamp(1_795_303_532_000_000_005),
    }]);
    draft.chunks.push(b"second".to_vec());
    alice.commit(draft).await.node(0);
    let second = alice.get(&path).await;
    assert_eq!((second.body.as_ref(), second.header("etag") == tag), (b"second".as_slice(), false));
    let old = alice.get(&format!("{path}?version=1")).await;
    assert_eq!((old.body.as_ref(), old.header("etag")), (b"first state".as_slice(), tag.as_str()));
    alice.get(&format!("{path}?version=7")).await.assert_problem(ProblemKind::NotFound);
    alice.get(&format!("{path}?page=0")).await.assert_problem(ProblemKind::Invalid);
    alice.get(&format!("{path}?size=huge")).await.assert_problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn where_there_is_no_preview_the_reason_is_said_each_time() {
    let world = World::start().await;
    let alice = world.writer().await;
    let broken = made(&alice, "broken.png", NO_PICTURE).await;
    let archive = made(&alice, "archive.zip", b"PK\x03\x04\x14\0\0\0\0\0").await;
    let one_page = made(&alice, "one.txt", b"text").await;
    for (node, reason) in [(broken, "damaged"), (broken, "damaged"), (archive, "unsupported")] {
        let problem = alice.get(&path(&alice, node)).await.assert_problem(ProblemKind::NoPreview);
        assert_eq!(problem.members["reason"], reason);
    }
    assert_eq!(alice.get(&path(&alice, one_page)).await.status, StatusCode::OK, "and the server lives");
    let directory = Draft::new().group([create(0, ROOT, "d", Content::Directory)]);
    let directory = alice.commit(directory).await.node(0).node;
    alice.get(&path(&alice, directory)).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn who_may_not_read_sees_no_preview_and_switched_off_there_is_none() {
    let world = World::start().await;
    let alice = world.writer().await;
    let node = made(&alice, "a.txt", b"secret").await;
    let denied = world.person("eve", WirePrivilege::None).await;
    denied.get(&path(&denied, node)).await.assert_problem(ProblemKind::NotFound);
    world.nobody().get(&path(&alice, node)).await.assert_problem(ProblemKind::Unauthenticated);

    let without = World::start_with(|settings| settings.previews = None).await;
    let alice = without.writer().await;
    let node = made(&alice, "a.txt", b"text").await;
    let problem = alice.get(&path(&alice, node)).await.assert_problem(ProblemKind::NoPreview);
    assert_eq!(problem.members["reason"], "off");
}

/// A process that answers as the decoding one does where Landlock is missing: a length, "not locked", the second lock.
fn unsafe_machine() -> Arc<preview::Decoders> {
    let arguments = vec![r"\x02\x00\x02\x01".into()];
    let bounds = preview::Bounds::default();
    Arc::new(preview::Decoders::new("/usr/bin/printf".into(), arguments, preview::Strictness::Whole, bounds))
}

async fn administrator(world: &World) -> Api {
    world.add_user("root", true).await;
    world.link("root", "console").await
}

async fn overview(administrator: &Api) -> OverviewResponse {
    administrator.get("/api/v1/admin/overview").await.parse()
}

#[tokio::test]
async fn a_machine_that_cannot_lock_the_decoder_in_makes_none_and_says_so_to_administrators() {
    let world = World::start_with(|settings| settings.previews = Some(unsafe_machine())).await;
    let root = administrator(&world).await;
    assert_eq!(overview(&root).await.health.previews, PreviewState::Sandboxed, "nobody has looked yet");
    let alice = world.writer().await;
    let node = made(&alice, "a.txt", b"text").await;
    let problem = alice.get(&path(&alice, node)).await.assert_problem(ProblemKind::NoPreview);
    assert_eq!(problem.members["reason"], "not_sandboxed");
    let now = overview(&root).await;
    assert_eq!(now.health.previews, PreviewState::Unsafe);
    let finding = now.findings.iter().find(|finding| finding.kind == FindingKind::PreviewsUnsafe).unwrap();
    assert_eq!(finding.subject.as_deref(), Some("Landlock is not there"));
}

#[tokio::test]
async fn whether_previews_can_be_made_is_known_before_anybody_asks_for_one() {
    let state = async |previews: Option<Arc<preview::Decoders>>| {
        let world = World::start_with(|settings| settings.previews = previews).await;
        world.server.look_at_previews().await;
        let now = overview(&administrator(&world).await).await;
        let told = now.findings.iter().any(|finding| finding.kind == FindingKind::PreviewsUnsafe);
        (now.health.previews, told)
    };
    assert_eq!(state(Some(decoders())).await, (PreviewState::Sandboxed, false));
    assert_eq!(state(Some(unsafe_machine())).await, (PreviewState::Unsafe, true));
    assert_eq!(state(None).await, (PreviewState::Off, false));
}

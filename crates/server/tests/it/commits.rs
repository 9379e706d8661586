use crate::bundles::{Draft, ROOT, chunk_id, committed, create, file_content};
use crate::world::{World, bundle};
use model::{Content, ContentId, Group, Name, NodeRef, Operation, Refusal, Revision, Seq, Timestamp};
use protocol::ProblemKind;
use protocol::bundle::{ChunkRef, NodeContent, Splice};
use protocol::v1::WirePrivilege;

#[tokio::test]
async fn a_commit_makes_what_it_says_and_everybody_pulls_the_same() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bob = world.person("bob", WirePrivilege::Read).await;
    let draft = Draft::new()
        .group([
            create(0, ROOT, "dir", Content::Directory),
            create(1, NodeRef::Temporary(0), "link", Content::Link { target: b"../x".as_slice().into() }),
        ])
        .file("hello", b"hello there")
        .file("empty", b"");
    // `file` numbers its node by its group.
    let mut draft = draft;
    renumber(&mut draft.groups);
    let done = alice.commit(draft).await;
    assert_eq!(done.refusals(), [None, None, None]);
    assert_eq!((done.result.before, done.result.head), (Seq(0), Seq(4)));
    assert!(!done.result.replayed);

    let listing = bob.listing().await;
    let names: Vec<_> = listing.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["dir", "link", "hello", "empty"]);
    assert_eq!(listing[2].content, file_content(b"hello there"));
    assert_eq!(listing[3].content, Content::File { id: ContentId::EMPTY, size: 0 });
    assert_eq!(listing[1].parent, listing[0].id);
    assert_eq!(listing[2].mtime, Timestamp(7));
    let folder = &bob.folders().await.folders[0];
    assert_eq!((folder.head, folder.used_bytes), (4, 11));
}

fn renumber(groups: &mut [Group]) {
    let mut next = 100;
    for operation in groups.iter_mut().skip(1).flat_map(|group| &mut group.operations) {
        if let Operation::Create { temporary, .. } = operation {
            *temporary = next;
            next += 1;
        }
    }
}

#[tokio::test]
async fn good_groups_are_applied_beside_bad_ones_and_each_says_why() {
    let world = World::start().await;
    let alice = world.writer().await;
    let first = alice.commit(Draft::new().file("old", b"one").file("taken", b"two")).await;
    let old = first.node(0);
    let update = |base| Operation::Update {
        node: old.node,
        base,
        content: file_content(b"new"),
        executable: false,
        mtime: Timestamp(8),
    };
    let mut draft = Draft::new()
        .file("fresh", b"fresh")
        .group([update(Seq(99))])
        .group([update(old.revision.version)])
        .group([create(3, ROOT, "TAKEN", Content::Directory)])
        .group([create(4, ROOT, "absent", file_content(b"these bytes are never sent"))])
        .group([Operation::Remove {
            node: model::NodeId(77),
            base: Revision { placement: Seq(1), version: Seq(1) },
        }])
        .group([create(6, NodeRef::Temporary(4), "below", Content::Directory)]);
    draft.chunks.push(b"new".to_vec());
    let done = alice.commit(draft).await;
    assert_eq!(
        done.refusals(),
        [
            None,
            Some(Refusal::Stale),
            None,
            Some(Refusal::NameTaken),
            Some(Refusal::ChunkMissing),
            Some(Refusal::Gone),
            Some(Refusal::Dependency),
        ]
    );
    assert_eq!(done.result.before, Seq(2));
    assert_eq!(alice.listing().await.len(), 3);
}

#[tokio::test]
async fn the_same_key_and_body_are_answered_the_same_and_done_once() {
    let world = World::start().await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", b"a").group([create(1, ROOT, "A", Content::Directory)]);
    let first = alice.commit(draft.clone()).await;
    let appends = world.chunks.counters().appends;
    let again = alice.commit(draft.clone()).await;
    assert!(again.result.replayed);
    assert_eq!((again.outcomes, again.result.head), (first.outcomes, first.result.head));
    assert_eq!(again.result.before, first.result.before);
    assert_eq!(world.chunks.counters().appends, appends, "the chunks were not stored again");
    assert_eq!(alice.listing().await.len(), 1);

    let other = Draft { key: draft.key, ..Draft::new().file("b", b"b") };
    alice.send_commit(&other).await.assert_problem(ProblemKind::IdempotencyMismatch);
    assert_eq!(alice.listing().await.len(), 1);

    // Keys of different devices never meet.
    let desktop = world.link("alice", "desktop").await;
    let done = desktop.commit(other).await;
    assert_eq!(done.refusals(), [None]);
}

#[tokio::test]
async fn a_name_that_is_none_refuses_its_group_and_what_needs_it() {
    let world = World::start().await;
    let alice = world.writer().await;
    let names = ["..", ".", "", "a/b", "a\0b", "/etc", &"x".repeat(256), ".driftless"];
    for bad in names {
        // Stands where the bad name will be: our own types cannot hold it.
        let marker = "m".repeat(bad.len().clamp(1, 200));
        let draft = Draft::new()
            .file("good", b"good bytes")
            .group([create(1, ROOT, &marker, Content::Directory)])
            .group([create(2, NodeRef::Temporary(1), "below", Content::Directory)])
            .group([create(3, ROOT, "other", Content::Directory)]);
        let answer = alice.bundle(&alice.folder_path("commits"), with_name(&draft, &marker, bad)).await;
        let done = committed(&answer);
        let expected = [None, Some(Refusal::BadName), Some(Refusal::Dependency), None];
        assert_eq!(done.refusals(), expected, "{bad:?}");
        let listing = alice.listing().await;
        assert_eq!(listing.len(), 2, "{bad:?}: {listing:?}");
        remove_all(&alice, &listing).await;
    }
}

/// The draft's bundle with another text where a name stands.
fn with_name(draft: &Draft, marker: &str, bad: &str) -> Vec<u8> {
    let mut bytes = b"DRIFTLS\x01".to_vec();
    let mut encoder = protocol::bundle::Encoder::new();
    encoder.commit_head(&draft.head());
    bytes.extend(&encoder.take()[8..]);
    // One record of uncompressed operations, written by hand.
    let mut run = None;
    let mut groups = protocol::bundle::Encoder::new();
    groups.groups(&draft.groups);
    let mut decoder = protocol::bundle::Decoder::new(1 << 20);
    decoder.push(&groups.finish()).unwrap();
    while let Some(record) = decoder.next_record().unwrap() {
        if let protocol::bundle::Record::Operations(said) = record {
            run = Some(said);
        }
    }
    let run = run.unwrap();
    let mut steps = Vec::new();
    run.write_canonical(&mut steps);
    let at = steps.windows(marker.len()).position(|window| window == marker.as_bytes()).unwrap();
    let length_bytes = if marker.len() >= 128 { 2 } else { 1 };
    let mut text = varint(bad.len());
    text.extend(bad.as_bytes());
    steps.splice(at - length_bytes..at + marker.len(), text);
    let mut payload = vec![1, 0, run.len() as u8];
    payload.extend(steps);
    bytes.push(0x02);
    bytes.extend(varint(payload.len()));
    bytes.extend(payload);
    let mut chunks = protocol::bundle::Encoder::new();
    draft.chunks.iter().for_each(|chunk| chunks.small_chunk(None, chunk));
    chunks.flush_block();
    bytes.extend(&chunks.take()[8..]);
    let records = 2 + u8::from(!draft.chunks.is_empty());
    bytes.extend([0x7f, 2, 1, records]);
    bytes
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

async fn remove_all(api: &crate::world::Api, listing: &[model::RemoteNode]) {
    let remove = |node: &model::RemoteNode| Group {
        operations: vec![Operation::Remove { node: node.id, base: node.revision }],
    };
    let draft = Draft { groups: listing.iter().map(remove).collect(), ..Draft::new() };
    let done = api.commit(draft).await;
    assert!(done.refusals().iter().all(Option::is_none));
}

#[tokio::test]
async fn nothing_is_created_through_a_link() {
    let world = World::start().await;
    let alice = world.writer().await;
    let link = create(0, ROOT, "link", Content::Link { target: b"/etc".as_slice().into() });
    let made = alice.commit(Draft::new().group([link])).await.node(0).node;
    let inside = create(0, NodeRef::Id(made), "passwd", Content::Directory);
    let done = alice.commit(Draft::new().group([inside])).await;
    assert!(done.refusals()[0].is_some());
    assert_eq!(alice.listing().await.len(), 1);
}

#[tokio::test]
async fn a_manifest_may_name_only_chunks_that_the_caller_may_use() {
    let world = World::start().await;
    let alice = world.writer().await;
    let secret = vec![7u8; 100_000];
    let private = world.add_folder("private", None).await;
    world.add_user("mallory", false).await;
    world.grant("docs", "mallory", WirePrivilege::Write).await;
    world.grant("private", "alice", WirePrivilege::Write).await;
    let mallory = world.link("mallory", "laptop").await;
    // The secret lies in a folder that mallory cannot see.
    let owner = crate::world::Api { folder: private, ..alice.clone() };
    owner.commit(Draft::new().file("secret", &secret)).await;

    let own = vec![8u8; 70_000];
    let entries = [(chunk_id(&own), 70_000u32), (chunk_id(&secret), 100_000)];
    let manifest = chunker::Manifest::new(
        entries.iter().map(|(chunk, length)| chunker::Entry { chunk: *chunk, length: *length }).collect(),
    );
    let content = manifest.content_id();
    let draft = Draft::new()
        .group([create(0, ROOT, "stolen", Content::File { id: content, size: 170_000 })])
        .group([create(1, ROOT, "single", file_content(&secret))])
        .file("good", b"good");
    let mut draft = draft;
    draft.chunks.push(own.clone());
    let bytes = {
        let mut encoder = draft.start();
        let refs = entries.iter().map(|(id, length)| ChunkRef { id: *id, length: *length }).collect();
        encoder.manifest(content, 170_000, None, &[Splice::New(refs)]);
        encoder.chunk(chunk_id(&own), &own);
        encoder.small_chunk(None, b"good");
        encoder.finish()
    };
    let done = committed(&mallory.bundle(&mallory.folder_path("commits"), bytes).await);
    assert_eq!(done.refusals(), [Some(Refusal::ChunkMissing), Some(Refusal::ChunkMissing), None]);
    assert_eq!(mallory.listing().await.len(), 1);
}

#[tokio::test]
async fn a_small_edit_of_a_big_file_sends_its_new_chunks_only() {
    let world = World::start().await;
    let alice = world.writer().await;
    let chunk = |seed: u8| vec![seed; 80_000];
    let entry = |seed: u8| chunker::Entry { chunk: chunk_id(&chunk(seed)), length: 80_000 };
    let refs = |seeds: &[u8]| -> Vec<ChunkRef> {
        seeds.iter().map(|seed| ChunkRef { id: entry(*seed).chunk, length: 80_000 }).collect()
    };
    let content_of =
        |seeds: &[u8]| chunker::Manifest::new(seeds.iter().map(|seed| entry(*seed)).collect()).content_id();
    let old = content_of(&[1, 2, 3]);
    let mut draft = Draft::new().group([create(0, ROOT, "big", Content::File { id: old, size: 240_000 })]);
    draft.chunks = [1, 2, 3].map(chunk).to_vec();
    let mut encoder = draft.start();
    encoder.manifest(old, 240_000, None, &[Splice::New(refs(&[1, 2, 3]))]);
    draft.chunks.iter().for_each(|chunk| encoder.chunk(chunk_id(chunk), chunk));
    let done = committed(&alice.bundle(&alice.folder_path("commits"), encoder.finish()).await);
    let node = done.node(0);

    let new = content_of(&[1, 9, 3]);
    let mut draft = Draft::new().group([Operation::Update {
        node: node.node,
        base: node.revision.version,
        content: Content::File { id: new, size: 240_000 },
        executable: false,
        mtime: Timestamp(9),
    }]);
    draft.chunks = vec![chunk(9)];
    let splices =
        [Splice::Keep { start: 0, count: 1 }, Splice::New(refs(&[9])), Splice::Keep { start: 2, count: 1 }];
    let with_base = |base| {
        let mut encoder = draft.start();
        encoder.manifest(new, 240_000, Some(base), &splices);
        encoder.chunk(chunk_id(&chunk(9)), &chunk(9));
        encoder.finish()
    };
    let path = alice.folder_path("commits");
    let stranger = NodeContent { node: model::NodeId(55), content: old };
    alice.bundle(&path, with_base(stranger)).await.assert_problem(ProblemKind::Invalid);
    let done =
        committed(&alice.bundle(&path, with_base(NodeContent { node: node.node, content: old })).await);
    assert_eq!(done.refusals(), [None]);
    let answer = alice.get(&alice.folder_path(&format!("nodes/{}/content", node.node))).await;
    assert_eq!(answer.body, [chunk(1), chunk(9), chunk(3)].concat());
}

#[tokio::test]
async fn a_commit_with_many_small_chunks_and_a_long_one_is_read_back() {
    let world = World::start().await;
    let alice = world.writer().await;
    let files: Vec<Vec<u8>> =
        (0..300u32).map(|index| index.to_le_bytes().repeat(50 + index as usize)).collect();
    let mut draft = Draft::new();
    for (index, bytes) in files.iter().enumerate() {
        draft = draft.file(&format!("f{index:03}"), bytes);
    }
    let done = alice.commit(draft).await;
    assert!(done.refusals().iter().all(Option::is_none));
    for index in [0, 17, 299] {
        let node = done.node(index).node;
        let answer = alice.get(&alice.folder_path(&format!("nodes/{node}/content"))).await;
        assert_eq!(answer.body, files[index]);
    }
}

#[tokio::test]
async fn an_empty_commit_changes_nothing() {
    let world = World::start().await;
    let alice = world.writer().await;
    let done = alice.commit(Draft::new()).await;
    assert_eq!((done.outcomes.len(), done.result.head), (0, Seq(0)));
    let only_end = bundle(|_| {});
    alice.bundle(&alice.folder_path("commits"), only_end).await.assert_problem(ProblemKind::MalformedBundle);
    let name = Name::new("x").unwrap();
    assert!(!alice.listing().await.iter().any(|node| node.name == name));
}

//! How fast and how much at a time: bytes a second of an account, and transfers that wait for their turn.

use crate::bundles::{Draft, chunk_id};
use crate::world::{Answer, Api, World, bundle};
use http::{Method, StatusCode};
use model::{NodeId, Rates};
use protocol::admin::{AdminRequest, Rate};
use protocol::bundle::WantedChunk;
use protocol::v1::{ServerResponse, WirePrivilege};
use protocol::{BUNDLE_MEDIA_TYPE, ProblemKind};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PIECE: usize = 512 << 10;
const RATE: u64 = 1 << 20;

/// Bytes that do not shrink, different for each number.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(length / 8).flatten().collect()
}

fn draft(numbers: std::ops::Range<u64>) -> Draft {
    numbers.fold(Draft::new(), |draft, number| draft.file(&format!("f{number}"), &noise(number, PIECE)))
}

/// Commits so many pieces; gives their nodes.
async fn pieces(api: &Api, count: u64) -> Vec<WantedChunk> {
    let done = api.commit(draft(0..count)).await;
    let node = |index: u64| done.node(index as usize).node;
    (0..count)
        .map(|index| WantedChunk { chunk: chunk_id(&noise(index, PIECE)), node: Some(node(index)) })
        .collect()
}

async fn fetch(api: &Api, chunks: &[WantedChunk]) -> Answer {
    let answer =
        api.bundle(&api.folder_path("chunks/fetch"), bundle(|encoder| encoder.wanted_chunks(chunks))).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer
}

async fn set_rates(world: &World, user: &str, upload: Option<Rate>, download: Option<Rate>) {
    world
        .do_admin(AdminRequest::UserSet {
            user: user.into(),
            password: None,
            administrator: None,
            disabled: None,
            system_user: None,
            upload_rate: upload,
            download_rate: download,
        })
        .await;
}

/// Not sooner than its rate allows, and not later than that and what the same takes on this machine without a rate.
#[track_caller]
fn assert_took(begun: Instant, seconds: f64, without: Duration) {
    let took = begun.elapsed().as_secs_f64();
    let range = 0.85 * seconds..=1.15 * seconds + 2.0 * without.as_secs_f64() + 0.5;
    assert!(range.contains(&took), "{took} s instead of {seconds} s; {without:?} without a rate");
}

#[tokio::test]
async fn everything_that_is_limited_is_announced() {
    let world = World::start_with(|settings| {
        settings.transfers = 12;
        settings.device_transfers = 3;
        settings.transfer_wait = Duration::from_secs(7);
        settings.user_rates = Rates { upload: Some(5 << 20), download: None };
    })
    .await;
    let alice = world.writer().await;
    set_rates(&world, "alice", Some(Rate::Unlimited), Some(Rate::To(RATE))).await;
    let announced = async |api: &Api| api.get("/api/v1/server").await.parse::<ServerResponse>().limits;
    let to_all = announced(&world.nobody()).await;
    assert_eq!((to_all.transfers, to_all.device_transfers, to_all.transfer_wait_seconds), (12, 3, 7));
    assert_eq!((to_all.upload_rate, to_all.download_rate), (Some(5 << 20), None));
    let to_her = announced(&alice).await;
    assert_eq!((to_her.upload_rate, to_her.download_rate), (None, Some(RATE)));
    let stranger = Api { token: Some("nonsense".into()), ..world.nobody() };
    assert_eq!(announced(&stranger).await, to_all);
}

#[tokio::test]
async fn an_upload_is_held_to_its_accounts_rate_and_another_is_not() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bob = world.person("bob", WirePrivilege::Write).await;
    set_rates(&world, "alice", Some(Rate::To(RATE)), None).await;
    let (hers, his) = (draft(0..6), draft(10..16));
    let begun = Instant::now();
    let slow = tokio::spawn({
        let alice = alice.clone();
        async move { alice.commit(hers).await.refusals() }
    });
    let of_bob = bob.commit(his).await;
    assert!(of_bob.refusals().iter().all(Option::is_none));
    let without = begun.elapsed();
    assert!(!slow.is_finished());
    assert!(slow.await.unwrap().iter().all(Option::is_none));
    assert_took(begun, 3.0, without);
}

#[tokio::test]
async fn the_standard_rate_holds_for_who_has_none_of_their_own() {
    let world =
        World::start_with(|settings| settings.user_rates = Rates { upload: None, download: Some(RATE) })
            .await;
    let alice = world.writer().await;
    let chunks = pieces(&alice, 6).await;
    set_rates(&world, "alice", None, Some(Rate::Unlimited)).await;
    let begun = Instant::now();
    fetch(&alice, &chunks).await;
    let without = begun.elapsed();
    set_rates(&world, "alice", None, Some(Rate::Standard)).await;
    let begun = Instant::now();
    fetch(&alice, &chunks).await;
    assert_took(begun, 3.0, without);
}

#[tokio::test]
async fn devices_of_one_account_share_its_rate_whatever_each_asks_for() {
    let world = World::start().await;
    let alice = world.writer().await;
    let chunks = pieces(&alice, 4).await;
    let phone = world.link("alice", "phone").await;
    // 8 MiB for the laptop and 2 MiB for the phone: while both take, the phone has half.
    let begun = Instant::now();
    fetch(&phone, &chunks).await;
    let without = begun.elapsed();
    set_rates(&world, "alice", None, Some(Rate::To(2 * RATE))).await;
    let begun = Instant::now();
    let laptop: Vec<_> = (0..4)
        .map(|_| {
            let (alice, chunks) = (alice.clone(), chunks.clone());
            tokio::spawn(async move { fetch(&alice, &chunks).await })
        })
        .collect();
    fetch(&phone, &chunks).await;
    let of_phone = begun.elapsed();
    assert_took(begun, 2.0, without);
    for task in laptop {
        task.await.unwrap();
    }
    assert_took(begun, 5.0, 4 * without);
    assert!(of_phone * 2 < begun.elapsed(), "the phone waited for the laptop");
}

#[tokio::test]
async fn a_new_rate_holds_for_transfers_that_run() {
    let world = World::start().await;
    let alice = world.writer().await;
    let chunks = pieces(&alice, 4).await;
    set_rates(&world, "alice", None, Some(Rate::To(pace::RATE_MIN))).await;
    let begun = Instant::now();
    let slow = tokio::spawn({
        let (alice, chunks) = (alice.clone(), chunks.clone());
        async move { fetch(&alice, &chunks).await }
    });
    while world.server.running_transfers() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!slow.is_finished());
    set_rates(&world, "alice", None, Some(Rate::Unlimited)).await;
    slow.await.unwrap();
    // At the old rate it would take two minutes.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let refused = AdminRequest::UserSet {
        user: "alice".into(),
        password: None,
        administrator: None,
        disabled: None,
        system_user: None,
        upload_rate: Some(Rate::To(1)),
        download_rate: None,
    };
    assert!(matches!(world.admin(refused).await, protocol::admin::AdminAnswer::Failed { .. }));
}

#[tokio::test]
async fn who_is_slowed_down_is_not_taken_for_one_who_has_stopped() {
    let world = World::start_with(|settings| settings.body_pause = Duration::from_millis(400)).await;
    let alice = world.writer().await;
    let draft = Draft::new().file("a", &noise(1, 256 << 10));
    set_rates(&world, "alice", Some(Rate::To(128 << 10)), None).await;
    let begun = Instant::now();
    // In one piece: the server has all of it long before it takes it.
    let done = alice.commit(draft).await;
    assert_eq!(done.refusals(), [None]);
    assert!(begun.elapsed() > Duration::from_millis(1_700));
}

/// Begins a fetch of chunks and reads none of the answer.
async fn begin_fetch(api: &Api, chunks: &[WantedChunk], headers: &str) -> TcpStream {
    let body = bundle(|encoder| encoder.wanted_chunks(chunks));
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\n\
         Content-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        api.folder_path("chunks/fetch"),
        api.token.as_ref().unwrap(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    stream
}

#[tokio::test]
async fn a_reader_that_says_it_is_slow_is_waited_for() {
    let world = World::start_with(|settings| settings.body_pause = Duration::from_millis(300)).await;
    let alice = world.writer().await;
    let chunks = pieces(&alice, 8).await;
    let many: Vec<WantedChunk> = (0..4).flat_map(|_| chunks.clone()).collect();
    let mut whole = Vec::new();
    for headers in ["", "driftless-rate: 1048576\r\n"] {
        let mut stream = begin_fetch(&alice, &many, headers).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        whole.push(bytes.len() >= many.len() * PIECE);
    }
    assert_eq!(whole, [false, true]);
}

#[tokio::test]
async fn who_cannot_begin_in_time_is_told_when_to_come_again() {
    let world = World::start_with(|settings| {
        settings.transfers = 1;
        settings.transfer_wait = Duration::from_millis(300);
    })
    .await;
    let alice = world.writer().await;
    let bob = world.person("bob", WirePrivilege::Write).await;
    let chunks = pieces(&alice, 8).await;
    let many: Vec<WantedChunk> = (0..4).flat_map(|_| chunks.clone()).collect();
    let stalled = begin_fetch(&alice, &many, "").await;
    while world.server.running_transfers() == 0 {
        tokio::task::yield_now().await;
    }
    // 6 MiB are more than lies in buffers: the answer must reach a client that is still sending.
    let begun = Instant::now();
    let answer = bob.send_commit(&draft(20..32)).await;
    let problem = answer.assert_problem(ProblemKind::TooManyRequests);
    assert_eq!(
        (problem.members["limit"].as_str(), &problem.members["maximum"]),
        (Some("transfers"), &1.into())
    );
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    // Questions are not transfers.
    assert_eq!(bob.listing().await.len(), 8);
    drop(stalled);
    assert!(bob.commit(draft(20..32)).await.refusals().iter().all(Option::is_none));
    let node = chunks[0].node.unwrap_or(NodeId::ROOT);
    let path = bob.folder_path(&format!("nodes/{node}/content"));
    assert_eq!(bob.call(Method::GET, &path).await.body, noise(0, PIECE));
}

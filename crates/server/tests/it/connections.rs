//! Connections that misbehave, and the end of the server.

use crate::bundles::Draft;
use crate::world::World;
use protocol::{BUNDLE_MEDIA_TYPE, ProblemKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let end = stream.read_to_end(&mut text);
    // A reset is an end, too.
    let _ = tokio::time::timeout(Duration::from_secs(20), end).await.expect("the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let world = World::start_with(|settings| settings.header_timeout = Duration::from_millis(300)).await;
    for start in ["", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        read_all(&mut stream).await;
    }
    assert_eq!(world.nobody().get("/healthz").await.status, 200);
}

#[tokio::test]
async fn heads_are_bounded() {
    let world = World::start().await;
    let many = (0..100).map(|index| format!("X-{index}: y\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "y".repeat(100_000));
    for headers in [many, long] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes()).await;
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn transfers_of_one_device_are_bounded() {
    let world = World::start_with(|settings| {
        settings.device_transfers = 1;
        settings.transfer_wait = Duration::from_millis(100);
    })
    .await;
    let alice = world.writer().await;
    let bytes = Draft::new().file("a", b"abc").bytes();
    // One commit whose body has only begun.
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        alice.folder_path("commits"),
        alice.token.as_ref().unwrap(),
        bytes.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&bytes[..20]).await.unwrap();
    let second = Draft::new().file("b", b"def");
    let refused = loop {
        // Time for the first to take the only place: asked too early, the second would take it itself, and the first
        // would be the one that is refused.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let answer = alice.send_commit(&second).await;
        if answer.status != 200 {
            break answer;
        }
    };
    let problem = refused.assert_problem(ProblemKind::TooManyRequests);
    assert_eq!(problem.members["limit"], "device_transfers");
    assert_eq!(refused.header("retry-after"), "1");
    slow.write_all(&bytes[20..]).await.unwrap();
    assert!(read_all(&mut slow).await.starts_with("HTTP/1.1 200"));
    let other = alice.commit(Draft::new().file("c", b"ghi")).await;
    assert_eq!(other.refusals(), [None]);
}

#[tokio::test]
async fn a_commit_under_way_is_finished_before_the_server_stops() {
    let mut world = World::start().await;
    let alice = world.writer().await;
    let bytes = Draft::new().file("a", b"abc").bytes();
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\n\
         Content-Length: {}\r\n\r\n",
        alice.folder_path("commits"),
        alice.token.as_ref().unwrap(),
        bytes.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&bytes[..20]).await.unwrap();
    // The server must have seen the request's head before it is told to stop: a second request waits behind it.
    while world.server.running_transfers() == 0 {
        tokio::task::yield_now().await;
    }
    world.begin_to_stop();
    slow.write_all(&bytes[20..]).await.unwrap();
    assert!(read_all(&mut slow).await.starts_with("HTTP/1.1 200"));
    let database = std::sync::Arc::clone(&world.database);
    tokio::time::timeout(Duration::from_secs(20), world.stopped()).await.unwrap();
    let folders = metadata::read(&*database, |snapshot| snapshot.folders()).unwrap();
    assert_eq!(folders[0].counters.head.0, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bytes = Draft::new().file("a", &[7; 5000]).bytes();
    for end in [30, bytes.len() / 2, bytes.len() - 2] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\n\
             Content-Length: {}\r\n\r\n",
            alice.folder_path("commits"),
            alice.token.as_ref().unwrap(),
            bytes.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&bytes[..end]).await.unwrap();
    }
    while world.server.running_transfers() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(alice.listing().await.is_empty());
}

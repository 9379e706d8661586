use crate::bundles::{Draft, ROOT, create};
use crate::world::{Api, World};
use futures_util::StreamExt as _;
use model::Content;
use protocol::ProblemKind;
use protocol::admin::AdminRequest;
use protocol::v1::{RightsChanged, Wake, WirePrivilege};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

pub(crate) async fn listen(api: &Api) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{}/api/v1/events", api.address).into_client_request().unwrap();
    let token = format!("Bearer {}", api.token.as_ref().unwrap());
    request.headers_mut().insert("authorization", token.parse().unwrap());
    let stream = TcpStream::connect(api.address).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
    message.expect("nothing came").unwrap().unwrap()
}

/// The next message that is no news of rights.
async fn next_wake(socket: &mut WebSocketStream<TcpStream>) -> Wake {
    loop {
        match next(socket).await {
            Message::Text(text) if is_news_of_rights(&text) => {}
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn is_news_of_rights(text: &str) -> bool {
    serde_json::from_str::<RightsChanged>(text).is_ok_and(|news| news.rights_changed)
}

async fn make(api: &Api, name: &str) {
    let done = api.commit(Draft::new().group([create(0, ROOT, name, Content::Directory)])).await;
    assert_eq!(done.refusals(), [None]);
}

#[tokio::test]
async fn a_change_wakes_those_who_may_see_it_and_nobody_else() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bob = world.person("bob", WirePrivilege::Read).await;
    let other = world.add_folder("other", None).await;
    world.grant("other", "alice", WirePrivilege::Write).await;
    let (mut to_alice, mut to_bob) = (listen(&alice).await, listen(&bob).await);
    make(&Api { folder: other, ..alice.clone() }, "hidden from bob").await;
    make(&alice, "seen by both").await;
    assert_eq!(next_wake(&mut to_alice).await, Wake { folder: other, head: 1 });
    assert_eq!(next_wake(&mut to_alice).await, Wake { folder: world.folder, head: 1 });
    assert_eq!(next_wake(&mut to_bob).await, Wake { folder: world.folder, head: 1 });
}

#[tokio::test]
async fn a_refused_or_repeated_commit_wakes_nobody() {
    let world = World::start().await;
    let alice = world.writer().await;
    let mut socket = listen(&alice).await;
    let draft = Draft::new().group([create(0, ROOT, "a", Content::Directory)]);
    alice.commit(draft.clone()).await;
    alice.commit(draft).await;
    alice.commit(Draft::new().group([create(0, ROOT, "a", Content::Directory)])).await;
    make(&alice, "b").await;
    assert_eq!(next_wake(&mut socket).await.head, 1);
    assert_eq!(next_wake(&mut socket).await.head, 2);
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_its_wakes() {
    let world = World::start().await;
    let alice = world.writer().await;
    let bob = world.person("bob", WirePrivilege::Read).await;
    let mut socket = listen(&bob).await;
    make(&alice, "a").await;
    assert_eq!(next_wake(&mut socket).await.head, 1);
    world.grant("docs", "bob", WirePrivilege::None).await;
    match next(&mut socket).await {
        Message::Text(text) => assert!(is_news_of_rights(&text), "{text}"),
        other => panic!("{other:?}"),
    }
    make(&alice, "b").await;
    world.grant("docs", "bob", WirePrivilege::Read).await;
    make(&alice, "c").await;
    assert_eq!(next_wake(&mut socket).await.head, 3);
}

#[tokio::test]
async fn an_unlinked_device_is_cut_off_at_once() {
    let world = World::start().await;
    let alice = world.writer().await;
    let mut socket = listen(&alice).await;
    let user = "alice".to_owned();
    let disabled = Some(true);
    world
        .do_admin(AdminRequest::UserSet {
            user,
            password: None,
            administrator: None,
            disabled,
            system_user: None,
            upload_rate: None,
            download_rate: None,
        })
        .await;
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(frame.reason.as_str(), "unauthenticated"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_stops_asks_to_reconnect() {
    let mut world = World::start().await;
    let alice = world.writer().await;
    let mut socket = listen(&alice).await;
    world.begin_to_stop();
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(frame.reason.as_str(), "reconnect"),
        other => panic!("{other:?}"),
    }
    drop(socket);
    tokio::time::timeout(Duration::from_secs(20), world.stopped()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_sends_too_much_is_cut_off() {
    use futures_util::SinkExt as _;
    let world = World::start().await;
    let alice = world.writer().await;
    let mut socket = listen(&alice).await;
    let _ = socket.send(Message::Text("x".repeat(100_000).into())).await;
    let end = tokio::time::timeout(Duration::from_secs(20), async {
        while let Some(Ok(message)) = socket.next().await {
            assert!(!message.is_text());
        }
    });
    end.await.unwrap();
}

#[tokio::test]
async fn a_plain_request_is_told_that_this_is_a_web_socket() {
    let world = World::start().await;
    let alice = world.writer().await;
    alice.get("/api/v1/events").await.assert_problem(ProblemKind::BadRequest);
    world.nobody().get("/api/v1/events").await.assert_problem(ProblemKind::Unauthenticated);
}

//! What is chosen about the server, where its files lie, and whether it reaches itself.

use crate::world::{Answer, Api, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use protocol::ProblemKind;
use protocol::v1::{
    AddressResponse, AddressTestResponse, CertificateState, SettingEntry, SettingOrigin, SettingsResponse,
    StorageResponse, StoredThing, WirePrivilege,
};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SETTINGS: &str = "/api/v1/admin/settings";
const TEST: &str = "/api/v1/admin/address/test";

async fn root(world: &World) -> Api {
    world.add_user("root", true).await;
    world.link("root", "console").await
}

async fn choose(api: &Api, address: &str, tag: &str) -> Answer {
    let request = api.request(Method::PUT, SETTINGS).header(header::CONTENT_TYPE, "application/json");
    let body = json!({ "public_address": address }).to_string();
    api.send(request.header(header::IF_MATCH, tag).body(Full::from(body)).unwrap()).await
}

async fn try_address(api: &Api, address: &str) -> Answer {
    api.json(Method::POST, TEST, &json!({ "address": address })).await
}

#[tokio::test]
async fn settings_are_told_with_where_they_come_from() {
    let listen = SettingEntry {
        key: "listen".into(),
        value: Some("0.0.0.0:7440".into()),
        origin: SettingOrigin::Environment,
        source: Some("DRIFTLESS_LISTEN".into()),
        needs_restart: true,
        description: "Where to listen.".into(),
    };
    let shown = vec![listen.clone()];
    let world = World::start_with(|settings| settings.shown = shown).await;
    let root = root(&world).await;
    let before: SettingsResponse = root.get(SETTINGS).await.parse();
    assert_eq!(before.chosen.public_address, None);
    assert_eq!(before.settings.len(), 2);
    assert_eq!(before.settings[1], listen);
    assert_eq!(before.settings[0].origin, SettingOrigin::Default);

    let answer = choose(&root, " HTTPS://Files.Example.org:443/", "*").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let after: SettingsResponse = root.get(SETTINGS).await.parse();
    assert_eq!(after, answer.parse());
    assert_eq!(after.chosen.public_address.as_deref(), Some("https://files.example.org"));
    assert_eq!((after.settings[0].origin, after.settings[0].needs_restart), (SettingOrigin::Database, false));

    let alice = world.person("alice", WirePrivilege::Read).await;
    let told: AddressResponse = alice.get("/api/v1/address").await.parse();
    assert_eq!(told.address.as_deref(), Some("https://files.example.org"));
    assert!(told.qr.unwrap().path.starts_with("M0 0h7v1h-7z"), "the corner of every code");
    alice.get(SETTINGS).await.assert_problem(ProblemKind::Forbidden);
    choose(&alice, "https://evil.example", "*").await.assert_problem(ProblemKind::Forbidden);
    try_address(&alice, "https://evil.example").await.assert_problem(ProblemKind::Forbidden);
}

#[tokio::test]
async fn of_two_who_change_the_same_settings_the_second_is_told() {
    let world = World::start().await;
    let root = root(&world).await;
    let seen = root.get(SETTINGS).await.header("etag").to_owned();
    let changed = choose(&root, "https://a.example", &seen).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_ne!(changed.header("etag"), seen);
    choose(&root, "https://b.example", &seen).await.assert_problem(ProblemKind::PreconditionFailed);
    choose(&root, "https://b.example", "nonsense").await.assert_problem(ProblemKind::PreconditionFailed);
    let now: SettingsResponse = root.get(SETTINGS).await.parse();
    assert_eq!(now.chosen.public_address.as_deref(), Some("https://a.example"));
    let tags = format!("\"x\", {}", changed.header("etag"));
    let none = choose(&root, "", &tags).await;
    assert_eq!(none.parse::<SettingsResponse>().chosen.public_address, None);
    assert_eq!(none.header("etag"), seen, "it names what is chosen");
    let none: AddressResponse = root.get("/api/v1/address").await.parse();
    assert_eq!(none, AddressResponse { address: None, qr: None });
}

#[tokio::test]
async fn an_address_is_an_address() {
    let world = World::start().await;
    let root = root(&world).await;
    for bad in
        ["files.example", "javascript:alert(1)", "file:///etc", "https://a/b", "https://<svg onload=x>"]
    {
        choose(&root, bad, "*").await.assert_problem(ProblemKind::Invalid);
        try_address(&root, bad).await.assert_problem(ProblemKind::Invalid);
    }
}

#[tokio::test]
async fn the_server_reaches_itself_and_tells_nothing_of_others() {
    let world = World::start_with(|settings| settings.self_test_time = Duration::from_millis(400)).await;
    let root = root(&world).await;
    let tried = try_address(&root, &format!("http://{}", world.address)).await;
    assert_eq!(tried.status, StatusCode::OK, "{tried:?}");
    let reached = AddressTestResponse { reached: true, certificate: Some(CertificateState::None) };
    assert_eq!(tried.parse::<AddressTestResponse>(), reached);

    // One that closes, one that redirects here, one that answers what it likes, and nobody at all look the same.
    let here =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", world.address);
    let other = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"answer\":\"\"}".to_owned();
    let mut answers = Vec::new();
    for said in [None, Some(here), Some(other)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let neighbour = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Some(said) = said {
                let mut asked = [0; 4096];
                let length = stream.read(&mut asked).await.unwrap();
                stream.write_all(said.as_bytes()).await.unwrap();
                return String::from_utf8_lossy(&asked[..length]).into_owned();
            }
            String::new()
        });
        let begun = std::time::Instant::now();
        answers.push(try_address(&root, &format!("http://{address}")).await);
        assert!(begun.elapsed() >= Duration::from_millis(400), "its silence takes as long as any other");
        let asked = neighbour.await.unwrap().to_lowercase();
        assert!(!asked.contains("authorization") && !asked.contains("cookie"), "{asked}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    answers.push(try_address(&root, &format!("https://{free}")).await);
    for answer in answers {
        assert_eq!(answer.body, br#"{"reached":false}"#);
    }
}

#[tokio::test]
async fn addresses_are_tried_one_at_a_time_and_few_a_minute() {
    let world = World::start_with(|settings| settings.self_test_time = Duration::from_millis(300)).await;
    let root = root(&world).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", silent.local_addr().unwrap());
    let (one, other) = tokio::join!(try_address(&root, &nobody), try_address(&root, &nobody));
    let refused = [one, other].into_iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.count(), 1);
    let own = format!("http://{}", world.address);
    for _ in 0..9 {
        assert_eq!(try_address(&root, &own).await.status, StatusCode::OK);
    }
    try_address(&root, &own).await.assert_problem(ProblemKind::TooManyRequests);
}

#[tokio::test]
async fn the_places_of_the_files_are_told_to_administrators() {
    let directory = tempfile::tempdir().unwrap();
    let (data, content) = (directory.path().to_owned(), directory.path().join("store"));
    let world = World::start_with(|settings| {
        settings.data = Some(data.clone());
        settings.content = Some(content);
    })
    .await;
    let root = root(&world).await;
    let StorageResponse { places } = root.get("/api/v1/admin/storage").await.parse();
    assert_eq!(
        places.iter().map(|place| place.holds).collect::<Vec<_>>(),
        [StoredThing::Data, StoredThing::Content]
    );
    assert_eq!(places[0].path, data.display().to_string());
    assert!(
        places
            .iter()
            .all(|place| place.writable && place.free_bytes > Some(0) && place.file_system.is_some())
    );
}

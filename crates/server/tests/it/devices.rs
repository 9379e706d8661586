use crate::world::{Api, PASSWORD, World};
use http::{Method, StatusCode};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest, Secret};
use serde_json::json;

async fn try_link(world: &World, user: &str, password: &str) -> crate::world::Answer {
    let body = json!({ "user": user, "password": password, "device": "laptop", "platform": "linux" });
    world.nobody().json(Method::POST, "/api/v1/devices", &body).await
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_look_alike() {
    let world = World::start().await;
    world.add_user("alice", false).await;
    let wrong = try_link(&world, "alice", "wrong password").await;
    let unknown = try_link(&world, "nobody", PASSWORD).await;
    assert_eq!(
        wrong.assert_problem(ProblemKind::SignInFailed),
        unknown.assert_problem(ProblemKind::SignInFailed)
    );
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_for_how_long() {
    // Time stands still: however slow the machine is, six attempts come at once.
    let now = model::Timestamp::from_parts(2_000_000_000, 0);
    let world = World::start_with(|settings| settings.clock = std::sync::Arc::new(move || now)).await;
    world.add_user("alice", false).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(try_link(&world, "alice", "wrong password").await);
    }
    let last = answers.pop().unwrap();
    answers.iter().for_each(|answer| drop(answer.assert_problem(ProblemKind::SignInFailed)));
    last.assert_problem(ProblemKind::TooManyRequests);
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn requests_to_link_are_checked() {
    let world = World::start().await;
    let nobody = world.nobody();
    let send = async |body: serde_json::Value| nobody.json(Method::POST, "/api/v1/devices", &body).await;
    send(json!({ "user": "a", "password": "b" })).await.assert_problem(ProblemKind::Invalid);
    let more = json!({ "user": "a", "password": "b", "device": "c", "platform": "d", "administrator": true });
    send(more).await.assert_problem(ProblemKind::Invalid);
    let line = json!({ "user": "a", "password": "b", "device": "c\nd", "platform": "e" });
    send(line).await.assert_problem(ProblemKind::Invalid);
}

#[tokio::test]
async fn a_token_ends_when_it_is_unlinked_by_its_device_or_an_administrator() {
    let world = World::start().await;
    let alice = world.writer().await;
    let desktop = world.link("alice", "desktop").await;
    let AdminAnswer::Devices { devices, .. } =
        world.admin(AdminRequest::DeviceList { user: Some("alice".into()) }).await
    else {
        panic!("no devices")
    };
    assert_eq!(devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(), ["desktop", "laptop"]);
    assert_eq!(alice.call(Method::DELETE, "/api/v1/devices/self").await.status, StatusCode::NO_CONTENT);
    alice.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    assert_eq!(desktop.folders().await.folders.len(), 1);
    world.do_admin(AdminRequest::DeviceUnlink { device: devices[0].id }).await;
    desktop.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn a_disabled_account_has_no_tokens_until_it_is_enabled_again() {
    let world = World::start().await;
    let alice = world.writer().await;
    let set = async |disabled| {
        let user = "alice".to_owned();
        let disabled = Some(disabled);
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
    };
    set(true).await;
    alice.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    try_link(&world, "alice", PASSWORD).await.assert_problem(ProblemKind::SignInFailed);
    set(false).await;
    assert_eq!(alice.folders().await.folders.len(), 1);
    let password = Some(Secret("another password".into()));
    let user = "alice".to_owned();
    world
        .do_admin(AdminRequest::UserSet {
            user,
            password,
            administrator: None,
            disabled: None,
            system_user: None,
            upload_rate: None,
            download_rate: None,
        })
        .await;
    try_link(&world, "alice", PASSWORD).await.assert_problem(ProblemKind::SignInFailed);
}

#[tokio::test]
async fn only_a_bearer_token_of_ours_is_taken() {
    let world = World::start().await;
    let alice = world.writer().await;
    let token = alice.token.clone().unwrap();
    let with = |value: &str| {
        let request = http::Request::builder().uri("/api/v1/folders").header("host", "x");
        request.header("authorization", value).body(http_body_util::Full::default()).unwrap()
    };
    let nobody = world.nobody();
    for bad in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {token}"),
        token.clone(),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {token}0"),
        format!("Bearer {}", token.replace("dev", "web")),
        "Bearer \u{ff}".to_owned(),
    ] {
        let answer = nobody.send(with(&bad)).await;
        answer.assert_problem(ProblemKind::Unauthenticated);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(nobody.send(with(&format!("bearer {token}"))).await.status, StatusCode::OK);
    let twice = http::Request::builder()
        .uri("/api/v1/folders")
        .header("host", "x")
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", format!("Bearer {token}"))
        .body(http_body_util::Full::default())
        .unwrap();
    nobody.send(twice).await.assert_problem(ProblemKind::Unauthenticated);
    assert!(Api { token: None, ..alice }.get("/api/v1/folders").await.status == StatusCode::UNAUTHORIZED);
}

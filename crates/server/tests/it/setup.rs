//! The first administrator: before, how, and never again.

use crate::world::{Answer, Api, PASSWORD, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{SessionResponse, SetupResponse};
use serde_json::{Value, json};
use std::sync::Arc;

const SETUP: &str = "/api/v1/setup";

/// A server that waits for its first administrator, and the code.
async fn fresh() -> (World, String) {
    let world = World::start().await;
    let code = begin(&world).await.unwrap();
    (world, code)
}

async fn begin(world: &World) -> Option<String> {
    let server = Arc::clone(&world.server);
    tokio::task::spawn_blocking(move || server.begin_setup().unwrap()).await.unwrap()
}

fn request(code: &str, user: &str) -> Value {
    json!({ "code": code, "user": user, "password": PASSWORD, "browser": "Firefox (Linux)" })
}

async fn claim(api: &Api, body: &Value, site: &str) -> Answer {
    let request = api.request(Method::POST, SETUP).header(header::CONTENT_TYPE, "application/json");
    let request = request.header("sec-fetch-site", site);
    api.send(request.body(Full::from(body.to_string())).unwrap()).await
}

async fn is_needed(world: &World) -> bool {
    let answer = world.nobody().get(SETUP).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.parse::<SetupResponse>().needed
}

async fn administrators(world: &World) -> Vec<String> {
    match world.admin(AdminRequest::UserList).await {
        AdminAnswer::Users { users } => {
            users.into_iter().filter(|user| user.administrator).map(|user| user.name).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_code_makes_the_administrator_and_signs_the_browser_in() {
    let (world, code) = fresh().await;
    assert!(is_needed(&world).await);
    let answer = claim(&world.nobody(), &request(&code, "alice"), "same-origin").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let who: SessionResponse = answer.parse();
    assert_eq!((who.name.as_str(), who.administrator), ("alice", true));
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let status = world.nobody().request(Method::GET, "/api/v1/admin/status").header(header::COOKIE, cookie);
    let status =
        status.header("sec-fetch-site", "same-origin").body(Full::<bytes::Bytes>::default()).unwrap();
    assert_eq!(world.nobody().send(status).await.status, StatusCode::OK);

    assert!(!is_needed(&world).await);
    let again = claim(&world.nobody(), &request(&code, "mallory"), "same-origin").await;
    again.assert_problem(ProblemKind::NotFound);
    assert_eq!(begin(&world).await, None, "a later start");
    assert_eq!(administrators(&world).await, ["alice"]);
}

#[tokio::test]
async fn without_the_code_nothing_is_reachable_and_nothing_told() {
    let (world, code) = fresh().await;
    let nobody = world.nobody();
    for path in ["/api/v1/folders", "/api/v1/session", "/api/v1/events", "/api/v1/admin/status", "/metrics"] {
        nobody.get(path).await.assert_problem(ProblemKind::NotSetUp);
    }
    let link = json!({ "user": "a", "password": "b", "device": "c", "platform": "d" });
    nobody.json(Method::POST, "/api/v1/devices", &link).await.assert_problem(ProblemKind::NotSetUp);
    let wait = json!({ "device": "c", "platform": "d" });
    nobody.json(Method::POST, "/api/v1/devices/codes", &wait).await.assert_problem(ProblemKind::NotSetUp);
    // What supervisors and pages need is there.
    for path in ["/healthz", "/readyz", "/api/v1/server"] {
        assert_eq!(nobody.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(nobody.get(SETUP).await.body, br#"{"needed":true}"#);
    // Names and passwords are not looked at for who has no code.
    let mut weak = request("WDJB-MJHT-WDJB-MJHT", "a/b");
    weak["password"] = "short".into();
    let weak = claim(&nobody, &weak, "same-origin").await.assert_problem(ProblemKind::Forbidden);
    let other = claim(&nobody, &request("", "alice"), "same-origin").await;
    assert_eq!(other.assert_problem(ProblemKind::Forbidden), weak);
    assert!(is_needed(&world).await);
    // With it, they are; and the code is good for another try.
    for (name, password) in [("a/b", PASSWORD), ("<b>alice</b>\u{7}", PASSWORD), ("alice", "short")] {
        let mut bad = request(&code, name);
        bad["password"] = password.into();
        claim(&nobody, &bad, "same-origin").await.assert_problem(ProblemKind::Invalid);
    }
    let mut bad = request(&code, "alice");
    bad["browser"] = "\u{202e}".into();
    claim(&nobody, &bad, "same-origin").await.assert_problem(ProblemKind::Invalid);
    assert_eq!(administrators(&world).await, [""; 0]);
    claim(&nobody, &request(&code, "cross"), "cross-site").await.assert_problem(ProblemKind::Invalid);
    assert_eq!(claim(&nobody, &request(&code, "alice"), "same-origin").await.status, StatusCode::CREATED);
    assert_eq!(nobody.get("/api/v1/folders").await.problem().kind(), Some(ProblemKind::Unauthenticated));
}

#[tokio::test]
async fn guessing_the_code_is_slowed_down() {
    let (world, _) = fresh().await;
    let nobody = world.nobody();
    for _ in 0..5 {
        let guess = request("WDJB-MJHT-WDJB-MJHT", "mallory");
        claim(&nobody, &guess, "same-origin").await.assert_problem(ProblemKind::Forbidden);
    }
    let guess = request("WDJB-MJHT-WDJB-MJHT", "mallory");
    let late = claim(&nobody, &guess, "same-origin").await;
    late.assert_problem(ProblemKind::TooManyRequests);
    assert!(late.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn of_two_who_claim_at_once_exactly_one_wins() {
    let (world, code) = fresh().await;
    let claims = ["alice", "bob", "carol", "dave"].map(|name| {
        let (nobody, body) = (world.nobody(), request(&code, name));
        tokio::spawn(async move { claim(&nobody, &body, "same-origin").await })
    });
    let mut won = 0;
    for claim in claims {
        let answer = claim.await.unwrap();
        match answer.status {
            StatusCode::CREATED => won += 1,
            _ => drop(answer.assert_problem(ProblemKind::NotFound)),
        }
    }
    assert_eq!((won, administrators(&world).await.len()), (1, 1));
}

#[tokio::test]
async fn an_administrator_made_on_the_machine_ends_it() {
    let (world, code) = fresh().await;
    world.add_user("alice", false).await;
    assert!(is_needed(&world).await, "alice administers nothing");
    world.add_user("root", true).await;
    assert!(!is_needed(&world).await);
    claim(&world.nobody(), &request(&code, "mallory"), "same-origin")
        .await
        .assert_problem(ProblemKind::NotFound);
    assert_eq!(world.link("root", "console").await.get("/api/v1/admin/status").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_start_makes_another_code() {
    let (world, old) = fresh().await;
    let new = begin(&world).await.unwrap();
    claim(&world.nobody(), &request(&old, "alice"), "same-origin")
        .await
        .assert_problem(ProblemKind::Forbidden);
    let answer = claim(&world.nobody(), &request(&new, "alice"), "same-origin").await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn only_the_server_itself_knows_what_belongs_to_a_nonce() {
    let (world, _) = fresh().await;
    for nonce in ["00000000000000000000000000000000", "x", "%00"] {
        let answer = world.nobody().get(&format!("/api/v1/setup/echo/{nonce}")).await;
        answer.assert_problem(ProblemKind::NotFound);
    }
}

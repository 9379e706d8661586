//! Signing in with a browser: the cookie, and who may have the browser show it.

use crate::world::{Answer, Api, PASSWORD, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use model::Timestamp;
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{SessionResponse, WirePrivilege};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const SESSION: &str = "/api/v1/session";
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A browser with at most one cookie.
struct Browser {
    api: Api,
    cookie: Option<String>,
}

impl Browser {
    fn new(world: &World) -> Self {
        Self { api: world.nobody(), cookie: None }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.api.request(method, path);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.api.send(request.body(Full::from(body)).unwrap()).await
    }

    async fn sign_in(&mut self, user: &str, password: &str) -> Answer {
        let body = json!({ "user": user, "password": password, "browser": "Firefox (Linux)" });
        let answer = self.send(Method::POST, SESSION, Some(body), &[OWN]).await;
        if answer.status.is_success() {
            self.cookie = Some(answer.header("set-cookie").split(';').next().unwrap().to_owned());
        }
        answer
    }

    async fn folders(&self) -> Answer {
        self.send(Method::GET, "/api/v1/folders", None, &[OWN]).await
    }
}

async fn devices(world: &World) -> Vec<model::DeviceId> {
    match world.admin(AdminRequest::DeviceList { user: None }).await {
        AdminAnswer::Devices { devices, .. } => devices.iter().map(|device| device.id).collect(),
        other => panic!("{other:?}"),
    }
}

async fn with_alice() -> (World, Browser) {
    let world = World::start().await;
    world.add_user("alice", true).await;
    world.grant("docs", "alice", WirePrivilege::Write).await;
    let browser = Browser::new(&world);
    (world, browser)
}

#[tokio::test]
async fn a_browser_signs_in_and_out() {
    let (world, mut browser) = with_alice().await;
    browser.send(Method::GET, SESSION, None, &[OWN]).await.assert_problem(ProblemKind::Unauthenticated);

    let answer = browser.sign_in("alice", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let who: SessionResponse = answer.parse();
    assert_eq!((who.name.as_str(), who.administrator), ("alice", true));
    assert!(!String::from_utf8_lossy(&answer.body).contains("drl_"), "the token is for the cookie alone");
    let cookie = answer.header("set-cookie");
    // This machine, without TLS: browsers would not all take the other name.
    assert!(cookie.starts_with("driftless=drl_dev_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(browser.folders().await.status, StatusCode::OK);
    assert_eq!(devices(&world).await.len(), 1);

    let answer = browser.send(Method::DELETE, SESSION, None, &[OWN]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").starts_with("driftless=; Path=/; Max-Age=0;"), "{answer:?}");
    browser.folders().await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn whoever_comes_from_elsewhere_gets_a_cookie_that_only_encrypted_ways_carry() {
    let world = World::start_with(|settings| {
        settings.trusted_proxies =
            ["127.0.0.1"].iter().map(|text| text.parse::<server::Network>().unwrap()).collect();
    })
    .await;
    world.add_user("alice", false).await;
    let mut browser = Browser::new(&world);
    let body = json!({ "user": "alice", "password": PASSWORD, "browser": "Safari" });
    let proxied = [OWN, ("x-forwarded-for", "203.0.113.9")];
    let answer = browser.send(Method::POST, SESSION, Some(body), &proxied).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-driftless=drl_dev_") && cookie.ends_with("; SameSite=Strict; Secure"),
        "{cookie}"
    );

    let token = cookie.split(['=', ';']).nth(1).unwrap();
    browser.cookie = Some(format!("__Host-driftless={token}"));
    assert_eq!(browser.send(Method::GET, SESSION, None, &proxied).await.status, StatusCode::OK);
    // The name without the prefix is one that a neighbour could have set.
    browser.cookie = Some(format!("driftless={token}"));
    let answer = browser.send(Method::GET, SESSION, None, &proxied).await;
    answer.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn other_sites_cannot_have_the_browser_do_anything() {
    let (world, mut browser) = with_alice().await;
    browser.sign_in("alice", PASSWORD).await;
    let uploads = format!("/api/v1/folders/{}/uploads", world.folder);
    for from in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "https://evil.example")],
        vec![],
    ] {
        let answer = browser.send(Method::POST, &uploads, Some(json!({ "size": 1 })), &from).await;
        answer.assert_problem(ProblemKind::Unauthenticated);
        let answer = browser.send(Method::DELETE, SESSION, None, &from).await;
        answer.assert_problem(ProblemKind::Unauthenticated);
    }
    let elsewhere = [("sec-fetch-site", "cross-site")];
    browser
        .send(Method::GET, "/api/v1/folders", None, &elsewhere)
        .await
        .assert_problem(ProblemKind::Unauthenticated);
    // Nor sign a person in to an account of somebody else's.
    let body = json!({ "user": "alice", "password": PASSWORD, "browser": "b" });
    let answer = browser.send(Method::POST, SESSION, Some(body), &elsewhere).await;
    answer.assert_problem(ProblemKind::Invalid);
    assert_eq!(devices(&world).await.len(), 1);

    let answer = browser.send(Method::POST, &uploads, Some(json!({ "size": 1 })), &[OWN]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let origin = [("origin", "http://localhost")];
    let answer = browser.send(Method::POST, &uploads, Some(json!({ "size": 1 })), &origin).await;
    assert_eq!(answer.status, StatusCode::OK, "a browser without Fetch Metadata");
}

#[tokio::test]
async fn another_sign_in_ends_the_session_before() {
    let (world, mut browser) = with_alice().await;
    browser.sign_in("alice", PASSWORD).await;
    let old = browser.cookie.clone();
    assert_eq!(browser.sign_in("alice", PASSWORD).await.status, StatusCode::CREATED);
    assert_ne!(browser.cookie, old);
    assert_eq!(browser.folders().await.status, StatusCode::OK);
    assert_eq!(devices(&world).await.len(), 1);
    browser.cookie = old;
    browser.folders().await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn a_session_is_unlinked_like_any_device() {
    let (world, mut browser) = with_alice().await;
    browser.sign_in("alice", PASSWORD).await;
    world.do_admin(AdminRequest::DeviceUnlink { device: devices(&world).await[0] }).await;
    browser.folders().await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn a_session_ends_after_thirty_days() {
    let now = Arc::new(AtomicI64::new(2_000_000_000));
    let clock = Arc::clone(&now);
    let world = World::start_with(|settings| {
        settings.clock = Arc::new(move || Timestamp::from_parts(clock.load(Ordering::Relaxed), 0));
    })
    .await;
    world.add_user("alice", false).await;
    let mut browser = Browser::new(&world);
    browser.sign_in("alice", PASSWORD).await;
    // It is used now and then: else it would end after fourteen.
    for seconds in [13 * 24 * 3_600, 13 * 24 * 3_600, 4 * 24 * 3_600 - 1] {
        now.fetch_add(seconds, Ordering::Relaxed);
        assert_eq!(browser.folders().await.status, StatusCode::OK);
    }
    now.fetch_add(1, Ordering::Relaxed);
    browser.folders().await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn guessing_by_a_browser_is_slowed_down_as_linking_is() {
    let now = Timestamp::from_parts(2_000_000_000, 0);
    let world = World::start_with(|settings| settings.clock = Arc::new(move || now)).await;
    world.add_user("alice", false).await;
    let mut browser = Browser::new(&world);
    let unknown = browser.sign_in("nobody", "wrong").await;
    let wrong = browser.sign_in("alice", "wrong").await;
    assert_eq!(
        wrong.assert_problem(ProblemKind::SignInFailed),
        unknown.assert_problem(ProblemKind::SignInFailed)
    );
    for _ in 0..4 {
        browser.sign_in("alice", "wrong").await.assert_problem(ProblemKind::SignInFailed);
    }
    browser.sign_in("alice", PASSWORD).await.assert_problem(ProblemKind::TooManyRequests);
}

#[tokio::test]
async fn a_devices_token_is_no_session() {
    let (world, _) = with_alice().await;
    let device = world.link("alice", "laptop").await;
    device.call(Method::DELETE, SESSION).await.assert_problem(ProblemKind::NotFound);
    let who: SessionResponse = device.get(SESSION).await.parse();
    assert_eq!(who.name, "alice");
    assert_eq!(devices(&world).await.len(), 1);
}

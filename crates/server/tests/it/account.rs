//! What guards an account: the second factor, and app passwords.

use crate::bundles::Draft;
use crate::world::{Api, PASSWORD, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use model::{FolderId, Timestamp};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{
    AppPasswordsResponse, EnrolmentResponse, NewAppPasswordResponse, RecoveryCodesResponse,
    SecondStepResponse, SecurityResponse, SessionResponse, WirePrivilege,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const SECOND_FACTOR: &str = "/api/v1/account/second-factor";
const APP_PASSWORDS: &str = "/api/v1/account/app-passwords";

/// A second factor that is on.
pub(crate) struct Enrolled {
    secret: Vec<u8>,
    pub(crate) recovery_codes: Vec<String>,
}

impl Enrolled {
    fn code(&self, now: Timestamp) -> String {
        auth::totp::code_at(&self.secret, now)
    }
}

/// Turns somebody's second factor on, by the system's time.
pub(crate) async fn enrol(api: &Api) -> Enrolled {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    enrol_at(api, Timestamp::from_parts(since.as_secs().cast_signed(), 0)).await
}

async fn enrol_at(api: &Api, now: Timestamp) -> Enrolled {
    let answer = api.json(Method::POST, SECOND_FACTOR, &json!({ "password": PASSWORD })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let begun: EnrolmentResponse = answer.parse();
    let secret = unbase32(&begun.secret);
    let code = auth::totp::code_at(&secret, now);
    let confirmed =
        api.json(Method::POST, &format!("{SECOND_FACTOR}/confirm"), &json!({ "code": code })).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{confirmed:?}");
    let codes: RecoveryCodesResponse = confirmed.parse();
    Enrolled { secret, recovery_codes: codes.recovery_codes }
}

/// What an app makes of the secret that a person types.
fn unbase32(text: &str) -> Vec<u8> {
    let value = |sign: u8| if sign.is_ascii_uppercase() { sign - b'A' } else { sign - b'2' + 26 };
    let bits: Vec<u8> =
        text.bytes().flat_map(|sign| (0..5).rev().map(move |bit| value(sign) >> bit & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect()
}

/// What a browser is given for the password of an account with a second factor.
pub(crate) async fn pending(world: &World, user: &str) -> String {
    let body = json!({ "user": user, "password": PASSWORD, "browser": "Firefox" });
    let answer = world.nobody().json(Method::POST, "/api/v1/session", &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert!(!answer.headers.contains_key("set-cookie"), "half a sign-in is no session");
    let step: SecondStepResponse = answer.parse();
    step.pending
}

/// A program with an app password.
pub(crate) async fn app_password(api: &Api, privilege: &str, folder: Option<FolderId>) -> Api {
    let mut body = json!({ "name": "program", "privilege": privilege, "days": 90, "password": PASSWORD });
    if let Some(folder) = folder {
        body["folders"] = json!([folder.to_string()]);
    }
    let answer = api.json(Method::POST, APP_PASSWORDS, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let new: NewAppPasswordResponse = answer.parse();
    assert!(new.token.starts_with("drl_app_"));
    Api { token: Some(new.token), ..api.clone() }
}

/// A world whose time stands still until it is moved.
async fn timed() -> (World, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(2_000_000_000));
    let clock = Arc::clone(&now);
    let world = World::start_with(|settings| {
        settings.clock = Arc::new(move || Timestamp::from_parts(clock.load(Ordering::Relaxed), 0));
    })
    .await;
    (world, now)
}

fn at(clock: &AtomicI64) -> Timestamp {
    Timestamp::from_parts(clock.load(Ordering::Relaxed), 0)
}

async fn finish(world: &World, pending: &str, code: &str) -> crate::world::Answer {
    let body = json!({ "pending": pending, "code": code, "browser": "Firefox" });
    world.nobody().json(Method::POST, "/api/v1/session/second-factor", &body).await
}

#[tokio::test]
async fn a_browser_signs_in_with_password_and_code_each_code_once() {
    let (world, clock) = timed().await;
    let alice = world.writer().await;
    let enrolled = enrol_at(&alice, at(&clock)).await;
    clock.fetch_add(60, Ordering::Relaxed);

    let step = pending(&world, "alice").await;
    finish(&world, &step, "000000").await.assert_problem(ProblemKind::WrongCode);
    let code = enrolled.code(at(&clock));
    let answer = finish(&world, &step, &code).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert!(answer.header("set-cookie").starts_with("driftless=drl_dev_"));
    let who: SessionResponse = answer.parse();
    assert_eq!(who.name, "alice");
    finish(&world, &step, &enrolled.recovery_codes[0]).await.assert_problem(ProblemKind::NotFound);

    let again = pending(&world, "alice").await;
    finish(&world, &again, &code).await.assert_problem(ProblemKind::WrongCode);
    let answer = finish(&world, &again, &enrolled.recovery_codes[0]).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let third = pending(&world, "alice").await;
    finish(&world, &third, &enrolled.recovery_codes[0]).await.assert_problem(ProblemKind::WrongCode);
}

#[tokio::test]
async fn half_a_sign_in_is_neither_bearer_nor_cookie_nor_any_other_scheme() {
    let (world, clock) = timed().await;
    enrol_at(&world.writer().await, at(&clock)).await;
    let step = pending(&world, "alice").await;
    let as_device = step.replace("drl_pnd_", "drl_dev_");
    for token in [&step, &as_device] {
        let basic = format!("Basic {token}");
        let bearer = format!("Bearer {token}");
        for (name, value) in [
            (header::AUTHORIZATION, bearer),
            (header::AUTHORIZATION, basic),
            (header::COOKIE, format!("driftless={token}")),
            (header::COOKIE, format!("__Host-driftless={token}")),
        ] {
            for path in ["/api/v1/session", "/api/v1/folders", "/api/v1/account/security"] {
                let request = world.nobody().request(Method::GET, path).header(&name, &value);
                let request = request.header("sec-fetch-site", "same-origin");
                let answer =
                    world.nobody().send(request.body(Full::<bytes::Bytes>::default()).unwrap()).await;
                answer.assert_problem(ProblemKind::Unauthenticated);
            }
        }
    }
}

#[tokio::test]
async fn linking_with_a_password_does_not_go_around_the_second_factor() {
    let (world, clock) = timed().await;
    let enrolled = enrol_at(&world.writer().await, at(&clock)).await;
    clock.fetch_add(60, Ordering::Relaxed);
    let link = async |code: Option<&str>| {
        let mut body =
            json!({ "user": "alice", "password": PASSWORD, "device": "phone", "platform": "linux" });
        if let Some(code) = code {
            body["one_time_code"] = code.into();
        }
        world.nobody().json(Method::POST, "/api/v1/devices", &body).await
    };
    link(None).await.assert_problem(ProblemKind::SecondFactorNeeded);
    link(Some("000000")).await.assert_problem(ProblemKind::WrongCode);
    let code = enrolled.code(at(&clock));
    assert_eq!(link(Some(&code)).await.status, StatusCode::CREATED);
    link(Some(&code)).await.assert_problem(ProblemKind::WrongCode);
    assert_eq!(link(Some(&enrolled.recovery_codes[9])).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_second_factor_is_turned_on_and_off_with_the_password_and_ends_other_sessions() {
    let (world, clock) = timed().await;
    let alice = world.writer().await;
    let security = async || alice.get("/api/v1/account/security").await.parse::<SecurityResponse>();
    assert_eq!(security().await.second_factor, None);
    let wrong = json!({ "password": "wrong horse" });
    alice.json(Method::POST, SECOND_FACTOR, &wrong).await.assert_problem(ProblemKind::SignInFailed);

    let session = json!({ "user": "alice", "password": PASSWORD, "browser": "Firefox" });
    let answer = world.nobody().json(Method::POST, "/api/v1/session", &session).await;
    let cookie = answer.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    let browser = Api { token: Some(cookie), ..world.nobody() };
    assert_eq!(browser.get("/api/v1/session").await.status, StatusCode::OK);

    let enrolled = enrol_at(&alice, at(&clock)).await;
    browser.get("/api/v1/session").await.assert_problem(ProblemKind::Unauthenticated);
    assert_eq!(alice.get("/api/v1/session").await.status, StatusCode::OK, "devices stay linked");
    assert_eq!(security().await.second_factor.unwrap().recovery_codes_left, 10);
    let again = alice.json(Method::POST, SECOND_FACTOR, &json!({ "password": PASSWORD })).await;
    again.assert_problem(ProblemKind::AlreadyExists);

    let renew = json!({ "password": PASSWORD, "code": enrolled.recovery_codes[0] });
    let renewed = alice.json(Method::POST, "/api/v1/account/recovery-codes", &renew).await;
    let renewed: RecoveryCodesResponse = renewed.parse();
    assert!(renewed.recovery_codes.iter().all(|code| !enrolled.recovery_codes.contains(code)));

    let remove = async |password: &str, code: &str| {
        let body = json!({ "password": password, "code": code });
        alice.json(Method::POST, &format!("{SECOND_FACTOR}/remove"), &body).await
    };
    remove(PASSWORD, &enrolled.recovery_codes[1]).await.assert_problem(ProblemKind::WrongCode);
    remove("wrong horse", &renewed.recovery_codes[1]).await.assert_problem(ProblemKind::SignInFailed);
    assert_eq!(remove(PASSWORD, &renewed.recovery_codes[1]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(security().await.second_factor, None);
    world.link("alice", "phone").await;
}

#[tokio::test]
async fn an_app_password_is_limited_in_what_it_does_and_where() {
    let world = World::start().await;
    let alice = world.person("alice", WirePrivilege::Manage).await;
    let node = alice.commit(Draft::new().file("file", b"content")).await.node(0).node;
    let other = world.add_folder("other", None).await;
    world.grant("other", "alice", WirePrivilege::Write).await;
    let content = format!("nodes/{node}/content");

    let reader = app_password(&alice, "read", Some(world.folder)).await;
    assert_eq!(reader.get(&reader.folder_path(&content)).await.body, b"content");
    let refused = reader.bundle(&reader.folder_path("commits"), Draft::new().file("x", b"y").bytes()).await;
    refused.assert_problem(ProblemKind::Forbidden);
    let listed = reader.folders().await.folders;
    assert_eq!(
        listed.iter().map(|folder| (folder.name.as_str(), folder.privilege)).collect::<Vec<_>>(),
        [("docs", WirePrivilege::Read)]
    );
    let elsewhere = Api { folder: other, ..reader.clone() };
    elsewhere.get(&elsewhere.folder_path("changes")).await.assert_problem(ProblemKind::NotFound);

    let writer = app_password(&alice, "write", None).await;
    writer.commit(Draft::new().file("new", b"text")).await;
    let privileges: Vec<_> = writer.folders().await.folders.iter().map(|folder| folder.privilege).collect();
    assert_eq!(privileges, [WirePrivilege::Write; 2], "never more than it was made for");
    // What the account loses, it loses at once; what the account gets beyond its scope, it never gets.
    world.grant("docs", "alice", WirePrivilege::Read).await;
    let refused = writer.bundle(&writer.folder_path("commits"), Draft::new().file("x", b"y").bytes()).await;
    refused.assert_problem(ProblemKind::Forbidden);
    world.grant("docs", "alice", WirePrivilege::None).await;
    reader.get(&reader.folder_path(&content)).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn an_app_password_is_no_way_to_more() {
    let world = World::start().await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let app = app_password(&root, "write", None).await;
    let who: SessionResponse = app.get("/api/v1/session").await.parse();
    assert!(!who.administrator);
    let new = json!({ "name": "more", "privilege": "write", "days": 1, "password": PASSWORD });
    let decide = json!({ "user_code": "BBBB-BBBB", "approve": true, "password": PASSWORD });
    for (path, body) in [
        (APP_PASSWORDS, &new),
        (SECOND_FACTOR, &json!({ "password": PASSWORD })),
        ("/api/v1/devices/codes/decide", &decide),
    ] {
        app.json(Method::POST, path, body).await.assert_problem(ProblemKind::Forbidden);
    }
    for path in ["/api/v1/admin/status", "/metrics", APP_PASSWORDS, "/api/v1/account/security"] {
        app.get(path).await.assert_problem(ProblemKind::Forbidden);
    }
    let denied = metadata::read::<_, metadata::Error>(&*world.database, |snapshot| {
        let rows = snapshot.audit(0, 100)?;
        Ok(rows.iter().filter(|row| row.action == "app_password.use" && !row.allowed).count())
    });
    assert_eq!(denied.unwrap(), 7, "each is in the audit log");
    // Nor by the cookie's door.
    let request = world.nobody().request(Method::GET, "/api/v1/folders");
    let cookie = format!("driftless={}", app.token.as_ref().unwrap());
    let request = request.header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin");
    let answer = world.nobody().send(request.body(Full::<bytes::Bytes>::default()).unwrap()).await;
    answer.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn app_passwords_are_listed_revoked_and_end() {
    let (world, clock) = timed().await;
    let (alice, bob) = (world.writer().await, world.person("bob", WirePrivilege::Write).await);
    let (short, long) = (app_password(&alice, "read", None).await, app_password(&alice, "write", None).await);
    assert_eq!(short.get("/api/v1/session").await.status, StatusCode::OK);
    let list = async |api: &Api| api.get(APP_PASSWORDS).await.parse::<AppPasswordsResponse>().app_passwords;
    let listed = list(&alice).await;
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].name.as_str(), listed[0].privilege), ("program", WirePrivilege::Read));
    assert!(listed[0].folders.is_none() && listed[0].ends.is_some());

    let path = format!("{APP_PASSWORDS}/{}", listed[0].id);
    bob.call(Method::DELETE, &path).await.assert_problem(ProblemKind::NotFound);
    assert_eq!(alice.call(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
    alice.call(Method::DELETE, &path).await.assert_problem(ProblemKind::NotFound);
    short.get("/api/v1/session").await.assert_problem(ProblemKind::Unauthenticated);
    // A device's id is no app password's.
    let AdminAnswer::Devices { devices, .. } = world.admin(AdminRequest::DeviceList { user: None }).await
    else {
        panic!("no list")
    };
    let laptop = format!("{APP_PASSWORDS}/{}", devices[0].id);
    alice.call(Method::DELETE, &laptop).await.assert_problem(ProblemKind::NotFound);

    assert_eq!(long.get("/api/v1/session").await.status, StatusCode::OK);
    clock.fetch_add(90 * 86_400, Ordering::Relaxed);
    long.get("/api/v1/session").await.assert_problem(ProblemKind::Unauthenticated);
    assert!(list(&alice).await.is_empty());
}

#[tokio::test]
async fn an_app_password_is_asked_for_within_bounds() {
    let world = World::start().await;
    let alice = world.writer().await;
    let secret = world.add_folder("secret", None).await;
    let good = json!({ "name": "p", "privilege": "read", "days": 1, "password": PASSWORD });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for bad in [
        with("days", 0.into()),
        with("days", 366.into()),
        with("privilege", "manage".into()),
        with("privilege", "none".into()),
        with("name", "".into()),
        with("name", "a\nb".into()),
        with("folders", json!([])),
        with("folders", json!([secret.to_string()])),
        with("folders", json!(["f999"])),
        with("folders", json!(["nonsense"])),
        with("administrator", true.into()),
    ] {
        let answer = alice.json(Method::POST, APP_PASSWORDS, &bad).await;
        assert!(answer.status.is_client_error(), "{bad}: {answer:?}");
        answer.problem();
    }
    let wrong = with("password", "wrong horse".into());
    alice.json(Method::POST, APP_PASSWORDS, &wrong).await.assert_problem(ProblemKind::SignInFailed);
    assert_eq!(alice.json(Method::POST, APP_PASSWORDS, &good).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn administrators_demand_second_factors_and_take_them_away() {
    const POLICY: &str = "/api/v1/admin/second-factor";
    let (world, clock) = timed().await;
    let alice = world.writer().await;
    enrol_at(&alice, at(&clock)).await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let remove = json!({ "user": "alice" });
    let path = format!("{POLICY}/remove");
    alice.json(Method::POST, &path, &remove).await.assert_problem(ProblemKind::Forbidden);
    assert_eq!(root.json(Method::POST, &path, &remove).await.status, StatusCode::NO_CONTENT);
    root.json(Method::POST, &path, &remove).await.assert_problem(ProblemKind::NotFound);
    world.link("alice", "phone").await;

    let demand = json!({ "administrators": true });
    assert_eq!(root.json(Method::PUT, POLICY, &demand).await.status, StatusCode::NO_CONTENT);
    root.get(POLICY).await.assert_problem(ProblemKind::Forbidden);
    let who: SessionResponse = root.get("/api/v1/session").await.parse();
    assert!(!who.administrator && who.second_factor_wanted);
    enrol_at(&root, at(&clock)).await;
    let who: SessionResponse = root.get("/api/v1/session").await.parse();
    assert!(who.administrator && !who.second_factor_wanted);
    assert_eq!(root.get(POLICY).await.status, StatusCode::OK);
}

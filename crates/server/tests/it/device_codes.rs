//! Devices on which no password is typed.

use crate::world::{Answer, Api, PASSWORD, World};
use http::{Method, StatusCode};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminFailure, AdminRequest};
use protocol::v1::{DeviceCodeResponse, DeviceCodeState, WaitingDevice};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that goes on when it is told to.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

async fn world() -> (World, Clock) {
    let clock = Clock::default();
    let told = clock.clone();
    let world = World::start_with(|settings| {
        settings.clock =
            Arc::new(move || model::Timestamp::from_parts(2_000_000_000 + told.0.load(Ordering::SeqCst), 0));
    })
    .await;
    (world, clock)
}

async fn ask(world: &World) -> DeviceCodeResponse {
    let body = json!({ "device": "camera", "platform": "linux" });
    let answer = world.nobody().json(Method::POST, "/api/v1/devices/codes", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.parse()
}

async fn poll(world: &World, code: &str) -> Answer {
    let body = json!({ "device_code": code });
    world.nobody().json(Method::POST, "/api/v1/devices/codes/poll", &body).await
}

async fn decide(api: &Api, code: &str, approve: bool, password: Option<&str>) -> Answer {
    let mut body = json!({ "user_code": code, "approve": approve });
    if let Some(password) = password {
        body["password"] = password.into();
    }
    api.json(Method::POST, "/api/v1/devices/codes/decide", &body).await
}

#[tokio::test]
async fn a_person_who_is_signed_in_approves_a_device_for_their_own_account() {
    let (world, clock) = world().await;
    let alice = world.writer().await;
    let asked = ask(&world).await;
    assert_eq!((asked.interval_seconds, asked.remaining_seconds), (5, 600));
    let waiting: DeviceCodeState = poll(&world, &asked.device_code).await.parse();
    assert!(matches!(waiting, DeviceCodeState::Waiting { interval_seconds: 5, remaining_seconds: 600 }));

    let code = asked.user_code.to_lowercase();
    let found = alice.json(Method::POST, "/api/v1/devices/codes/find", &json!({ "user_code": code })).await;
    let found: WaitingDevice = found.parse();
    assert_eq!((found.device.as_str(), found.address.as_str()), ("camera", "127.0.0.1"));
    decide(&alice, &code, true, None).await.assert_problem(ProblemKind::Invalid);
    decide(&alice, &code, true, Some("wrong")).await.assert_problem(ProblemKind::SignInFailed);
    assert_eq!(decide(&alice, &code, true, Some(PASSWORD)).await.status, StatusCode::OK);
    decide(&alice, &code, true, Some(PASSWORD)).await.assert_problem(ProblemKind::NotFound);

    clock.pass(5);
    let DeviceCodeState::Linked { token, user_name, .. } = poll(&world, &asked.device_code).await.parse()
    else {
        panic!("it was approved")
    };
    assert_eq!(user_name, "alice");
    let camera = Api { token: Some(token), ..world.nobody() };
    assert_eq!(camera.folders().await.folders.len(), 1);
    clock.pass(5);
    poll(&world, &asked.device_code).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn an_administrator_sees_who_waits_and_decides() {
    let (world, clock) = world().await;
    world.writer().await;
    let (first, second) = (ask(&world).await, ask(&world).await);
    let AdminAnswer::Devices { devices, waiting } =
        world.admin(AdminRequest::DeviceList { user: None }).await
    else {
        panic!("no devices")
    };
    assert_eq!((devices.len(), waiting.len()), (1, 2));
    let approve =
        |code: &str, user: &str| AdminRequest::DeviceApprove { code: code.into(), user: user.into() };
    for (request, reason) in [
        (approve("BBBB-BBBB", "alice"), AdminFailure::NotFound),
        (approve(&first.user_code, "nobody"), AdminFailure::NotFound),
        (AdminRequest::DeviceDeny { code: "?".into() }, AdminFailure::NotFound),
    ] {
        let answer = world.admin(request).await;
        assert!(matches!(&answer, AdminAnswer::Failed { reason: why, .. } if *why == reason), "{answer:?}");
    }
    let decided = world.admin(approve(&first.user_code, "alice")).await;
    assert!(
        matches!(&decided, AdminAnswer::DeviceDecided(device) if device.device == "camera"),
        "{decided:?}"
    );
    world.admin(AdminRequest::DeviceDeny { code: second.user_code }).await;
    clock.pass(5);
    assert!(matches!(poll(&world, &first.device_code).await.parse(), DeviceCodeState::Linked { .. }));
    assert!(matches!(poll(&world, &second.device_code).await.parse(), DeviceCodeState::Denied));
    let rows = metadata::read(&*world.database, |snapshot| snapshot.audit(0, 100)).unwrap();
    let said = |action: &str| rows.iter().filter(|row| row.action == action && row.allowed).count();
    assert_eq!((said("device.approve"), said("device.deny"), said("device.link")), (1, 1, 2));
}

#[tokio::test]
async fn who_polls_too_soon_or_too_late_is_told_so() {
    let (world, clock) = world().await;
    let asked = ask(&world).await;
    poll(&world, &asked.device_code).await;
    let early = poll(&world, &asked.device_code).await;
    early.assert_problem(ProblemKind::TooManyRequests);
    assert_eq!(early.header("retry-after"), "10");
    clock.pass(600);
    poll(&world, &asked.device_code).await.assert_problem(ProblemKind::NotFound);
    poll(&world, &asked.user_code).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn guesses_at_codes_are_slowed_down_and_requests_are_checked() {
    let (world, _) = world().await;
    let alice = world.writer().await;
    for _ in 0..5 {
        decide(&alice, "BBBB-BBBB", false, None).await.assert_problem(ProblemKind::NotFound);
    }
    let find = alice.json(Method::POST, "/api/v1/devices/codes/find", &json!({ "user_code": "" })).await;
    find.assert_problem(ProblemKind::TooManyRequests);
    let nobody = world.nobody();
    let send = async |body| nobody.json(Method::POST, "/api/v1/devices/codes", &body).await;
    send(json!({ "device": "", "platform": "p" })).await.assert_problem(ProblemKind::Invalid);
    send(json!({ "device": "d", "platform": "p", "user": "alice" }))
        .await
        .assert_problem(ProblemKind::Invalid);
    for _ in 0..20 {
        ask(&world).await;
    }
    let more = send(json!({ "device": "d", "platform": "p" })).await;
    more.assert_problem(ProblemKind::TooManyRequests);
    assert_eq!(more.header("retry-after"), "600");
}

//! A device that is to remove its copies: who may order it, what its token reaches then, and what it says.

use crate::world::{Api, PASSWORD, World};
use http::{Method, StatusCode};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::WirePrivilege;
use serde_json::{Value, json};

/// An account's devices: the one at work, and one that is lost.
async fn two_devices(world: &World) -> (Api, Api, String) {
    let laptop = world.person("alice", WirePrivilege::Write).await;
    let phone = world.link("alice", "phone").await;
    let listed = devices(&phone).await;
    let lost = listed.iter().find(|device| device["name"] == "phone").unwrap()["id"].as_str().unwrap();
    (laptop, phone, lost.to_owned())
}

impl World {
    /// Orders the device of an account that was linked last to remove its copies.
    pub(crate) async fn wipe_newest(&self, user: &str) {
        let list = AdminRequest::DeviceList { user: Some(user.to_owned()) };
        let AdminAnswer::Devices { devices, .. } = self.admin(list).await else { panic!("no devices") };
        let device = devices.iter().map(|device| device.id).max().unwrap();
        self.do_admin(AdminRequest::DeviceWipe { device }).await;
    }
}

async fn devices(api: &Api) -> Vec<Value> {
    let answer = api.get("/api/v1/devices").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.parse::<Value>()["devices"].as_array().unwrap().clone()
}

async fn shown(api: &Api, id: &str) -> Option<Value> {
    devices(api).await.into_iter().find(|device| device["id"] == id)
}

async fn order(api: &Api, id: &str) -> StatusCode {
    api.call(Method::POST, &format!("/api/v1/devices/{id}/wipe")).await.status
}

async fn unlink(api: &Api, id: &str) -> StatusCode {
    api.call(Method::DELETE, &format!("/api/v1/devices/{id}")).await.status
}

async fn report(api: &Api, removed: u64, kept: u64) -> crate::world::Answer {
    api.json(Method::POST, "/api/v1/devices/self/wiped", &json!({ "removed": removed, "kept": kept })).await
}

#[tokio::test]
async fn a_device_hears_the_order_reaches_nothing_and_says_once_that_it_is_done() {
    let world = World::start().await;
    let (laptop, phone, lost) = two_devices(&world).await;
    report(&phone, 1, 0).await.assert_problem(ProblemKind::NotFound);
    assert_eq!(phone.folders().await.folders.len(), 1, "and it is linked as before");
    assert_eq!(order(&laptop, &lost).await, StatusCode::NO_CONTENT);
    for path in ["/api/v1/folders", "/api/v1/devices", "/api/v1/events", "/api/v1/folders/f1/changes"] {
        let answer = phone.get(path).await;
        let problem = answer.assert_problem(ProblemKind::WipeOrdered);
        assert_eq!(problem.members["epoch"], answer.header("driftless-epoch"), "whose order it is");
    }
    phone.call(Method::DELETE, "/api/v1/devices/self").await.assert_problem(ProblemKind::WipeOrdered);
    assert_eq!(order(&laptop, &lost).await, StatusCode::NO_CONTENT, "once more is no harm");
    let before = shown(&laptop, &lost).await.unwrap();
    assert!(before["wipe"]["ordered"].is_string() && before["wipe"]["done"].is_null(), "{before}");

    let never = report(&phone, u64::MAX, 0).await;
    never.assert_problem(ProblemKind::Invalid);
    report(&world.nobody(), 1, 0).await.assert_problem(ProblemKind::Unauthenticated);
    assert_eq!(report(&phone, 12, 3).await.status, StatusCode::NO_CONTENT);
    report(&phone, 99, 99).await.assert_problem(ProblemKind::Unauthenticated);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    let after = shown(&laptop, &lost).await.unwrap();
    assert_eq!((&after["wipe"]["removed"], &after["wipe"]["kept"]), (&json!(12), &json!(3)));
    assert!(after["wipe"]["done"].is_string(), "{after}");
    assert_eq!(unlink(&laptop, &lost).await, StatusCode::NO_CONTENT);
    assert_eq!(shown(&laptop, &lost).await, None);
    assert_eq!(order(&laptop, &lost).await, StatusCode::NOT_FOUND);

    world.add_user("root", true).await;
    let log = world.link("root", "console").await.get("/api/v1/admin/log?action=device").await;
    let log: Value = log.parse();
    let lines: Vec<(&str, &str)> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["action"].as_str().unwrap(), line["device"].as_str().unwrap_or_default()))
        .collect();
    let own = lines.iter().find(|line| line.0 == "device.wiped").unwrap();
    assert!(lines.iter().any(|line| line.0 == "device.wipe"), "{lines:?}");
    assert_eq!(own.1, lost, "it says so itself");
}

#[tokio::test]
async fn what_an_administrator_has_ordered_its_owner_does_not_take_back() {
    let world = World::start().await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let (laptop, phone, lost) = two_devices(&world).await;
    let everybodys = format!("/api/v1/admin/devices/{lost}");

    assert_eq!(order(&laptop, &lost).await, StatusCode::NO_CONTENT);
    assert_eq!(unlink(&laptop, &lost).await, StatusCode::NO_CONTENT, "it is hers");
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    root.call(Method::POST, &format!("{everybodys}/wipe")).await.assert_problem(ProblemKind::NotFound);

    let phone = world.link("alice", "phone").await;
    let lost = devices(&phone).await[0]["id"].as_str().unwrap().to_owned();
    let everybodys = format!("/api/v1/admin/devices/{lost}");
    laptop.call(Method::POST, &format!("{everybodys}/wipe")).await.assert_problem(ProblemKind::Forbidden);
    let ordered = root.call(Method::POST, &format!("{everybodys}/wipe")).await;
    assert_eq!(ordered.status, StatusCode::NO_CONTENT);
    assert_eq!(order(&laptop, &lost).await, StatusCode::NO_CONTENT, "she may want it, too");
    assert_eq!(unlink(&laptop, &lost).await, StatusCode::FORBIDDEN);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::WipeOrdered);
    let AdminAnswer::Devices { devices, .. } =
        world.admin(AdminRequest::DeviceList { user: Some("alice".into()) }).await
    else {
        panic!("no devices")
    };
    let entry = devices.into_iter().find(|device| device.id.to_string() == lost).unwrap();
    assert!(entry.wipe.is_some_and(|wipe| wipe.done.is_none()));
    assert_eq!(root.call(Method::DELETE, &everybodys).await.status, StatusCode::NO_CONTENT);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn only_ones_own_devices_that_keep_copies_are_wiped() {
    let world = World::start().await;
    let (laptop, phone, lost) = two_devices(&world).await;
    let bob = world.person("bob", WirePrivilege::Manage).await;
    assert_eq!(order(&bob, &lost).await, StatusCode::NOT_FOUND);
    assert_eq!(order(&laptop, "d999").await, StatusCode::NOT_FOUND);
    let session = json!({ "user": "alice", "password": PASSWORD, "browser": "Firefox" });
    assert_eq!(
        world.nobody().json(Method::POST, "/api/v1/session", &session).await.status,
        StatusCode::CREATED
    );
    let browser = devices(&laptop).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(order(&laptop, &browser).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shown(&laptop, &browser).await.is_some_and(|device| device["wipe"].is_null()));
    assert_eq!(phone.folders().await.folders.len(), 1, "nothing was done to the others");
    // Whoever asks may be the one that is wiped.
    assert_eq!(order(&phone, &lost).await, StatusCode::NO_CONTENT);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::WipeOrdered);
}

#[tokio::test]
async fn whoever_holds_the_data_directory_orders_it_also_of_a_removed_account() {
    let world = World::start().await;
    let (_, phone, lost) = two_devices(&world).await;
    world.do_admin(AdminRequest::DeviceWipe { device: lost.parse().unwrap() }).await;
    world.do_admin(AdminRequest::UserRemove { user: "alice".into() }).await;
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::WipeOrdered);
    assert_eq!(report(&phone, 5, 0).await.status, StatusCode::NO_CONTENT);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
}

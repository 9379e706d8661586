//! Administering people over HTTP: accounts, groups, folders, privileges, devices.

use crate::bundles::Draft;
use crate::world::{Answer, Api, PASSWORD, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::WirePrivilege;
use serde_json::{Value, json};

const USERS: &str = "/api/v1/admin/users";
const GROUPS: &str = "/api/v1/admin/groups";
const FOLDERS: &str = "/api/v1/admin/folders";
const DEVICES: &str = "/api/v1/admin/devices";

/// A world with an administrator at a console.
async fn with_root() -> (World, Api) {
    let world = World::start().await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    (world, root)
}

impl Api {
    /// Asks for what is there.
    async fn look(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.parse()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &body).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, &body).await
    }

    /// Makes something and gives its address.
    async fn make(&self, list: &str, body: Value) -> String {
        let answer = self.post(list, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        format!("{list}/{}", answer.parse::<Value>()["id"].as_str().unwrap())
    }

    async fn make_user(&self, name: &str) -> String {
        self.make(USERS, json!({ "name": name, "password": PASSWORD })).await
    }

    async fn matching(&self, method: Method, path: &str, tag: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.header(header::IF_MATCH, tag).body(Full::from(body.to_string())).unwrap()).await
    }
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_account_is_made_changed_and_removed() {
    let (world, root) = with_root().await;
    let new = json!({ "name": "Alice", "password": PASSWORD, "home": true, "quota_bytes": 1000 });
    let alice = root.make(USERS, new.clone()).await;
    root.post(USERS, new).await.assert_problem(ProblemKind::AlreadyExists);
    let hostile = json!({ "name": "<img src=x onerror=alert(1)>", "password": PASSWORD });
    let hostile = root.make(USERS, hostile).await;
    assert_eq!(root.look(&hostile).await["name"], "<img src=x onerror=alert(1)>");
    for name in ["", " x", "@x", "~x", "a/b", "a\nb", &"x".repeat(65)] {
        let answer = root.post(USERS, json!({ "name": name, "password": PASSWORD })).await;
        answer.assert_problem(ProblemKind::Invalid);
    }

    let group = root.make(GROUPS, json!({ "name": "staff" })).await;
    let change = json!({
        "quota_bytes": { "to": 5000 }, "upload_rate": { "to": 1_000_000 }, "download_rate": "unlimited",
        "system_user": "alice", "groups": [id(&group)], "administrator": true,
    });
    let changed: Value = root.patch(&alice, change).await.parse();
    assert_eq!(changed["quota_bytes"], 5000);
    assert_eq!(changed["upload_rate"], json!({ "to": 1_000_000 }));
    assert_eq!(changed["download_rate"], "unlimited");
    assert_eq!(changed["system_user"], "alice");
    assert_eq!(names(&changed["groups"]), ["staff"]);
    assert!(changed["home"].is_string() && changed["administrator"] == true, "{changed}");
    root.post(&format!("{alice}/home"), json!({})).await.assert_problem(ProblemKind::AlreadyExists);
    let back =
        json!({ "quota_bytes": "unlimited", "system_user": "", "groups": [], "upload_rate": "standard" });
    let back: Value = root.patch(&alice, back).await.parse();
    assert_eq!(back.get("quota_bytes"), None);
    assert_eq!((back.get("system_user"), &back["groups"]), (None, &json!([])));
    root.patch(&alice, json!({ "groups": ["g99"] })).await.assert_problem(ProblemKind::Invalid);
    root.patch(&alice, json!({ "upload_rate": { "to": 1 } })).await.assert_problem(ProblemKind::Invalid);

    let laptop = world.link("alice", "laptop").await;
    assert_eq!(root.look(&alice).await["devices"], 1);
    let list = root.look(USERS).await;
    assert_eq!(
        (names(&list["users"]), &list["total"]),
        (vec!["<img src=x onerror=alert(1)>", "Alice", "root"], &json!(3))
    );
    assert_eq!(root.call(Method::DELETE, &alice).await.status, StatusCode::NO_CONTENT);
    laptop.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    root.get(&alice).await.assert_problem(ProblemKind::NotFound);
    root.call(Method::DELETE, &alice).await.assert_problem(ProblemKind::NotFound);
    root.patch(&alice, json!({ "disabled": false })).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn two_thousand_accounts_are_listed_page_by_page_and_found_by_name() {
    let (world, root) = with_root().await;
    metadata::write::<_, metadata::Error>(&*world.database, |transaction| {
        for number in 0..2_000 {
            let name = format!("Person {number:04}");
            transaction.create_user(&metadata::account::NewUser {
                name_key: auth::account::name_key(&name).unwrap(),
                name,
                administrator: false,
                quota_bytes: None,
                at: model::Timestamp(1),
            })?;
        }
        Ok(())
    })
    .unwrap();
    let (mut seen, mut pages, mut path) = (Vec::new(), 0, format!("{USERS}?limit=999"));
    loop {
        let page = root.look(&path).await;
        pages += 1;
        seen.extend(names(&page["users"]).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{USERS}?after={}", next.replace(' ', "%20"));
    }
    assert_eq!((seen.len(), pages), (2_001, 11));
    assert!(seen.is_sorted());
    let found = root.look(&format!("{USERS}?search=PERSON%20004&limit=3")).await;
    assert_eq!(names(&found["users"]), ["Person 0040", "Person 0041", "Person 0042"]);
    assert_eq!((&found["total"], &found["next"]), (&json!(10), &json!("Person 0042")));
    assert_eq!(root.look(&format!("{USERS}?search=%2F")).await["total"], 0, "no name has a slash");
    let long = format!("{USERS}?search={}", "x".repeat(65));
    root.get(&long).await.assert_problem(ProblemKind::Invalid);
    root.get(&format!("{USERS}?after=%40")).await.assert_problem(ProblemKind::Invalid);
    root.get(&format!("{USERS}?wrong=1")).await.assert_problem(ProblemKind::BadRequest);
}

#[tokio::test]
async fn a_list_is_not_taken_for_an_object_member_by_member() {
    let (_world, root) = with_root().await;
    root.post(GROUPS, json!(["staff"])).await.assert_problem(ProblemKind::Invalid);
    root.make(GROUPS, json!({ "name": "staff" })).await;
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_changed_again() {
    let (_world, root) = with_root().await;
    let alice = root.make_user("alice").await;
    let group = root.make(GROUPS, json!({ "name": "staff" })).await;
    let folder = root.make(FOLDERS, json!({ "name": "plans" })).await;
    let grants = format!("/api/v1/folders/{}/grants", id(&folder));
    let grant = json!({ "grants": [{ "to": id(&alice), "privilege": "read" }] });
    let cases = [
        (Method::PATCH, &alice, json!({ "disabled": true })),
        (Method::PATCH, &group, json!({ "add": [id(&alice)] })),
        (Method::PATCH, &folder, json!({ "quota_bytes": { "to": 7 } })),
        (Method::PUT, &grants, grant),
    ];
    for (method, path, body) in cases {
        let before = root.get(path).await.header("etag").to_owned();
        assert_eq!(root.get(path).await.header("etag"), before, "{path}: the same state has the same tag");
        let changed = root.matching(method.clone(), path, &before, &body).await;
        assert_eq!(changed.status, StatusCode::OK, "{path}: {changed:?}");
        let after = changed.header("etag").to_owned();
        assert_ne!(after, before, "{path}");
        let again = root.matching(method.clone(), path, &before, &body).await;
        again.assert_problem(ProblemKind::PreconditionFailed);
        assert_eq!(root.get(path).await.header("etag"), after, "{path}: nothing was changed");
        let listed = root.matching(method.clone(), path, &format!("\"x\", {after}"), &body).await;
        assert_eq!(listed.status, StatusCode::OK, "{path}");
        assert_eq!(root.matching(method, path, "*", &body).await.status, StatusCode::OK, "{path}");
        if path != &grants && path != &folder {
            let removed = root.matching(Method::DELETE, path, &before, &Value::Null).await;
            removed.assert_problem(ProblemKind::PreconditionFailed);
        }
    }
}

#[tokio::test]
async fn the_last_active_administrator_stays_one() {
    let (world, root) = with_root().await;
    let own = root.look(USERS).await["users"][0]["id"].as_str().unwrap().to_owned();
    let own = format!("{USERS}/{own}");
    let set = |administrator, disabled| AdminRequest::UserSet {
        user: "root".into(),
        password: None,
        administrator,
        disabled,
        system_user: None,
        upload_rate: None,
        download_rate: None,
    };
    let refused = async |why: &str| {
        for body in [json!({ "administrator": false }), json!({ "disabled": true })] {
            let problem = root.patch(&own, body).await.assert_problem(ProblemKind::Invalid);
            assert!(problem.detail.unwrap().contains("last active administrator"), "{why}");
        }
        root.call(Method::DELETE, &own).await.assert_problem(ProblemKind::Invalid);
        let remove = AdminRequest::UserRemove { user: "root".into() };
        for request in [set(Some(false), None), set(None, Some(true)), remove] {
            let answer = world.admin(request).await;
            assert!(matches!(answer, AdminAnswer::Failed { .. }), "{why}: {answer:?}");
        }
    };
    refused("alone").await;
    let second =
        root.make(USERS, json!({ "name": "second", "password": PASSWORD, "administrator": true })).await;
    root.patch(&second, json!({ "disabled": true })).await;
    refused("the other is disabled").await;
    root.patch(&second, json!({ "disabled": false, "administrator": false })).await;
    refused("the other is none any more").await;
    root.patch(&second, json!({ "administrator": true })).await;
    world.do_admin(set(Some(false), None)).await;
    root.get(USERS).await.assert_problem(ProblemKind::Forbidden);
}

#[tokio::test]
async fn an_administrator_changes_a_password_and_may_end_what_is_linked() {
    let (world, root) = with_root().await;
    let alice = root.make_user("alice").await;
    let laptop = world.link("alice", "laptop").await;
    assert_eq!(root.patch(&alice, json!({ "password": "another one" })).await.status, StatusCode::OK);
    assert_eq!(laptop.get("/api/v1/folders").await.status, StatusCode::OK, "devices stay by themselves");
    let both = json!({ "password": "yet another", "unlink_devices": true });
    assert_eq!(root.patch(&alice, both).await.parse::<Value>()["devices"], 0);
    laptop.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    root.patch(&alice, json!({ "password": "short" })).await.assert_problem(ProblemKind::Invalid);
    let link = json!({ "user": "alice", "password": "yet another", "device": "d", "platform": "p" });
    assert_eq!(world.nobody().post("/api/v1/devices", link).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_person_changes_the_own_password() {
    // Time stands still, so that no delay passes while others compute.
    let now = || model::Timestamp::from_parts(1_800_000_000, 0);
    let world = World::start_with(|settings| settings.clock = std::sync::Arc::new(now)).await;
    world.add_user("alice", false).await;
    let (laptop, phone) = (world.link("alice", "laptop").await, world.link("alice", "phone").await);
    let put = async |old: &str, new: &str, unlink_others: bool| {
        let body = json!({ "old": old, "new": new, "unlink_others": unlink_others });
        laptop.json(Method::PUT, "/api/v1/password", &body).await
    };
    put("wrong password", "a new password", true).await.assert_problem(ProblemKind::SignInFailed);
    put(PASSWORD, "short", true).await.assert_problem(ProblemKind::Invalid);
    assert_eq!(put(PASSWORD, "a new password", false).await.status, StatusCode::NO_CONTENT);
    assert_eq!(phone.get("/api/v1/folders").await.status, StatusCode::OK);
    assert_eq!(put("a new password", "a newer password", true).await.status, StatusCode::NO_CONTENT);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    assert_eq!(laptop.get("/api/v1/folders").await.status, StatusCode::OK, "the one that asks stays");
    let mut last = None;
    for _ in 0..6 {
        last = Some(put(PASSWORD, "a third password", false).await);
    }
    last.unwrap().assert_problem(ProblemKind::TooManyRequests);
}

#[tokio::test]
async fn groups_have_members_by_id() {
    let (_world, root) = with_root().await;
    let (alice, bob) = (root.make_user("alice").await, root.make_user("bob").await);
    let group = root.make(GROUPS, json!({ "name": "Staff" })).await;
    root.post(GROUPS, json!({ "name": "staff" })).await.assert_problem(ProblemKind::AlreadyExists);
    let added: Value = root.patch(&group, json!({ "add": [id(&bob), id(&alice)] })).await.parse();
    assert_eq!(names(&added["members"]), ["alice", "bob"]);
    assert_eq!(root.look(GROUPS).await["groups"][0]["members"], 2);
    root.patch(&group, json!({ "add": ["uffff"] })).await.assert_problem(ProblemKind::NotFound);
    let left: Value = root.patch(&group, json!({ "remove": [id(&bob)] })).await.parse();
    assert_eq!(names(&left["members"]), ["alice"]);
    assert_eq!(root.call(Method::DELETE, &group).await.status, StatusCode::NO_CONTENT);
    root.get(&group).await.assert_problem(ProblemKind::NotFound);
    assert_eq!(root.look(&alice).await["groups"], json!([]));
}

#[tokio::test]
async fn folders_are_administered_without_being_read() {
    let (_world, root) = with_root().await;
    let plans = root.make(FOLDERS, json!({ "name": "plans", "quota_bytes": 10 })).await;
    root.post(FOLDERS, json!({ "name": "Plans" })).await.assert_problem(ProblemKind::AlreadyExists);
    root.post(FOLDERS, json!({ "name": "home-x" })).await.assert_problem(ProblemKind::Invalid);
    let change = json!({ "quota_bytes": "unlimited", "versions": 3, "days": { "to": 9 }, "safe_days": 2 });
    let changed: Value = root.patch(&plans, change).await.parse();
    assert_eq!((changed.get("quota_bytes"), &changed["versions"]), (None, &json!(3)));
    assert_eq!((&changed["days"], &changed["safe_days"]), (&json!(9), &json!(2)));
    root.patch(&plans, json!({ "versions": 0 })).await.assert_problem(ProblemKind::Invalid);
    root.patch(&plans, json!({ "plain": "/etc" })).await.assert_problem(ProblemKind::Invalid);
    root.post(FOLDERS, json!({ "name": "x", "plain": "/etc" })).await.assert_problem(ProblemKind::Invalid);
    root.post(&format!("{plans}/hold"), json!({ "approve": true }))
        .await
        .assert_problem(ProblemKind::NotFound);
    let list = root.look(&format!("{FOLDERS}?search=PLAN")).await;
    assert_eq!(names(&list["folders"]), ["plans"]);
    root.get(&format!("/api/v1/folders/{}/changes", id(&plans))).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn a_manager_sets_the_privileges_of_the_own_folder() {
    let (world, root) = with_root().await;
    let manager = world.person("manager", WirePrivilege::Manage).await;
    let reader = world.person("reader", WirePrivilege::Read).await;
    let (bob, group) = (root.make_user("bob").await, root.make(GROUPS, json!({ "name": "Builders" })).await);
    root.patch(&group, json!({ "add": [id(&bob)] })).await;
    let grants = manager.folder_path("grants");

    let found = manager.look(&manager.folder_path("candidates?begin=B")).await;
    assert_eq!((names(&found["users"]), names(&found["groups"])), (vec!["bob"], vec!["Builders"]));
    let nobody = manager.look(&manager.folder_path("candidates?begin=ob")).await;
    assert_eq!(nobody["users"], json!([]), "only what names begin with is found");
    manager.get(&manager.folder_path("candidates?begin=")).await.assert_problem(ProblemKind::Invalid);
    reader.get(&manager.folder_path("candidates?begin=b")).await.assert_problem(ProblemKind::Forbidden);
    reader.get(&grants).await.assert_problem(ProblemKind::Forbidden);

    let mut entries = manager.look(&grants).await["grants"].as_array().unwrap().clone();
    entries.iter_mut().for_each(|entry| drop(entry.as_object_mut().unwrap().remove("name")));
    entries.push(json!({ "to": id(&group), "privilege": "write" }));
    entries.push(json!({ "to": id(&bob), "privilege": "read" }));
    let set: Value = manager.json(Method::PUT, &grants, &json!({ "grants": entries })).await.parse();
    assert_eq!(names(&set["grants"]), ["Builders", "bob", "manager", "reader"]);
    let of_bob = &set["effective"][0];
    assert_eq!((&of_bob["user"]["name"], &of_bob["privilege"]), (&json!("bob"), &json!("write")));
    assert_eq!(names(&of_bob["groups"]), ["Builders"]);
    let laptop = world.link("bob", "laptop").await;
    assert_eq!(laptop.folders().await.folders[0].privilege, WirePrivilege::Write);
    entries.pop();
    entries.push(json!({ "to": id(&bob), "privilege": "none" }));
    let denied: Value = root.json(Method::PUT, &grants, &json!({ "grants": entries })).await.parse();
    assert_eq!(denied["effective"][0]["privilege"], "none", "on purpose, which outweighs the group");
    assert!(laptop.folders().await.folders.is_empty());
    let twice = json!({ "grants": [entries[0], entries[0]] });
    manager.json(Method::PUT, &grants, &twice).await.assert_problem(ProblemKind::Invalid);
    let given_up = manager.json(Method::PUT, &grants, &json!({ "grants": [] })).await;
    assert_eq!(given_up.status, StatusCode::OK, "a manager may give the folder up");
    manager.get(&grants).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn nobody_loses_the_own_home() {
    let (world, root) = with_root().await;
    let alice = root.make(USERS, json!({ "name": "alice", "password": PASSWORD, "home": true })).await;
    let home = root.look(&alice).await["home"].as_str().unwrap().to_owned();
    let grants = format!("/api/v1/folders/{home}/grants");
    for entries in [json!([]), json!([{ "to": id(&alice), "privilege": "write" }])] {
        let answer = root.json(Method::PUT, &grants, &json!({ "grants": entries })).await;
        answer.assert_problem(ProblemKind::Invalid);
    }
    let laptop = world.link("alice", "laptop").await;
    assert_eq!(laptop.folders().await.folders[0].privilege, WirePrivilege::Manage);
}

#[tokio::test]
async fn devices_say_what_and_where_they_are_and_are_unlinked() {
    let (world, root) = with_root().await;
    let alice = root.make_user("alice").await;
    let (laptop, phone) = (world.link("alice", "Laptop").await, world.link("alice", "phone").await);
    let session = json!({ "user": "alice", "password": PASSWORD, "browser": "Firefox" });
    assert_eq!(world.nobody().post("/api/v1/session", session).await.status, StatusCode::CREATED);

    let own = laptop.look("/api/v1/devices").await;
    assert_eq!(names(&own["devices"]), ["Firefox", "phone", "Laptop"], "the last linked first");
    let seen = |index: usize, name: &str| own["devices"][index][name].clone();
    assert_eq!((seen(0, "session"), seen(1, "session")), (json!(true), json!(false)));
    assert_eq!((seen(1, "current"), seen(2, "current")), (json!(false), json!(true)));
    assert_eq!((seen(2, "platform"), seen(2, "address")), (json!("linux"), json!("127.0.0.1")));
    let first = laptop.look("/api/v1/devices?limit=2").await;
    let rest = laptop.look(&format!("/api/v1/devices?after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(names(&rest["devices"]), ["Laptop"]);

    let of = |list: &Value| -> Vec<String> {
        let devices = list["devices"].as_array().unwrap().iter();
        devices.map(|entry| format!("{}: {}", entry["user"]["name"], entry["device"]["name"])).collect()
    };
    let all = root.look(DEVICES).await;
    let expected =
        ["\"alice\": \"Laptop\"", "\"alice\": \"phone\"", "\"alice\": \"Firefox\"", "\"root\": \"console\""];
    assert_eq!(of(&all), expected);
    let mut paged = Vec::new();
    let mut path = format!("{DEVICES}?limit=1");
    loop {
        let page = root.look(&path).await;
        paged.extend(of(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{DEVICES}?limit=1&after={next}");
    }
    assert_eq!(paged, expected);
    assert_eq!(of(&root.look(&format!("{DEVICES}?search=LAP")).await), expected[..1]);
    assert_eq!(of(&root.look(&format!("{DEVICES}?user={}", id(&alice))).await), expected[..3]);
    root.get(&format!("{DEVICES}?after=x")).await.assert_problem(ProblemKind::Invalid);

    let of_root = all["devices"][3]["device"]["id"].as_str().unwrap().to_owned();
    let foreign = laptop.call(Method::DELETE, &format!("/api/v1/devices/{of_root}")).await;
    foreign.assert_problem(ProblemKind::NotFound);
    let of_phone = seen(1, "id").as_str().unwrap().to_owned();
    let unlinked = laptop.call(Method::DELETE, &format!("/api/v1/devices/{of_phone}")).await;
    assert_eq!(unlinked.status, StatusCode::NO_CONTENT);
    phone.get("/api/v1/folders").await.assert_problem(ProblemKind::Unauthenticated);
    let of_laptop = seen(2, "id").as_str().unwrap().to_owned();
    assert_eq!(
        root.call(Method::DELETE, &format!("{DEVICES}/{of_laptop}")).await.status,
        StatusCode::NO_CONTENT
    );
    laptop.get("/api/v1/devices").await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn a_waiting_device_is_settled_by_an_administrator() {
    let (world, root) = with_root().await;
    let alice = root.make_user("alice").await;
    let ask = async || -> Value {
        let body = json!({ "device": "tv", "platform": "linux" });
        world.nobody().post("/api/v1/devices/codes", body).await.parse()
    };
    let waiting = format!("{DEVICES}/waiting");
    let code = ask().await;
    assert_eq!(root.look(&waiting).await["waiting"][0]["device"], "tv");
    let settled = root.post(&waiting, json!({ "user_code": code["user_code"], "user": id(&alice) })).await;
    assert_eq!(settled.status, StatusCode::OK, "{settled:?}");
    let poll = json!({ "device_code": code["device_code"] });
    let linked: Value = world.nobody().post("/api/v1/devices/codes/poll", poll).await.parse();
    assert_eq!(linked["user_name"], "alice");
    let code = ask().await;
    root.patch(&alice, json!({ "disabled": true })).await;
    let disabled = root.post(&waiting, json!({ "user_code": code["user_code"], "user": id(&alice) })).await;
    disabled.assert_problem(ProblemKind::Invalid);
    assert_eq!(root.post(&waiting, json!({ "user_code": code["user_code"] })).await.status, StatusCode::OK);
    assert_eq!(root.look(&waiting).await["waiting"], json!([]));
    root.post(&waiting, json!({ "user_code": "BBBB-BBBB" })).await.assert_problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn who_may_only_read_cannot_commit() {
    let (world, _root) = with_root().await;
    let reader = world.person("reader", WirePrivilege::Read).await;
    let bytes = Draft::new().file("a", b"a").bytes();
    reader.bundle(&reader.folder_path("commits"), bytes).await.assert_problem(ProblemKind::Forbidden);
}

#[tokio::test]
async fn what_administrators_do_over_http_is_in_the_log_with_their_names_and_without_secrets() {
    let (world, root) = with_root().await;
    let alice = root.make_user("alice").await;
    root.patch(&alice, json!({ "password": "a very secret one", "disabled": true })).await;
    let rows =
        metadata::read::<_, metadata::Error>(&*world.database, |snapshot| snapshot.audit(0, 1_000)).unwrap();
    let row = rows.iter().rfind(|row| row.action == "user.set").unwrap();
    assert!(row.user.is_some() && row.device.is_some() && row.address == "127.0.0.1", "{row:?}");
    let details: Vec<_> = row.details.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(details, [("user", "alice"), ("password", "changed"), ("disabled", "true")]);
    assert!(!format!("{rows:?}").contains("a very secret one"));
}

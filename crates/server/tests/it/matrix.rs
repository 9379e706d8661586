//! Every operation, asked by every kind of principal, in a folder that is granted and in one that is not there.
//!
//! `matrix.golden` says which status each gets. Written anew with `DRIFTLESS_BLESS=1`; a difference is to be understood,
//! not blessed away. An operation without a row fails.

use crate::account::{app_password, enrol, pending};
use crate::bundles::Draft;
use crate::described;
use crate::networks::{CAFE, HOME, OFFICE, behind_a_proxy, limit_to_the_office};
use crate::openapi::operations;
use crate::world::{Answer, Api, PASSWORD, World, bundle};
use http::Method;
use model::FolderId;
use protocol::admin::AdminRequest;
use protocol::bundle::WantedChunk;
use protocol::v1::WirePrivilege;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The operations within a folder; `{node}` stands for a file there.
const IN_FOLDER: &[(&str, &str)] = &[
    ("GET", "changes"),
    ("POST", "views"),
    ("GET", "trash"),
    ("POST", "trash/restore"),
    ("POST", "restore"),
    ("GET", "links"),
    ("POST", "links"),
    ("GET", "space"),
    ("GET", "grants"),
    ("PUT", "grants"),
    ("GET", "candidates?begin=a"),
    ("GET", "activity"),
    ("GET", "conflicts"),
    ("POST", "conflicts/{node}"),
    ("POST", "uploads"),
    ("DELETE", "uploads/00000000000000000000000000000001"),
    ("POST", "chunks/missing"),
    ("POST", "chunks/fetch"),
    ("POST", "commits"),
    ("GET", "zip?nodes={node}"),
    ("GET", "days"),
    ("POST", "zip"),
    ("GET", "nodes/{node}/children"),
    ("GET", "nodes/{node}/differences?seq=0"),
    ("GET", "nodes/{node}/content"),
    ("GET", "nodes/{node}/preview"),
    ("GET", "nodes/{node}/versions"),
    ("PUT", "nodes/{node}/versions/1"),
    ("POST", "nodes/{node}/restore"),
];

/// The other operations. The last one takes the principal's device away.
const ELSEWHERE: &[(&str, &str)] = &[
    ("GET", "/api/v1/server"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/folders"),
    ("GET", "/api/v1/search?text=file"),
    ("GET", "/api/v1/events"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/session"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/session/second-factor"),
    ("GET", "/api/v1/account/security"),
    ("POST", "/api/v1/account/second-factor"),
    ("POST", "/api/v1/account/second-factor/confirm"),
    ("POST", "/api/v1/account/second-factor/remove"),
    ("POST", "/api/v1/account/recovery-codes"),
    ("POST", "/api/v1/session/passkey/begin"),
    ("POST", "/api/v1/session/passkey"),
    ("GET", "/api/v1/session/single-sign-on"),
    ("POST", "/api/v1/session/single-sign-on/begin"),
    ("POST", "/api/v1/session/single-sign-on"),
    ("GET", "/api/v1/account/single-sign-on"),
    ("POST", "/api/v1/account/single-sign-on/begin"),
    ("POST", "/api/v1/account/single-sign-on"),
    ("DELETE", "/api/v1/account/single-sign-on"),
    ("GET", "/api/v1/admin/single-sign-on"),
    ("PUT", "/api/v1/admin/single-sign-on"),
    ("GET", "/api/v1/account/passkeys"),
    ("POST", "/api/v1/account/passkeys/begin"),
    ("POST", "/api/v1/account/passkeys"),
    ("PUT", "/api/v1/account/passkeys/kfff"),
    ("DELETE", "/api/v1/account/passkeys/kfff"),
    ("GET", "/api/v1/account/app-passwords"),
    ("POST", "/api/v1/account/app-passwords"),
    ("DELETE", "/api/v1/account/app-passwords/dfff"),
    ("GET", "/api/v1/admin/second-factor"),
    ("PUT", "/api/v1/admin/second-factor"),
    ("POST", "/api/v1/admin/second-factor/remove"),
    ("GET", "/api/v1/links"),
    ("GET", "/api/v1/links/l99"),
    ("PATCH", "/api/v1/links/l99"),
    ("DELETE", "/api/v1/links/l99"),
    ("GET", "/api/v1/link-policy"),
    ("PUT", "/api/v1/admin/link-policy"),
    ("GET", "/api/v1/shared-with-me"),
    ("GET", "/s/style.css"),
    ("GET", "/s/00000000000000000000000000000000"),
    ("POST", "/s/00000000000000000000000000000000/password"),
    ("GET", "/s/00000000000000000000000000000000/files/n1"),
    ("POST", "/s/00000000000000000000000000000000/files"),
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("GET", "/api/v1/setup/echo/00000000000000000000000000000000"),
    ("GET", "/api/v1/address"),
    ("GET", "/api/v1/admin/status"),
    ("GET", "/api/v1/admin/settings"),
    ("PUT", "/api/v1/admin/settings"),
    ("GET", "/api/v1/admin/storage"),
    ("POST", "/api/v1/admin/address/test"),
    ("GET", "/api/v1/admin/users"),
    ("POST", "/api/v1/admin/users"),
    ("GET", "/api/v1/admin/users/u1"),
    ("PATCH", "/api/v1/admin/users/u1"),
    ("DELETE", "/api/v1/admin/users/uffff"),
    ("POST", "/api/v1/admin/users/uffff/home"),
    ("GET", "/api/v1/admin/groups"),
    ("POST", "/api/v1/admin/groups"),
    ("GET", "/api/v1/admin/groups/g1"),
    ("PATCH", "/api/v1/admin/groups/g1"),
    ("DELETE", "/api/v1/admin/groups/gffff"),
    ("GET", "/api/v1/admin/folders"),
    ("POST", "/api/v1/admin/folders"),
    ("GET", "/api/v1/admin/folders/f1"),
    ("PATCH", "/api/v1/admin/folders/f1"),
    ("POST", "/api/v1/admin/folders/f1/hold"),
    ("GET", "/api/v1/admin/devices"),
    ("DELETE", "/api/v1/admin/devices/dffff"),
    ("POST", "/api/v1/admin/devices/dffff/wipe"),
    ("GET", "/api/v1/admin/devices/waiting"),
    ("POST", "/api/v1/admin/devices/waiting"),
    ("GET", "/api/v1/devices"),
    ("DELETE", "/api/v1/devices/dffff"),
    ("POST", "/api/v1/devices/dffff/wipe"),
    ("PUT", "/api/v1/password"),
    ("GET", "/api/v1/admin/overview"),
    ("GET", "/api/v1/admin/growth"),
    ("GET", "/api/v1/admin/activity"),
    ("GET", "/api/v1/admin/issues"),
    ("GET", "/api/v1/admin/work"),
    ("POST", "/api/v1/admin/work"),
    ("GET", "/api/v1/admin/log"),
    ("GET", "/api/v1/admin/networks"),
    ("PUT", "/api/v1/admin/networks"),
    ("GET", "/api/v1/admin/log/export"),
    ("GET", "/api/v1/admin/log/proof"),
    ("GET", "/api/v1/admin/log/retention"),
    ("PUT", "/api/v1/admin/log/retention"),
    ("POST", "/api/v1/devices"),
    ("POST", "/api/v1/devices/codes"),
    ("POST", "/api/v1/devices/codes/poll"),
    ("POST", "/api/v1/devices/codes/find"),
    ("POST", "/api/v1/devices/codes/decide"),
    ("POST", "/api/v1/devices/self/wiped"),
    ("DELETE", "/api/v1/devices/self"),
];

/// A challenge that was never given.
const NONE: &str = "00000000000000000000000000000000";

async fn ask(api: &Api, method: &str, path: &str) -> Answer {
    let verb: Method = method.parse().unwrap();
    if let Some(answer) = administer(api, &verb, path).await {
        return answer;
    }
    match path.rsplit('/').next().unwrap() {
        "hold" => api.json(verb, path, &json!({ "approve": true })).await,
        "wiped" => api.json(verb, path, &json!({ "removed": 1, "kept": 0 })).await,
        "work" if verb == Method::POST => {
            api.json(verb, path, &json!({ "kind": "collect", "dry_run": true })).await
        }
        "retention" if verb == Method::PUT => api.json(verb, path, &json!({ "days": 30 })).await,
        _ if path.contains("/conflicts/") => {
            api.json(verb, path, &json!({ "keep": "winner", "copy_seq": 1 })).await
        }
        "uploads" => api.json(verb, path, &json!({ "size": 1 })).await,
        "views" => api.json(verb, path, &json!({ "only": ["a"] })).await,
        "missing" => api.json(verb, path, &json!({ "chunks": [] })).await,
        "1" => api.json(verb, path, &json!({ "pinned": true })).await,
        "restore" if path.ends_with("/trash/restore") => api.json(verb, path, &json!({ "nodes": [] })).await,
        // Back to the state of now: nothing is changed for those who come after.
        "restore" if !path.contains("/nodes/") => api.json(verb, path, &json!({ "seq": 1 })).await,
        "restore" => api.json(verb, path, &json!({ "version": 1 })).await,
        "devices" => {
            // Each has a name of its own, so that none has to wait for the attempts before.
            let user = format!("x{}", api.token.as_ref().map_or("", |token| &token[..20]));
            let wrong = json!({ "user": user, "password": "y", "device": "z", "platform": "p" });
            api.json(verb, path, &wrong).await
        }
        "second-factor" if path.contains("/session/") => {
            api.json(verb, path, &json!({ "pending": "y", "code": "000000", "browser": "z" })).await
        }
        "second-factor" if path.contains("/admin/") && verb == Method::PUT => {
            api.json(verb, path, &json!({ "administrators": false })).await
        }
        "remove" if path.contains("/admin/") => api.json(verb, path, &json!({ "user": "stranger" })).await,
        "second-factor" if verb == Method::POST => {
            api.json(verb, path, &json!({ "password": PASSWORD })).await
        }
        "single-sign-on" if path.contains("/session/") && verb == Method::POST => {
            api.json(verb, path, &json!({ "state": "y", "code": "y", "browser": "z" })).await
        }
        "single-sign-on" if verb == Method::POST => {
            api.json(verb, path, &json!({ "state": "y", "code": "y" })).await
        }
        "single-sign-on" if verb == Method::PUT => api.json(verb, path, &json!({})).await,
        "passkey" => {
            let answer = json!({ "ceremony": NONE, "credential": {}, "browser": "z" });
            api.json(verb, path, &answer).await
        }
        // Tests are no browsers: they say no origin.
        "begin" => api.json(verb, path, &json!({ "password": PASSWORD })).await,
        "passkeys" if verb == Method::POST => {
            let answer = json!({ "ceremony": NONE, "credential": {}, "name": "z" });
            api.json(verb, path, &answer).await
        }
        "kfff" if verb == Method::PUT => api.json(verb, path, &json!({ "name": "z" })).await,
        "confirm" => api.json(verb, path, &json!({ "code": "y" })).await,
        "remove" | "recovery-codes" => {
            api.json(verb, path, &json!({ "password": PASSWORD, "code": "y" })).await
        }
        "app-passwords" if verb == Method::POST => {
            let new = json!({ "name": "x", "privilege": "read", "days": 1, "password": PASSWORD });
            api.json(verb, path, &new).await
        }
        "session" if verb == Method::POST => {
            let user = format!("y{}", api.token.as_ref().map_or("", |token| &token[..20]));
            api.json(verb, path, &json!({ "user": user, "password": "y", "browser": "z" })).await
        }
        "links" if verb == Method::POST => {
            api.json(verb, path, &json!({ "node": "n1", "kind": "read" })).await
        }
        "link-policy" if verb == Method::PUT => {
            let usual = json!({ "allowed": true, "least_privilege": "write", "password_required": false });
            api.json(verb, path, &usual).await
        }
        "l99" if verb == Method::PATCH => api.json(verb, path, &json!({ "label": "x" })).await,
        "settings" if verb == Method::PUT => api.json(verb, path, &json!({})).await,
        "test" => {
            let own = format!("http://{}", api.address);
            api.json(verb, path, &json!({ "address": own })).await
        }
        "codes" => api.json(verb, path, &json!({ "device": "z", "platform": "p" })).await,
        "poll" => api.json(verb, path, &json!({ "device_code": "y" })).await,
        "find" => api.json(verb, path, &json!({ "user_code": "BBBB-BBBB" })).await,
        "decide" => {
            let wrong = json!({ "user_code": "BBBB-BBBB", "approve": true, "password": "y" });
            api.json(verb, path, &wrong).await
        }
        "fetch" => {
            let wanted = WantedChunk { chunk: model::ChunkId([1; 32]), node: None };
            api.bundle(path, bundle(|encoder| encoder.wanted_chunks(&[wanted]))).await
        }
        "zip" => {
            let form = api.request(verb, path).header("content-type", "application/x-www-form-urlencoded");
            api.send(form.body(http_body_util::Full::<bytes::Bytes>::from("nodes=n1")).unwrap()).await
        }
        "commits" => api.bundle(path, Draft::new().bytes()).await,
        _ => api.call(verb, path).await,
    }
}

/// What administrators do, with bodies that change nothing.
async fn administer(api: &Api, verb: &Method, path: &str) -> Option<Answer> {
    let body = match (verb.as_str(), path.strip_prefix("/api/v1/admin/")) {
        ("POST", Some("users")) => json!({ "name": "x", "password": "short" }),
        ("POST", Some("groups" | "folders")) => json!({ "name": "@" }),
        ("POST", Some("devices/waiting")) => json!({ "user_code": "BBBB-BBBB" }),
        ("POST", Some("folders/f1/hold")) => json!({ "approve": true }),
        ("PUT", Some("networks")) => {
            json!({ "administration": ["10.1.0.0/16"], "guests": ["10.9.0.0/16"] })
        }
        ("PATCH", Some(_)) => json!({}),
        ("PUT", None) if path.ends_with("/grants") => {
            json!({ "grants": [{ "to": "uffff", "privilege": "read" }] })
        }
        ("PUT", None) if path.ends_with("/password") => json!({ "old": PASSWORD, "new": "short" }),
        _ => return None,
    };
    Some(api.json(verb.clone(), path, &body).await)
}

/// Who asks, one of each kind.
async fn principals(world: &World) -> Vec<(&'static str, Api)> {
    let read = world.person("reader", WirePrivilege::Read).await;
    let write = world.person("writer", WirePrivilege::Write).await;
    let manage = world.person("manager", WirePrivilege::Manage).await;
    let denied = world.person("denied", WirePrivilege::None).await;
    world.do_admin(AdminRequest::GroupAdd { group: "all".into() }).await;
    world.grant("docs", "@all", WirePrivilege::Manage).await;
    let add = vec!["denied".to_owned()];
    world.do_admin(AdminRequest::GroupSet { group: "all".into(), add, remove: vec![] }).await;
    world.add_user("stranger", false).await;
    world.add_user("root", true).await;
    let revoked = world.link("writer", "lost phone").await;
    revoked.call(Method::DELETE, "/api/v1/devices/self").await;
    let to_be_wiped = world.link("writer", "stolen phone").await;
    world.wipe_newest("writer").await;
    world.add_user("gone", false).await;
    world.grant("docs", "gone", WirePrivilege::Manage).await;
    let disabled = world.link("gone", "laptop").await;
    let user = "gone".to_owned();
    let request = AdminRequest::UserSet {
        user,
        password: None,
        administrator: None,
        disabled: Some(true),
        system_user: None,
        upload_rate: None,
        download_rate: None,
    };
    world.do_admin(request).await;
    // Half a sign-in of somebody who manages the folder, shown as if it were a token.
    let careful = world.person("careful", WirePrivilege::Manage).await;
    enrol(&careful).await;
    let half_signed_in = Api { token: Some(pending(world, "careful").await), ..world.nobody() };
    // App passwords give less than their accounts hold: both of these manage the folder.
    let app_read = app_password(&manage, "read", None).await;
    let other = world.add_folder("other", None).await;
    world.grant("other", "manager", WirePrivilege::Manage).await;
    let app_elsewhere = app_password(&manage, "write", Some(other)).await;
    world.add_user("chief", true).await;
    world.grant("docs", "chief", WirePrivilege::Manage).await;
    let app_of_administrator = app_password(&world.link("chief", "console").await, "write", None).await;
    let all = vec![
        ("nobody", world.nobody()),
        ("forged", Api { token: Some(auth::Token::generate().unwrap().text()), ..world.nobody() }),
        ("revoked", revoked),
        ("to-be-wiped", to_be_wiped),
        ("disabled", disabled),
        ("stranger", world.link("stranger", "laptop").await),
        ("denied", denied),
        ("read", read),
        ("write", write),
        ("manage", manage),
        ("administrator", world.link("root", "console").await),
        ("pending", half_signed_in),
        ("app-read", app_read),
        ("app-elsewhere", app_elsewhere),
        ("app-admin", app_of_administrator),
    ];
    // Accounts of their own, so that none has to wait for the attempts of another.
    let away = world.person("away", WirePrivilege::Manage).await;
    world.add_user("chief-away", true).await;
    let chief_away = world.link("chief-away", "console").await;
    // Nobody of these is where anything is limited to but those who are meant to be.
    let elsewhere = [
        ("manage-elsewhere", away.from(HOME)),
        ("admin-elsewhere", chief_away.from(HOME)),
        ("guest", away.from(CAFE)),
        ("nowhere", away.from("unknown")),
    ];
    all.into_iter().map(|(name, api)| (name, api.from(OFFICE))).chain(elsewhere).collect()
}

#[tokio::test]
async fn every_operation_answers_every_principal_as_written_down() {
    let world = behind_a_proxy().await;
    let owner = world.person("owner", WirePrivilege::Write).await.from(OFFICE);
    let node = owner.commit(Draft::new().file("file", b"content")).await.node(0).node;
    let principals = principals(&world).await;
    limit_to_the_office(&world).await;
    let names: Vec<_> = principals.iter().map(|(name, _)| *name).collect();
    let mut table = format!("{:<55} {}\n", "operation", names.join(" "));
    let mut row = async |title: String, method: &str, path: &str| {
        write!(table, "{title:<55}").unwrap();
        for (name, api) in &principals {
            let answer = ask(api, method, path).await;
            if path.starts_with("/s/") {
                assert!(answer.header("content-type").starts_with("text/"), "{answer:?}");
            } else if !answer.status.is_success() {
                answer.problem();
            }
            write!(table, " {:>width$}", answer.status.as_u16(), width = name.len()).unwrap();
        }
        table.push('\n');
    };
    for (method, path) in IN_FOLDER {
        let path = path.replace("{node}", &node.to_string());
        for (kind, folder) in [("granted", world.folder), ("absent", FolderId(999))] {
            let full = format!("/api/v1/folders/{folder}/{path}");
            row(format!("{kind:<8} {method:<6} {path}"), method, &full).await;
        }
    }
    for (method, path) in ELSEWHERE {
        row(format!("         {method:<6} {path}"), method, path).await;
    }
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/matrix.golden");
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        std::fs::write(&golden, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(table, expected, "\n{table}");
}

#[test]
fn every_operation_has_a_row() {
    let in_folder = IN_FOLDER.iter().map(|(method, path)| (*method, format!("/api/v1/folders/f1/{path}")));
    let elsewhere = ELSEWHERE.iter().map(|(method, path)| (*method, (*path).to_owned()));
    let rows: Vec<(&str, String)> = in_folder.chain(elsewhere).collect();
    let mut asked = BTreeSet::new();
    for (method, path) in rows {
        let path = path.split('?').next().unwrap();
        let (template, _) = described::operation(&described::DOCUMENT, &method.parse().unwrap(), path)
            .unwrap_or_else(|| panic!("{method} {path} is in the matrix and not in the API document"));
        assert!(asked.insert((method.to_owned(), template.to_owned())), "{method} {path} has two rows");
    }
    for (method, path, _) in operations() {
        assert!(
            asked.contains(&(method.clone(), path.clone())),
            "{method} {path} has no row: add it to IN_FOLDER or ELSEWHERE and run this with DRIFTLESS_BLESS=1"
        );
    }
}

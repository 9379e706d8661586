//! Links over the API: making, listing, changing, revoking, and what the server says of all of them.

use crate::bundles::Draft;
use crate::openapi::operations;
use crate::world::{Answer, Api, World};
use http::{Method, StatusCode};
use http_body_util::Full;
use metadata::audit::AuditRow;
use model::NodeId;
use protocol::ProblemKind;
use protocol::v1::{
    LinkAnswer, LinkPolicyBody, LinksResponse, SharedWithMeResponse, WireLinkState, WirePrivilege,
};
use serde_json::{Value, json};

/// A writer's folder with a file in a directory, and a link to the directory.
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) alice: Api,
    pub(crate) directory: NodeId,
    pub(crate) file: NodeId,
}

pub(crate) async fn shared() -> Shared {
    shared_in(World::start().await).await
}

pub(crate) async fn shared_in(world: World) -> Shared {
    let alice = world.writer().await;
    let directory = alice.commit(Draft::new().directory("photos")).await.node(0).node;
    let file = alice.commit(Draft::new().file_in(directory, "a <b>.html", b"<script>1</script>")).await;
    let file = file.node(0).node;
    Shared { world, alice, directory, file }
}

impl Api {
    pub(crate) async fn make_link(&self, body: &Value) -> Answer {
        self.json(Method::POST, &self.folder_path("links"), body).await
    }

    /// A link's id and its address.
    pub(crate) async fn link_to(&self, body: &Value) -> (String, String) {
        let answer = self.make_link(body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let made: LinkAnswer = answer.parse();
        (made.link.link.to_string(), made.address.unwrap())
    }
}

pub(crate) fn audit(world: &World, action: &str) -> Vec<AuditRow> {
    let rows = metadata::read::<_, metadata::Error>(&*world.database, |s| s.audit(0, 10_000)).unwrap();
    rows.into_iter().filter(|row| row.action == action).collect()
}

#[tokio::test]
async fn a_link_is_made_seen_changed_and_revoked_and_all_of_it_is_in_the_log() {
    let Shared { world, alice, directory, .. } = shared().await;
    let body = json!({ "node": directory.to_string(), "kind": "read", "label": "for Eve",
        "password": "open sesame", "expires": "2100-01-01T00:00:00Z", "uses_max": 3 });
    let answer = alice.make_link(&body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.header("etag"), "\"1\"");
    let made: LinkAnswer = answer.parse();
    let address = made.address.clone().unwrap();
    assert_eq!((address.len(), &address[..3]), (3 + 32, "/s/"));
    assert_eq!((made.link.folder_name.as_str(), made.link.maker.as_str()), ("docs", "alice"));
    assert_eq!((made.link.path, made.link.state), (Some(vec!["photos".to_owned()]), WireLinkState::Works));
    assert!(made.link.has_password && made.link.own && made.link.directory);

    let path = format!("/api/v1/links/{}", made.link.link);
    let one: LinkAnswer = alice.get(&path).await.parse();
    assert_eq!(one.address, None, "the address is said once");
    for list in [alice.folder_path("links"), "/api/v1/links".to_owned()] {
        let listed: LinksResponse = alice.get(&list).await.parse();
        assert_eq!(listed.links, std::slice::from_ref(&one.link));
        assert_eq!(listed.next, None);
    }
    let stale = alice.request(Method::PATCH, &path).header("if-match", "\"7\"");
    let stale =
        stale.header("content-type", "application/json").body(Full::from("{\"label\":\"x\"}")).unwrap();
    alice.send(stale).await.assert_problem(ProblemKind::PreconditionFailed);
    let change =
        json!({ "password": null, "expires": null, "uses_max": null, "label": "y", "new_address": true });
    let answer = alice.json(Method::PATCH, &path, &change).await;
    assert_eq!(answer.header("etag"), "\"2\"");
    let changed: LinkAnswer = answer.parse();
    assert_ne!(changed.address, Some(address));
    assert_eq!((changed.link.has_password, changed.link.expires, changed.link.uses_max), (false, None, None));
    let kept: LinkAnswer = alice.json(Method::PATCH, &path, &json!({})).await.parse();
    assert_eq!((kept.link.label.as_str(), kept.address), ("y", None));

    assert_eq!(alice.call(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
    alice.get(&path).await.assert_problem(ProblemKind::NotFound);
    alice.call(Method::DELETE, &path).await.assert_problem(ProblemKind::NotFound);
    let listed: LinksResponse = alice.get("/api/v1/links").await.parse();
    assert_eq!(listed.links, []);
    for action in ["link.make", "link.change", "link.revoke"] {
        assert!(audit(&world, action).iter().all(|row| row.allowed && row.user.is_some()), "{action}");
    }
    assert_eq!(audit(&world, "link.change")[0].details[1].1, "label password expires uses_max address");
}

#[tokio::test]
async fn links_that_make_no_sense_or_are_not_allowed_are_refused() {
    let Shared { world, alice, directory, file } = shared().await;
    let (directory, file) = (directory.to_string(), file.to_string());
    for (bad, kind) in [
        (json!({ "node": "n999", "kind": "read" }), ProblemKind::NotFound),
        (json!({ "node": file, "kind": "drop" }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "manage" }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "password": "short" }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "uses_max": 0 }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "expires": "2001-01-01T00:00:00Z" }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "label": "x".repeat(201) }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "label": "a\nb" }), ProblemKind::Invalid),
        (json!({ "node": file, "kind": "read", "more": 1 }), ProblemKind::Invalid),
    ] {
        alice.make_link(&bad).await.assert_problem(kind);
    }
    let reader = world.person("bob", WirePrivilege::Read).await;
    let body = json!({ "node": directory, "kind": "read" });
    reader.make_link(&body).await.assert_problem(ProblemKind::Forbidden);
    assert_eq!(audit(&world, "link.make").iter().filter(|row| !row.allowed).count(), 1);

    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let (link, _) = alice.link_to(&body).await;
    let path = format!("/api/v1/links/{link}");
    root.json(Method::PATCH, &path, &json!({ "new_address": true }))
        .await
        .assert_problem(ProblemKind::Forbidden);
    reader.get(&path).await.assert_problem(ProblemKind::NotFound);
    let policy =
        json!({ "allowed": false, "least_privilege": "read", "password_required": true, "days_max": 7 });
    let set = root.json(Method::PUT, "/api/v1/admin/link-policy", &policy).await;
    assert_eq!(set.status, StatusCode::OK);
    let told: LinkPolicyBody = reader.get("/api/v1/link-policy").await.parse();
    assert_eq!((told.allowed, told.days_max), (false, Some(7)));
    let rests: LinkAnswer = alice.get(&path).await.parse();
    assert_eq!(rests.link.state, WireLinkState::Resting);
    alice.make_link(&body).await.assert_problem(ProblemKind::Invalid);
    let nonsense = json!({ "allowed": true, "least_privilege": "none", "password_required": false });
    root.json(Method::PUT, "/api/v1/admin/link-policy", &nonsense).await.assert_problem(ProblemKind::Invalid);
    alice
        .json(Method::PUT, "/api/v1/admin/link-policy", &policy)
        .await
        .assert_problem(ProblemKind::Forbidden);
    assert_eq!(audit(&world, "link.policy").len(), 1);
    assert_eq!(root.call(Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn links_come_a_page_at_a_time() {
    let Shared { world: _world, alice, directory, .. } = shared().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(alice.link_to(&json!({ "node": directory.to_string(), "kind": "drop" })).await.0);
    }
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page: LinksResponse = alice.get(&format!("/api/v1/links?limit=2{after}")).await.parse();
        found.extend(page.links.iter().map(|link| link.link.to_string()));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(found, made);
    alice.get("/api/v1/links?after=x").await.assert_problem(ProblemKind::Invalid);
}

#[tokio::test]
async fn what_others_share_with_me_says_through_what() {
    let Shared { world, alice, .. } = shared().await;
    let mine: SharedWithMeResponse = alice.get("/api/v1/shared-with-me").await.parse();
    assert_eq!(mine.folders.len(), 1);
    assert!(mine.folders[0].directly && mine.folders[0].groups.is_empty());
    assert_eq!(mine.folders[0].privilege, WirePrivilege::Write);
    let bob = world.person("bob", WirePrivilege::None).await;
    let none: SharedWithMeResponse = bob.get("/api/v1/shared-with-me").await.parse();
    assert_eq!(none.folders, []);
}

#[tokio::test]
async fn a_links_token_opens_nothing_of_the_api() {
    let Shared { world, alice, directory, .. } = shared().await;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "read" })).await;
    let stranger = Api { token: Some(address[3..].to_owned()), ..world.nobody() };
    for (method, path, operation) in operations() {
        let needs_token = operation["security"].as_array().is_some_and(|security| !security.is_empty());
        if !needs_token {
            continue;
        }
        let path = path
            .replace("{folder}", &world.folder.to_string())
            .replace("{node}", &directory.to_string())
            .replace("{link}", "l1")
            .replace("{version}", "1")
            .replace("{upload}", &"0".repeat(32));
        if path.contains('{') {
            continue;
        }
        let answer = stranger.call(method.parse().unwrap(), &path).await;
        // Some look at what is asked for before they look at who asks.
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST].contains(&answer.status);
        assert!(refused, "{method} {path}: {}", answer.status);
    }
}

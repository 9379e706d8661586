//! What is reached from some networks only: the administration, a folder, links and nothing else.

use crate::bundles::Draft;
use crate::events::listen;
use crate::world::{Api, World};
use futures_util::StreamExt as _;
use http::{Method, StatusCode};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{
    NetworksResponse, SearchResponse, SessionResponse, SharedWithMeResponse, WireNetwork, WirePrivilege,
};
use serde_json::json;

pub(crate) const OFFICE: &str = "10.1.0.7";
pub(crate) const HOME: &str = "10.2.0.7";
pub(crate) const CAFE: &str = "10.9.0.7";

const NETWORKS: &str = "/api/v1/admin/networks";

/// A server that believes a proxy on its own machine.
pub(crate) async fn behind_a_proxy() -> World {
    World::start_with(|settings| {
        settings.trusted_proxies =
            ["127.0.0.1"].iter().map(|text| text.parse::<server::Network>().unwrap()).collect();
    })
    .await
}

fn list(networks: &[&str]) -> Option<Vec<WireNetwork>> {
    Some(networks.iter().map(|text| WireNetwork(text.parse().unwrap())).collect())
}

async fn limit(world: &World, administration: &[&str], guests: &[&str]) {
    let request = AdminRequest::Networks { administration: list(administration), guests: list(guests) };
    let answer = world.admin(request).await;
    assert!(matches!(answer, AdminAnswer::Networks(_)), "{answer:?}");
}

async fn limit_folder(world: &World, folder: &str, networks: &[&str]) {
    let request = AdminRequest::FolderSet {
        folder: folder.to_owned(),
        quota_bytes: None,
        versions: None,
        days: None,
        safe_days: None,
        networks: list(networks),
    };
    world.do_admin(request).await;
}

/// Administration and `docs` are reached from the office only, and guests sit in the café.
pub(crate) async fn limit_to_the_office(world: &World) {
    limit(world, &["10.1.0.0/16"], &["10.9.0.0/16"]).await;
    limit_folder(world, "docs", &["10.1.0.0/16"]).await;
}

async fn session(api: &Api) -> SessionResponse {
    api.get("/api/v1/session").await.parse()
}

#[tokio::test]
async fn an_administrator_is_one_where_the_server_is_administered_and_a_person_elsewhere() {
    let world = behind_a_proxy().await;
    world.add_user("root", true).await;
    world.grant("docs", "root", WirePrivilege::Write).await;
    let root = world.link("root", "console").await;
    let (office, home) = (root.from(OFFICE), root.from(HOME));
    for api in [&office, &home] {
        assert!(session(api).await.administrator);
        assert_eq!(api.get(NETWORKS).await.status, StatusCode::OK);
    }
    limit(&world, &["10.1.0.0/16", "fd00::/8"], &[]).await;
    assert!(session(&office).await.administrator && session(&root.from("fd00::1")).await.administrator);
    assert!(!session(&home).await.administrator);
    home.get(NETWORKS).await.assert_problem(ProblemKind::Forbidden);
    home.get(&home.folder_path("grants")).await.assert_problem(ProblemKind::Forbidden);
    assert_eq!(home.listing().await.len(), 0, "what the person may read stays readable");
    // A proxy that says nothing, nonsense, or two things: nobody knows who is behind it.
    for odd in [root.clone(), root.from("unknown"), root.from("10.1.0.7, unknown")] {
        odd.get(NETWORKS).await.assert_problem(ProblemKind::Forbidden);
    }
    let two = office.request(Method::GET, NETWORKS).header("forwarded", "for=10.2.0.7");
    let answer = office.send(two.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap()).await;
    answer.assert_problem(ProblemKind::Forbidden);
    limit(&world, &[], &[]).await;
    assert!(session(&home).await.administrator, "at once");
}

#[tokio::test]
async fn limits_are_set_over_http_and_nobody_locks_themselves_out() {
    let world = behind_a_proxy().await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await.from(OFFICE);
    let answer = root.get(NETWORKS).await;
    let tag = answer.header("etag").to_owned();
    let before: NetworksResponse = answer.parse();
    assert_eq!(before.your_address.as_deref(), Some(OFFICE));
    for outside in [
        json!({ "administration": ["10.2.0.0/16"], "guests": [] }),
        json!({ "administration": [], "guests": ["10.0.0.0/8"] }),
    ] {
        let problem = root.json(Method::PUT, NETWORKS, &outside).await;
        let problem = problem.assert_problem(ProblemKind::Invalid);
        assert!(problem.detail.unwrap().contains(OFFICE));
    }
    for bad in [
        json!({ "administration": ["10.2.0.0/33"], "guests": [] }),
        json!({ "administration": ["office.example"], "guests": [] }),
        json!({ "administration": [] }),
        json!({ "administration": [], "guests": vec!["10.9.0.0/16"; 65] }),
    ] {
        let answer = root.json(Method::PUT, NETWORKS, &bad).await;
        assert!(answer.status.is_client_error(), "{bad}: {answer:?}");
    }
    assert_eq!(root.get(NETWORKS).await.parse::<NetworksResponse>(), before);
    let wanted = json!({ "administration": ["10.1.9.9/16"], "guests": ["192.168.9.0/24", "10.9.0.1"] });
    let answer = root.json(Method::PUT, NETWORKS, &wanted).await;
    let set: NetworksResponse = answer.parse();
    let shown = serde_json::to_value(&set.limits).unwrap();
    assert_eq!(shown, json!({ "administration": ["10.1.0.0/16"], "guests": ["10.9.0.1", "192.168.9.0/24"] }));
    let stale = root.request(Method::PUT, NETWORKS).header("if-match", tag);
    let stale = stale.header("content-type", "application/json");
    let answer = root.send(stale.body(http_body_util::Full::from(wanted.to_string())).unwrap()).await;
    answer.assert_problem(ProblemKind::PreconditionFailed);
    // In the log: who, from where, what.
    let rows = crate::links::audit(&world, "networks.set");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].address, OFFICE);
    assert!(rows[0].details.contains(&("guests".to_owned(), "192.168.9.0/24 10.9.0.1".to_owned())));
}

#[tokio::test]
async fn a_folder_that_is_not_reached_from_somewhere_is_not_there() {
    let world = behind_a_proxy().await;
    let alice = world.writer().await.from(OFFICE);
    let node = alice.commit(Draft::new().file("report", b"secret")).await.node(0).node;
    let body = json!({ "node": node.to_string(), "kind": "read" });
    let (_, link) = alice.link_to(&body).await;
    limit_to_the_office(&world).await;
    let home = alice.from(HOME);
    let content = alice.folder_path(&format!("nodes/{node}/content"));
    assert_eq!(alice.get(&content).await.status, StatusCode::OK);
    home.get(&content).await.assert_problem(ProblemKind::NotFound);
    home.bundle(&home.folder_path("commits"), Draft::new().file("b", b"b").bytes())
        .await
        .assert_problem(ProblemKind::NotFound);
    let shared = |api: Api| async move {
        let shared: SharedWithMeResponse = api.get("/api/v1/shared-with-me").await.parse();
        let found: SearchResponse = api.get("/api/v1/search?text=report").await.parse();
        (api.folders().await.folders.len(), shared.folders.len(), found.entries.len())
    };
    assert_eq!(shared(alice.clone()).await, (1, 1, 1));
    assert_eq!(shared(home.clone()).await, (0, 0, 0));
    // Strangers too: the limit is the folder's, not a person's.
    let stranger = world.nobody();
    assert_eq!(stranger.from(OFFICE).get(&link).await.status, StatusCode::OK);
    assert_eq!(stranger.from(HOME).get(&link).await.status, StatusCode::NOT_FOUND);
    limit_folder(&world, "docs", &[]).await;
    assert_eq!(home.get(&content).await.status, StatusCode::OK, "at once");
    assert_eq!(stranger.from(HOME).get(&link).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guests_get_links_and_nothing_else() {
    let world = behind_a_proxy().await;
    let alice = world.writer().await.from(CAFE);
    let node = alice.commit(Draft::new().file("report", b"for all")).await.node(0).node;
    let (_, link) = alice.link_to(&json!({ "node": node.to_string(), "kind": "read" })).await;
    let mut listening = listen(&alice).await;
    limit(&world, &[], &["10.9.0.0/16"]).await;
    // Who listened is cut off at once.
    let cut = async {
        while let Some(Ok(message)) = listening.next().await {
            if message.is_close() {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), cut).await.expect("it is closed");
    let stranger = world.nobody().from(CAFE);
    for path in
        ["/", "/files", "/api/v1/server", "/api/v1/session", "/api/v1/folders", "/metrics", "/nothing"]
    {
        for api in [&alice, &stranger] {
            api.get(path).await.assert_problem(ProblemKind::Forbidden);
        }
    }
    let sign_in = json!({ "user": "alice", "password": crate::world::PASSWORD, "browser": "z" });
    let answer = stranger.json(Method::POST, "/api/v1/session", &sign_in).await;
    answer.assert_problem(ProblemKind::Forbidden);
    let page = stranger.request(Method::GET, "/files").header("accept", "text/html,*/*");
    let answer = stranger.send(page.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(String::from_utf8_lossy(&answer.body).contains("only links"), "{answer:?}");
    for path in [link.as_str(), "/s/style.css", "/healthz", "/readyz"] {
        assert_eq!(stranger.get(path).await.status, StatusCode::OK, "{path}");
    }
    // A proxy that does not tell who is behind it may hide a guest.
    stranger.from("unknown").get("/").await.assert_problem(ProblemKind::Forbidden);
    assert_eq!(stranger.from(HOME).get("/").await.status, StatusCode::OK);
}

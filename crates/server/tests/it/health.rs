use crate::bundles::Draft;
use crate::world::World;
use http::{Method, StatusCode};
use protocol::ProblemKind;
use protocol::v1::{ServerResponse, WirePrivilege};

#[tokio::test]
async fn the_server_introduces_itself_without_a_token() {
    let world = World::start().await;
    let answer = world.nobody().get("/api/v1/server").await;
    let server: ServerResponse = answer.parse();
    assert_eq!(answer.header("driftless-epoch"), server.epoch.to_string());
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(server.limits.to_model(), model::Limits::default());
    assert!(server.capabilities.iter().any(|word| word == "bundle_1"));
}

#[tokio::test]
async fn health_is_told_to_everybody_and_figures_to_administrators() {
    let world = World::start().await;
    let nobody = world.nobody();
    assert_eq!(nobody.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(nobody.get("/readyz").await.status, StatusCode::OK);
    nobody.get("/metrics").await.assert_problem(ProblemKind::Unauthenticated);
    let manager = world.person("manager", WirePrivilege::Manage).await;
    manager.get("/metrics").await.assert_problem(ProblemKind::Forbidden);
    manager.commit(Draft::new().file("a", b"abc").file("A", b"abc")).await;
    world.add_user("root", true).await;
    let root = world.link("root", "console").await;
    let answer = root.get("/metrics").await;
    let text = String::from_utf8(answer.body).unwrap();
    for line in [
        "driftless_commits_total 1",
        "driftless_operations_applied_total 1",
        "driftless_groups_refused_total{reason=\"name_taken\"} 1",
        "driftless_requests_total{method=\"POST\",route=\"/api/v1/folders/{folder}/commits\",status=\"200\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
    }
    assert!(text.contains("driftless_chunk_store_fsyncs "), "{text}");
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in:\n{text}")).parse::<f64>().unwrap()
    };
    for name in ["driftless_chunk_store_fsync_seconds", "driftless_database_commit_seconds"] {
        let count = figure(&format!("{name}_count"));
        assert!(count > 0.0 && figure(&format!("{name}_sum")) > 0.0, "{name}");
        assert_eq!(figure(&format!("{name}_bucket{{le=\"+Inf\"}}")), count, "{name}");
        assert!(figure(&format!("{name}_bucket{{le=\"0.00025\"}}")) <= count, "{name}");
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let world = World::start().await;
    let alice = world.writer().await;
    for path in
        ["/nothing", "/api", "/api/v2/server", "/api/v1/folders/f1/nothing", "/api/v1/../v1/folders", "//"]
    {
        alice.get(path).await.assert_problem(ProblemKind::NotFound);
    }
    alice.get(&format!("/{}", "x".repeat(5000))).await.assert_problem(ProblemKind::NotFound);
    alice.call(Method::PUT, "/api/v1/folders").await.assert_problem(ProblemKind::MethodNotAllowed);
    alice.get("/api/v1/folders/%ff/changes").await.assert_problem(ProblemKind::NotFound);
    alice.get("/api/v1/folders/f01/changes").await.assert_problem(ProblemKind::NotFound);
}

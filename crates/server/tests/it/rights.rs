//! A right that was taken away is refused at the very next request, however it was taken.

use crate::world::{Api, World};
use http::StatusCode;
use metadata::account::{Subject, User};
use metadata::{Database, Transaction};
use model::{FolderId, Privilege};
use protocol::ProblemKind;
use protocol::admin::AdminRequest;
use protocol::v1::WirePrivilege;

fn set_disabled(user: &str, disabled: bool) -> AdminRequest {
    AdminRequest::UserSet {
        user: user.to_owned(),
        password: None,
        administrator: None,
        disabled: Some(disabled),
        system_user: None,
        upload_rate: None,
        download_rate: None,
    }
}

/// Has everything about this device remembered.
async fn use_it(api: &Api) {
    for _ in 0..3 {
        assert_eq!(api.get(&api.folder_path("changes")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_an_administrator_takes_away_is_refused_at_the_next_request() {
    let world = World::start().await;
    let alice = world.writer().await;
    let changes = alice.folder_path("changes");
    for _ in 0..20 {
        use_it(&alice).await;
        world.grant("docs", "alice", WirePrivilege::None).await;
        alice.get(&changes).await.assert_problem(ProblemKind::NotFound);
        world.grant("docs", "alice", WirePrivilege::Read).await;
        assert_eq!(alice.get(&changes).await.header("driftless-privilege"), "read");
        world.grant("docs", "alice", WirePrivilege::Write).await;
        assert_eq!(alice.get(&changes).await.header("driftless-privilege"), "write");
        world.do_admin(set_disabled("alice", true)).await;
        alice.get(&changes).await.assert_problem(ProblemKind::Unauthenticated);
        world.do_admin(set_disabled("alice", false)).await;
    }
    use_it(&alice).await;
    assert_eq!(alice.call(http::Method::DELETE, "/api/v1/devices/self").await.status, StatusCode::NO_CONTENT);
    alice.get(&changes).await.assert_problem(ProblemKind::Unauthenticated);
}

/// Changes rights behind the server's back, through a connection that it knows nothing of.
fn behind_its_back(
    world: &World,
    change: impl FnOnce(&dyn Transaction) -> metadata::Result<()> + Send + 'static,
) {
    let other = metadata_sqlite::Sqlite::open(&world.directory.path().join("catalog.db")).unwrap();
    metadata::write::<_, metadata::Error>(&other as &dyn Database, change).unwrap();
}

fn alice(transaction: &dyn Transaction) -> User {
    transaction.user_named(&auth::account::name_key("alice").unwrap()).unwrap().unwrap()
}

fn grant(world: &World, privilege: Option<Privilege>) {
    let folder: FolderId = world.folder;
    behind_its_back(world, move |transaction| {
        transaction.set_grant(folder, Subject::User(alice(transaction).id), privilege)
    });
}

#[tokio::test]
async fn what_another_connection_to_the_database_takes_away_is_too() {
    let world = World::start().await;
    let api = world.writer().await;
    let changes = api.folder_path("changes");
    for _ in 0..5 {
        use_it(&api).await;
        grant(&world, None);
        api.get(&changes).await.assert_problem(ProblemKind::NotFound);
        grant(&world, Some(Privilege::Read));
        assert_eq!(api.get(&changes).await.header("driftless-privilege"), "read");
    }
    behind_its_back(&world, |transaction| {
        transaction.set_user(&User { disabled: true, ..alice(transaction) })
    });
    api.get(&changes).await.assert_problem(ProblemKind::Unauthenticated);
    behind_its_back(&world, |transaction| {
        transaction.set_user(&User { disabled: false, ..alice(transaction) })
    });
    use_it(&api).await;
    behind_its_back(&world, |transaction| {
        let device = transaction.devices(alice(transaction).id)?.remove(0);
        transaction.revoke_device(device.id, device.created_at)
    });
    api.get(&changes).await.assert_problem(ProblemKind::Unauthenticated);
}

#[tokio::test]
async fn a_wait_for_changes_does_not_outlive_the_right() {
    let world = World::start().await;
    let (alice, bob) = (world.writer().await, world.person("bob", WirePrivilege::Read).await);
    let listing = bob.get(&bob.folder_path("changes")).await.records();
    let cursor = listing
        .iter()
        .find_map(|record| match record {
            protocol::bundle::Record::PageEnd(end) => Some(end.cursor.to_string()),
            _ => None,
        })
        .unwrap();
    let path = bob.folder_path(&format!("changes?wait=30&since={cursor}"));
    let waiting = tokio::spawn({
        let bob = bob.clone();
        async move { bob.get(&path).await }
    });
    grant_nothing_to_bob(&world);
    let draft = crate::bundles::Draft::new().group([crate::bundles::create(
        0,
        crate::bundles::ROOT,
        "secret",
        model::Content::Directory,
    )]);
    alice.commit(draft).await;
    waiting.await.unwrap().assert_problem(ProblemKind::NotFound);
}

fn grant_nothing_to_bob(world: &World) {
    let folder = world.folder;
    behind_its_back(world, move |transaction| {
        let bob = transaction.user_named(&auth::account::name_key("bob").unwrap())?.unwrap();
        transaction.set_grant(folder, Subject::User(bob.id), None)
    });
}

#[tokio::test]
async fn a_device_that_everything_is_known_of_costs_the_database_little() {
    let world = World::start().await;
    let alice = world.writer().await;
    use_it(&alice).await;
    let before = world.database.figures().statements;
    use_it(&alice).await;
    let each = (world.database.figures().statements - before) / 3;
    // Two looks at the generation; the rest is the page itself and the second look at its permit.
    assert!(each <= 8, "{each} statements for a page of changes");
}

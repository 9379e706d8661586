use crate::world::{PASSWORD, World};
use protocol::admin::{AdminAnswer, AdminFailure, AdminRequest, Rate, Secret, UserEntry};
use protocol::v1::{WireNameRule, WirePrivilege};
use std::os::unix::fs::PermissionsExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

fn failure(answer: &AdminAnswer) -> AdminFailure {
    match answer {
        AdminAnswer::Failed { reason, .. } => *reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn groups_give_privileges_to_their_members() {
    let world = World::start().await;
    world.add_user("alice", false).await;
    world.do_admin(AdminRequest::GroupAdd { group: "staff".into() }).await;
    world.grant("docs", "@staff", WirePrivilege::Read).await;
    let alice = world.link("alice", "laptop").await;
    assert!(alice.folders().await.folders.is_empty());
    let set = |add: &[&str], remove: &[&str]| AdminRequest::GroupSet {
        group: "staff".into(),
        add: add.iter().map(ToString::to_string).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
    };
    world.do_admin(set(&["alice"], &[])).await;
    assert_eq!(alice.folders().await.folders[0].privilege, WirePrivilege::Read);
    let AdminAnswer::Groups { groups } = world.admin(AdminRequest::GroupList).await else {
        panic!("no groups")
    };
    assert_eq!((groups[0].name.as_str(), &groups[0].members[..]), ("staff", &["alice".to_owned()][..]));
    let AdminAnswer::Folders { folders } = world.admin(AdminRequest::FolderList).await else {
        panic!("no folders")
    };
    assert_eq!(folders[0].grants[0].to, "@staff");
    world.do_admin(set(&[], &["alice"])).await;
    assert!(alice.folders().await.folders.is_empty());
    world.do_admin(set(&["alice"], &[])).await;
    world.do_admin(AdminRequest::GroupRemove { group: "staff".into() }).await;
    assert!(alice.folders().await.folders.is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let world = World::start().await;
    world.add_user("alice", false).await;
    let add = |user: &str, password: &str| AdminRequest::UserAdd {
        user: user.into(),
        password: Secret(password.into()),
        administrator: false,
        home: false,
    };
    assert_eq!(failure(&world.admin(add("Alice", PASSWORD)).await), AdminFailure::Exists);
    assert_eq!(failure(&world.admin(add("@x", PASSWORD)).await), AdminFailure::Invalid);
    assert_eq!(failure(&world.admin(add("bob", "short")).await), AdminFailure::Invalid);
    let again = AdminRequest::FolderAdd {
        folder: "DOCS".into(),
        name_rule: WireNameRule::Exact,
        quota_bytes: None,
        plain: None,
    };
    assert_eq!(failure(&world.admin(again).await), AdminFailure::Exists);
    let grant = |folder: &str, to: &str| AdminRequest::FolderGrant {
        folder: folder.into(),
        to: to.into(),
        privilege: WirePrivilege::Read,
    };
    for request in [
        grant("docs", "nobody"),
        grant("docs", "@nobody"),
        grant("nothing", "alice"),
        AdminRequest::UserRemove { user: "nobody".into() },
        AdminRequest::DeviceUnlink { device: model::DeviceId(99) },
    ] {
        assert_eq!(failure(&world.admin(request.clone()).await), AdminFailure::NotFound, "{request:?}");
    }
    let AdminAnswer::Users { users } = world.admin(AdminRequest::UserList).await else { panic!("no users") };
    let expected = UserEntry {
        id: users[0].id,
        name: "alice".into(),
        administrator: false,
        disabled: false,
        system_user: None,
        upload_rate: Rate::Standard,
        download_rate: Rate::Standard,
    };
    assert_eq!(users, [expected]);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_without_secrets() {
    let world = World::start().await;
    world.add_user("alice", true).await;
    world.grant("docs", "alice", WirePrivilege::Write).await;
    let rows = metadata::read(&*world.database, |snapshot| snapshot.audit(0, 100)).unwrap();
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["folder.add", "user.add", "folder.grant"]);
    assert!(!format!("{rows:?}").contains(PASSWORD));
}

#[tokio::test]
async fn the_socket_answers_its_owner_line_by_line() {
    let socket = tempfile::tempdir().unwrap();
    let path = socket.path().join("admin.sock");
    std::fs::write(&path, b"left behind").unwrap();
    let mut world = World::start_with(|settings| settings.admin_socket = Some(path.clone())).await;
    // The listener answers once the server serves.
    assert_eq!(world.nobody().get("/healthz").await.status, 200);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (read, mut write) = UnixStream::connect(&path).await.unwrap().into_split();
    let mut lines = BufReader::new(read).lines();
    let request = serde_json::to_string(&AdminRequest::GroupAdd { group: "staff".into() }).unwrap();
    for (line, expected) in [
        (request.as_str(), "{\"answer\":\"done\"}"),
        (request.as_str(), "{\"answer\":\"failed\",\"reason\":\"exists\""),
        ("nonsense", "{\"answer\":\"failed\",\"reason\":\"invalid\""),
        (
            "{\"request\":\"group_add\",\"group\":\"g\",\"more\":1}",
            "{\"answer\":\"failed\",\"reason\":\"invalid\"",
        ),
    ] {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = lines.next_line().await.unwrap().unwrap();
        assert!(answer.starts_with(expected), "{answer}");
    }
    let _ = write.write_all(&[b'x'; 100_000]).await;
    let answer = lines.next_line().await.unwrap_or_default().unwrap_or_default();
    assert!(answer.is_empty() || answer.contains("invalid"), "{answer}");
    world.begin_to_stop();
    world.stopped().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn verification_proves_a_sound_server_and_finds_damage() {
    use crate::bundles::Draft;
    let directory = tempfile::tempdir().unwrap();
    let store = content::MemoryStore::new();
    let world = World::start_on(directory, std::sync::Arc::new(store.clone()), |_| {}).await;
    let alice = world.writer().await;
    alice.commit(Draft::new().file("a", b"some bytes").file("b", &[5; 50_000])).await;
    let verify = async || match world.admin(AdminRequest::Verify { all_bytes: true, progress: false }).await {
        AdminAnswer::Verified(report) => report,
        other => panic!("{other:?}"),
    };
    let report = verify().await;
    assert!(report.faults.is_empty(), "{report:?}");
    assert_eq!((report.nodes, report.references, report.fault_count), (3, 2, 0), "{report:?}");
    store.damage(model::location::PackId(1), |bytes| {
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
    });
    let report = verify().await;
    assert!(!report.faults.is_empty());
}

#[tokio::test]
async fn a_login_of_the_system_is_given_to_one_account() {
    let world = World::start().await;
    world.add_user("alice", false).await;
    world.add_user("bob", false).await;
    let map = |user: &str, login: &str| AdminRequest::UserSet {
        user: user.into(),
        password: None,
        administrator: None,
        disabled: None,
        system_user: Some(login.into()),
        upload_rate: None,
        download_rate: None,
    };
    world.do_admin(map("alice", "al")).await;
    assert_eq!(failure(&world.admin(map("bob", "al")).await), AdminFailure::Exists);
    assert_eq!(failure(&world.admin(map("bob", "a l")).await), AdminFailure::Invalid);
    let AdminAnswer::Users { users } = world.admin(AdminRequest::UserList).await else { panic!("no users") };
    let logins: Vec<_> = users.iter().map(|user| user.system_user.as_deref()).collect();
    assert_eq!(logins, [Some("al"), None]);
    world.do_admin(map("alice", "")).await;
    world.do_admin(map("bob", "al")).await;
}

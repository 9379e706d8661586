//! Links as strangers see them: pages without scripts, downloads that run nothing, files put in.

use crate::bundles::Draft;
use crate::links::{Shared, audit, shared, shared_in};
use crate::world::{Answer, Api, World};
use http::{Method, StatusCode};
use http_body_util::Full;
use model::{NodeId, Timestamp};
use protocol::v1::LinkAnswer;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

impl Api {
    async fn visit(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::default()).unwrap()).await
    }

    async fn show_password(&self, address: &str, password: &str) -> Answer {
        let body = form_urlencoded_password(password);
        let request = self
            .request(Method::POST, &format!("{address}/password"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header(OWN.0, OWN.1);
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    async fn put_in(&self, address: &str, files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!(
                "--BOUND\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
                 Content-Type: text/html\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--BOUND--\r\n");
        let request = self
            .request(Method::POST, &format!("{address}/files"))
            .header("content-type", "multipart/form-data; boundary=BOUND")
            .header(OWN.0, OWN.1);
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    async fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.listing().await.iter().map(|node| node.name.as_str().to_owned()).collect();
        names.sort();
        names
    }
}

fn form_urlencoded_password(password: &str) -> String {
    format!("x=1&password={}", password.replace('&', "%26").replace(' ', "+"))
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// What every page for strangers is.
#[track_caller]
fn assert_page(answer: &Answer, status: StatusCode) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("allow-scripts"), "{policy}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = text(answer);
    assert!(!page.to_lowercase().contains("<script"), "{page}");
    page
}

/// The same page but for what differs between requests.
#[track_caller]
fn assert_nothing_here(answer: &Answer, like: &Answer) {
    assert_eq!(assert_page(answer, StatusCode::NOT_FOUND), text(like));
    let told = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        for name in ["x-request-id", "date"] {
            headers.remove(name);
        }
        headers
    };
    assert_eq!(told(answer), told(like));
}

async fn clocked() -> (World, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(2_000_000_000));
    let clock = Arc::clone(&now);
    let world = World::start_with(|settings| {
        settings.clock = Arc::new(move || Timestamp::from_parts(clock.load(Ordering::Relaxed), 0));
    })
    .await;
    (world, now)
}

#[tokio::test]
async fn a_stranger_sees_a_directory_and_downloads_from_it_and_nothing_in_it_runs() {
    let Shared { world, alice, directory, file } = shared().await;
    let secret = alice.commit(Draft::new().file("secret", b"s")).await.node(0).node;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "read" })).await;
    let stranger = world.nobody();
    let page = assert_page(&stranger.get(&address).await, StatusCode::OK);
    assert!(page.contains("<h1><bdi>photos</bdi></h1>"), "{page}");
    assert!(page.contains("a &lt;b&gt;.html") && !page.contains("<b>"), "{page}");
    assert!(!page.contains("secret") && !page.contains("docs") && !page.contains("alice"), "{page}");

    let got = stranger.get(&format!("{address}/files/{file}")).await;
    assert_eq!((got.status, text(&got).as_str()), (StatusCode::OK, "<script>1</script>"));
    assert_eq!(got.header("content-type"), "application/octet-stream");
    assert_eq!(got.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert_eq!(got.header("content-disposition"), "attachment; filename*=UTF-8''a%20%3Cb%3E.html");

    let nothing = stranger.get(&format!("/s/{}", "0".repeat(32))).await;
    for hidden in [
        format!("{address}/files/{secret}"),
        format!("{address}/files/{directory}"),
        format!("{address}/files/n1"),
        format!("{address}/files/n99999"),
        format!("{address}/files/x"),
        format!("{address}?in=n1"),
        format!("{address}?in={secret}"),
        format!("{address}?in=x"),
        format!("{address}?in=n1&in=n2"),
        format!("{address}x"),
        format!("/s/{}", address[3..].to_uppercase()),
        "/s/x".to_owned(),
    ] {
        let answer = stranger.get(&hidden).await;
        assert!(assert_page(&answer, StatusCode::NOT_FOUND).contains("There is nothing here"));
        assert_eq!(text(&answer), text(&nothing), "{hidden}");
    }
    let rows = audit(&world, "link.download");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].user, rows[0].address.as_str()), (None, "127.0.0.1"));
}

#[tokio::test]
async fn wrong_revoked_and_ended_addresses_and_used_up_links_get_the_same_answer() {
    let (world, now) = clocked().await;
    let Shared { world, alice, directory, file } = shared_in(world).await;
    let link = |more: serde_json::Value| {
        let mut body = json!({ "node": directory.to_string(), "kind": "read" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (revoked_id, revoked) = alice.link_to(&link(json!({}))).await;
    let (_, ending) = alice.link_to(&link(json!({ "expires": "2033-05-18T03:33:21Z" }))).await;
    let (_, used_up) = alice.link_to(&link(json!({ "uses_max": 1 }))).await;
    let (_, locked) =
        alice.link_to(&link(json!({ "password": "open sesame", "expires": "2033-05-18T03:33:21Z" }))).await;
    let (moved_id, moved) = alice.link_to(&link(json!({}))).await;
    let stranger = world.nobody();
    for address in [&revoked, &ending, &used_up, &locked, &moved] {
        assert_page(&stranger.get(address).await, StatusCode::OK);
    }
    assert_eq!(stranger.get(&format!("{used_up}/files/{file}")).await.status, StatusCode::OK);
    assert_eq!(alice.call(Method::DELETE, &format!("/api/v1/links/{revoked_id}")).await.status, 204);
    let moved_answer = alice
        .json(Method::PATCH, &format!("/api/v1/links/{moved_id}"), &json!({ "new_address": true }))
        .await;
    let new: LinkAnswer = moved_answer.parse();
    assert_page(&stranger.get(&new.address.unwrap()).await, StatusCode::OK);
    now.fetch_add(1, Ordering::Relaxed);
    let never = format!("/s/{}", "a".repeat(32));
    for rest in ["", "?in=n1", "/files/n3"] {
        let nothing = stranger.get(&format!("{never}{rest}")).await;
        for address in [&revoked, &ending, &used_up, &locked, &moved] {
            assert_nothing_here(&stranger.get(&format!("{address}{rest}")).await, &nothing);
        }
    }
    let nothing = stranger.show_password(&never, "open sesame").await;
    for address in [&revoked, &ending, &locked, &moved] {
        assert_nothing_here(&stranger.show_password(address, "open sesame").await, &nothing);
    }
}

#[tokio::test]
async fn a_link_does_nothing_when_its_maker_may_not_any_more() {
    use protocol::v1::WirePrivilege;
    let Shared { world, alice, directory, .. } = shared().await;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "read" })).await;
    let stranger = world.nobody();
    for (privilege, status) in [
        (WirePrivilege::Read, StatusCode::NOT_FOUND),
        (WirePrivilege::Write, StatusCode::OK),
        (WirePrivilege::None, StatusCode::NOT_FOUND),
    ] {
        world.grant("docs", "alice", privilege).await;
        assert_page(&stranger.get(&address).await, status);
    }
}

#[tokio::test]
async fn a_password_is_shown_once_an_hour_and_to_its_link_alone() {
    let (world, now) = clocked().await;
    let Shared { world, alice, directory, file } = shared_in(world).await;
    let body = json!({ "node": directory.to_string(), "kind": "read", "password": "open sesame" });
    let (id, address) = alice.link_to(&body).await;
    let (_, other) = alice.link_to(&body).await;
    let stranger = world.nobody();
    let page = assert_page(&stranger.get(&address).await, StatusCode::OK);
    assert!(page.contains("type=\"password\"") && !page.contains("photos"), "{page}");
    let refused = stranger.get(&format!("{address}/files/{file}")).await;
    assert_eq!((refused.status, refused.header("location")), (StatusCode::SEE_OTHER, address.as_str()));
    let wrong = stranger.show_password(&address, "open seseme").await;
    assert!(assert_page(&wrong, StatusCode::FORBIDDEN).contains("That is not the password."));
    assert_eq!(audit(&world, "link.password").len(), 1);

    let right = stranger.show_password(&address, "open sesame").await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, address.as_str()));
    let cookie = right.header("set-cookie").to_owned();
    let expected = format!("; Path={address}; Max-Age=3600; HttpOnly; SameSite=Lax");
    assert!(cookie.starts_with("driftless-link=") && cookie.ends_with(&expected), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let shown = [("cookie", cookie.as_str())];
    assert!(assert_page(&stranger.visit(&address, &shown).await, StatusCode::OK).contains("photos"));
    assert_eq!(stranger.visit(&format!("{address}/files/{file}"), &shown).await.status, StatusCode::OK);
    let elsewhere = assert_page(&stranger.visit(&other, &shown).await, StatusCode::OK);
    assert!(elsewhere.contains("type=\"password\""));

    now.fetch_add(3_600, Ordering::Relaxed);
    assert!(text(&stranger.visit(&address, &shown).await).contains("type=\"password\""), "its hour is over");
    now.fetch_sub(3_600, Ordering::Relaxed);
    assert!(text(&stranger.visit(&address, &shown).await).contains("photos"));
    let change = json!({ "password": "another one" });
    alice.json(Method::PATCH, &format!("/api/v1/links/{id}"), &change).await;
    assert!(text(&stranger.visit(&address, &shown).await).contains("type=\"password\""), "it was changed");
    let cross = stranger
        .request(Method::POST, &format!("{address}/password"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Full::from("password=another+one"))
        .unwrap();
    assert_page(&stranger.send(cross).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn guessing_a_links_password_is_slowed_down() {
    let (world, now) = clocked().await;
    let Shared { world, alice, directory, .. } = shared_in(world).await;
    let body = json!({ "node": directory.to_string(), "kind": "read", "password": "open sesame" });
    let (_, address) = alice.link_to(&body).await;
    let stranger = world.nobody();
    for _ in 0..5 {
        assert_eq!(stranger.show_password(&address, "guess").await.status, StatusCode::FORBIDDEN);
    }
    let mut waited = 0;
    for delay in [1, 2, 4, 8] {
        // Even the right one has to wait.
        let held = stranger.show_password(&address, "open sesame").await;
        assert!(assert_page(&held, StatusCode::TOO_MANY_REQUESTS).contains("too many attempts"));
        now.fetch_add(delay, Ordering::Relaxed);
        waited += delay;
        assert_eq!(stranger.show_password(&address, "guess").await.status, StatusCode::FORBIDDEN, "{waited}");
    }
    // Guesses at many links count for the network.
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let (_, address) = alice.link_to(&body).await;
        for _ in 0..4 {
            statuses.push(stranger.show_password(&address, "guess").await.status);
        }
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::FORBIDDEN).count(), 50 - 9);
}

#[tokio::test]
async fn strangers_who_come_at_once_get_no_more_downloads_than_there_are() {
    let Shared { world, alice, directory, file } = shared().await;
    let body = json!({ "node": directory.to_string(), "kind": "read", "uses_max": 5 });
    let (id, address) = alice.link_to(&body).await;
    let path = format!("{address}/files/{file}");
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (stranger, path) = (world.nobody(), path.clone());
        visits.spawn(async move { stranger.get(&path).await.status });
    }
    let statuses = visits.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::NOT_FOUND).count(), 25);
    let link: LinkAnswer = alice.get(&format!("/api/v1/links/{id}")).await.parse();
    assert_eq!(link.link.uses, 5);
}

#[tokio::test]
async fn ranges_heads_and_what_one_has_already_count_once() {
    let Shared { world, alice, directory, file } = shared().await;
    let body = json!({ "node": directory.to_string(), "kind": "read", "uses_max": 1 });
    let (id, address) = alice.link_to(&body).await;
    let path = format!("{address}/files/{file}");
    let stranger = world.nobody();
    let head = stranger.call(Method::HEAD, &path).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "18"));
    let tag = head.header("etag").to_owned();
    let same = stranger.visit(&path, &[("if-none-match", &tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    assert_page(&stranger.visit(&path, &[("range", "bytes=18-")]).await, StatusCode::RANGE_NOT_SATISFIABLE);
    let mut whole = Vec::new();
    for range in ["bytes=0-4", "bytes=5-9", "bytes=10-"] {
        let part = stranger.visit(&path, &[("range", range)]).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        whole.extend(part.body);
    }
    assert_eq!(whole, b"<script>1</script>");
    let link: LinkAnswer = alice.get(&format!("/api/v1/links/{id}")).await.parse();
    assert_eq!(link.link.uses, 1);
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.visit(&path, &[("range", "bytes=5-9")]).await.status, StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn what_strangers_send_gets_clean_names_and_replaces_nothing() {
    let Shared { world, alice, directory, .. } = shared().await;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "drop" })).await;
    let stranger = world.nobody();
    let page = assert_page(&stranger.get(&address).await, StatusCode::OK);
    assert!(page.contains("type=\"file\"") && !page.contains("photos"), "{page}");
    let files: [(&str, &[u8]); 5] = [
        ("a _b_.html", b"new"),
        ("../../etc/passwd", b"x"),
        (".driftlessignore", b"*"),
        ("<img src=x onerror=alert(1)>", b"y"),
        ("a _b_.html", b"newer"),
    ];
    let page = assert_page(&stranger.put_in(&address, &files).await, StatusCode::OK);
    assert!(page.contains("_img src=x onerror=alert(1)_") && !page.contains("<img"), "{page}");
    assert!(!page.contains("(2)"), "the name that it got would say what is there: {page}");
    let expected =
        ["_driftlessignore", "_img src=x onerror=alert(1)_", "a <b>.html", "a _b_ (2).html", "a _b_.html"];
    let mut names = alice.names().await;
    names.retain(|name| name != "photos" && name != "passwd");
    assert_eq!(names, expected);
    assert_eq!(audit(&world, "link.put").len(), 5);

    let nodes = alice.listing().await;
    let sent = nodes.iter().find(|node| node.name.as_str() == "passwd").unwrap();
    let versions: protocol::v1::VersionsResponse =
        alice.get(&alice.folder_path(&format!("nodes/{}/versions", sent.id))).await.parse();
    assert_eq!(versions.versions[0].device.as_deref(), Some("link l1"));
    // Nothing can be seen or downloaded, not even what one has sent.
    let own = stranger.get(&format!("{address}/files/{}", sent.id)).await;
    assert_page(&own, StatusCode::NOT_FOUND);
    assert!(!text(&stranger.get(&format!("{address}?in={directory}")).await).contains("passwd"));
}

#[tokio::test]
async fn a_long_file_of_a_stranger_is_cut_and_comes_back_whole() {
    let Shared { world, alice, directory, .. } = shared().await;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "drop" })).await;
    let long: Vec<u8> =
        (0u64..3_000_000).flat_map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes()).collect();
    let page = world.nobody().put_in(&address, &[("long.bin", &long), ("empty", b"")]).await;
    assert!(assert_page(&page, StatusCode::OK).contains("long.bin"));
    let nodes = alice.listing().await;
    let node = nodes.iter().find(|node| node.name.as_str() == "long.bin").unwrap();
    let got = alice.get(&alice.folder_path(&format!("nodes/{}/content", node.id))).await;
    assert!(got.body == long, "{} bytes of {}", got.body.len(), long.len());
    let empty = nodes.iter().find(|node| node.name.as_str() == "empty").unwrap();
    assert_eq!(empty.content.size(), 0);
}

#[tokio::test]
async fn what_does_not_fit_or_is_no_form_is_refused_and_what_came_before_stays() {
    let world = World::start_with(|settings| settings.limits.file_bytes = 1_000).await;
    let small = world.add_folder("small", Some(600)).await;
    world.add_user("alice", false).await;
    world.grant("small", "alice", protocol::v1::WirePrivilege::Write).await;
    let alice = Api { folder: small, ..world.link("alice", "laptop").await };
    let (_, address) = alice.link_to(&json!({ "node": NodeId::ROOT.to_string(), "kind": "drop" })).await;
    let stranger = world.nobody();
    let (fits, big, huge) = (vec![1; 500], vec![2; 200], vec![3; 5_000]);
    let page = stranger.put_in(&address, &[("one", &fits), ("two", &big), ("three", b"3")]).await;
    let page = assert_page(&page, StatusCode::OK);
    assert!(page.contains("one") && page.contains("no room") && !page.contains("three"), "{page}");
    assert_eq!(alice.names().await, ["one"]);
    assert_page(&stranger.put_in(&address, &[("big", &big)]).await, StatusCode::INSUFFICIENT_STORAGE);
    assert_page(&stranger.put_in(&address, &[("huge", &huge)]).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_page(&stranger.put_in(&address, &[]).await, StatusCode::OK);
    for (media, body) in [
        ("text/plain", "x"),
        ("multipart/form-data", "x"),
        (
            "multipart/form-data; boundary=BOUND",
            "--BOUND\r\nContent-Disposition: form-data; name=\"f\"; filename=\"cut\"\r\n\r\nhalf",
        ),
    ] {
        let request =
            stranger.request(Method::POST, &format!("{address}/files")).header("content-type", media);
        let answer = stranger.send(request.body(Full::from(body)).unwrap()).await;
        assert_page(&answer, StatusCode::BAD_REQUEST);
    }
    assert_eq!(alice.names().await, ["one"]);
}

#[tokio::test]
async fn a_link_to_read_takes_no_files_and_pages_speak_german() {
    let Shared { world, alice, file, .. } = shared().await;
    let (_, address) = alice.link_to(&json!({ "node": file.to_string(), "kind": "read" })).await;
    let stranger = world.nobody();
    assert_page(&stranger.put_in(&address, &[("x", b"x")]).await, StatusCode::NOT_FOUND);
    let page = stranger.visit(&address, &[("accept-language", "de-DE,de;q=0.9,en;q=0.5")]).await;
    let page = assert_page(&page, StatusCode::OK);
    assert!(page.contains("<html lang=\"de\">") && page.contains("Herunterladen"), "{page}");
    let style = stranger.get("/s/style.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn a_directory_of_strange_names_is_paged() {
    let Shared { world, alice, directory, .. } = shared().await;
    let mut draft = Draft::new();
    for index in 0..600 {
        draft = draft.file_in(directory, &format!("&'\"<{index:03}> \u{202e}\u{5d0}"), b"");
    }
    alice.commit(draft).await;
    let (_, address) = alice.link_to(&json!({ "node": directory.to_string(), "kind": "read" })).await;
    let stranger = world.nobody();
    let first = assert_page(&stranger.get(&address).await, StatusCode::OK);
    let next = first.split("href=\"").find(|part| part.contains("after=")).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = assert_page(&stranger.get(&next).await, StatusCode::OK);
    let entries = |page: &str| page.matches("/files/").count();
    assert_eq!((entries(&first), entries(&second)), (500, 101));
    assert!(!second.contains("after="));
    assert!(!first.contains("<000>") && first.contains("&lt;000&gt;"));
}

//! The web page at the doors: its files, its headers, and what is not one of its places.

use crate::world::{Answer, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use protocol::ProblemKind;

async fn ask(world: &World, path: &str, more: &[(&str, &str)]) -> Answer {
    let api = world.nobody();
    let mut request = api.request(Method::GET, path);
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    api.send(request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn the_page_stands_at_its_places_and_runs_nothing_but_its_own_files() {
    let world = World::start().await;
    for place in
        ["/", "/overview", "/devices", "/trash/f1", "/files/f1", "/files/f1/a.b/c%2Fd", "/index.html"]
    {
        let answer = ask(&world, place, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{place}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{place}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{place}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{place}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        for rule in ["script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert_eq!(answer.body, web::index().bytes);
    }
}

/// The page has a list of its places, and so has the server, which must not answer for others.
#[tokio::test]
async fn every_place_that_the_page_knows_is_answered() {
    let world = World::start().await;
    let source = include_str!("../../../web/ui/src/places.ts");
    let places: Vec<&str> =
        source.split("first: '").skip(1).filter_map(|text| text.split('\'').next()).collect();
    assert!(places.len() > 4, "{places:?}");
    for place in places {
        let answer = ask(&world, &format!("/{place}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "add '{place}' to PLACES of page.rs");
    }
}

#[tokio::test]
async fn what_is_no_place_of_the_page_is_not_found() {
    let world = World::start().await;
    for path in
        ["/api", "/api/v1/nothing", "/assets/none.js", "/robots.txt", "/.env", "/files.php", "//files"]
    {
        ask(&world, path, &[]).await.assert_problem(ProblemKind::NotFound);
    }
    let answer = world.nobody().call(Method::POST, "/").await;
    answer.assert_problem(ProblemKind::MethodNotAllowed);
}

#[tokio::test]
async fn the_page_is_asked_for_again_and_its_hashed_files_never() {
    let world = World::start().await;
    let first = ask(&world, "/", &[]).await;
    let again = ask(&world, "/", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = ask(&world, "/", &[("if-none-match", "W/\"0\"")]).await;
    assert_eq!(other.status, StatusCode::OK);

    let page = String::from_utf8(first.body).unwrap();
    let Some(script) = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
    else {
        assert!(web::is_placeholder(), "{page}");
        return;
    };
    let plain = ask(&world, script, &[]).await;
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert!(plain.headers.get(header::CONTENT_ENCODING).is_none());
    let packed = ask(&world, script, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(packed.header("content-encoding"), "br");
    assert!(packed.body.len() * 2 < plain.body.len(), "{} of {}", packed.body.len(), plain.body.len());
}

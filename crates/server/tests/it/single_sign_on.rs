//! Single sign-on against a provider that lies, browsers that are not the one that began, and settings that would leak.

use crate::provider::{CLIENT, KEY_ID, Lie, Provider, base64, discovery};
use crate::world::{Answer, Api, PASSWORD, World};
use http::{Method, StatusCode, header};
use http_body_util::Full;
use model::GroupId;
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{SingleSignOnBegun, SingleSignOnResponse};
use serde_json::{Value, json};
use std::time::Duration;

const SIGN_IN: &str = "/api/v1/session/single-sign-on";
const BEGIN: &str = "/api/v1/session/single-sign-on/begin";
const OWN: &str = "/api/v1/account/single-sign-on";
const ADMIN: &str = "/api/v1/admin/single-sign-on";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const SECRET: &str = "very-secret-word";

struct Stage {
    world: World,
    provider: Provider,
    root: Api,
}

/// An attempt that a browser has begun.
struct Begun {
    cookie: String,
    state: String,
    nonce: String,
    address: String,
}

impl Stage {
    /// A server with a provider, that makes accounts and has `staff` there as the group `staff` here.
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(choose: impl FnOnce(&mut Value)) -> Self {
        let world = World::start_with(|settings| settings.provider_time = Duration::from_secs(2)).await;
        let provider = Provider::start().await;
        world.add_user("root", true).await;
        for group in ["staff", "others"] {
            world.do_admin(AdminRequest::GroupAdd { group: group.into() }).await;
        }
        let root = world.link("root", "console").await;
        let mut chosen = settings(&provider.issuer);
        choose(&mut chosen);
        let body = json!({ "chosen": chosen, "secret": SECRET });
        let answer = root.json(Method::PUT, ADMIN, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        Self { world, provider, root }
    }

    async fn post(&self, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
        self.post_as(&self.world.nobody(), path, body, more).await
    }

    async fn post_as(&self, api: &Api, path: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
        let mut request = api.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        api.send(request.body(Full::<bytes::Bytes>::from(body.to_string())).unwrap()).await
    }

    async fn begin(&self) -> Begun {
        begun(&self.post(BEGIN, &json!({}), &[("origin", "http://localhost")]).await)
    }

    async fn finish(&self, begun: &Begun) -> Answer {
        let body = json!({ "state": begun.state, "code": "a-code", "browser": "Firefox" });
        self.post(SIGN_IN, &body, &[("cookie", &begun.cookie)]).await
    }

    /// Signs in with a token that a test makes of what is right.
    async fn with_claims(&self, change: impl FnOnce(&mut Value)) -> Answer {
        let begun = self.begin().await;
        let mut claims = self.provider.claims(&begun.nonce);
        change(&mut claims);
        self.provider.vouch(&claims);
        self.finish(&begun).await
    }

    async fn groups(&self, name: &str) -> Vec<String> {
        match self.world.admin(AdminRequest::GroupList).await {
            AdminAnswer::Groups { groups } => groups
                .into_iter()
                .filter(|group| group.members.iter().any(|member| member == name))
                .map(|group| group.name)
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    async fn people(&self) -> Vec<String> {
        match self.world.admin(AdminRequest::UserList).await {
            AdminAnswer::Users { users } => users.into_iter().map(|user| user.name).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn settings(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "client_id": CLIENT, "button": "Sign in with <b>us</b>", "create": true,
        "groups": [{ "there": "staff", "group": GroupId(1).to_string() }],
    })
}

fn begun(answer: &Answer) -> Begun {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Strict"), "{cookie}");
    let address = answer.parse::<SingleSignOnBegun>().address;
    let value = |name: &str| {
        let query = address.split_once('?').unwrap().1;
        let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("no {name} in {address}")).to_owned()
    };
    let cookie = cookie.split(';').next().unwrap().to_owned();
    Begun { cookie, state: value("state"), nonce: value("nonce"), address: address.clone() }
}

#[track_caller]
fn assert_refused(answer: &Answer, reason: &str) {
    let problem = answer.assert_problem(ProblemKind::SingleSignOnFailed);
    assert_eq!(problem.members["reason"], reason, "{problem:?}");
    assert!(problem.detail.is_none(), "what a provider says is not handed on: {problem:?}");
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}

#[tokio::test]
async fn who_is_vouched_for_is_signed_in_and_has_the_groups_that_are_mapped() {
    let stage = Stage::start().await;
    let begun = stage.begin().await;
    for part in ["response_type=code", "code_challenge_method=S256", "client_id=driftless", "scope=openid"] {
        assert!(begun.address.contains(part), "{}", begun.address);
    }
    assert!(begun.address.contains("redirect_uri=http%3A%2F%2Flocalhost%2Fsign-in%2Fcallback"));
    stage.provider.vouch(&stage.provider.claims(&begun.nonce));
    let answer = stage.finish(&begun).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(stage.groups("carol").await, ["staff"]);
    let asked = stage.provider.asked();
    let (_, exchange) = asked.iter().find(|(path, _)| path == "/token").unwrap();
    assert!(exchange.contains("code_verifier=") && exchange.contains("code=a-code"), "{exchange}");
    // Groups that are not mapped are not touched; one that is left there is left here.
    let add = vec!["carol".to_owned()];
    let put = AdminRequest::GroupSet { group: "others".into(), add, remove: vec![] };
    stage.world.do_admin(put).await;
    let answer = stage.with_claims(|claims| claims["groups"] = json!(["nobody-knows", "others"])).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(stage.groups("carol").await, ["others"]);
    // No claim in the token: the provider is asked once more, and knows no group that is mapped.
    let answer = stage.with_claims(|claims| drop(claims.as_object_mut().unwrap().remove("groups"))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert!(stage.provider.asked().iter().any(|(path, _)| path == "/userinfo"));
    assert_eq!(stage.people().await, ["carol", "root"]);
}

#[tokio::test]
async fn a_token_that_proves_nothing_signs_nobody_in() {
    let stage = Stage::start().await;
    type Change = fn(&mut Value);
    let lies: [(&str, Change); 12] = [
        ("another nonce", |claims| claims["nonce"] = json!("0123")),
        ("no nonce", |claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("another audience", |claims| claims["aud"] = json!("other")),
        ("one audience too many", |claims| claims["aud"] = json!([CLIENT, "other"])),
        ("no audience", |claims| claims["aud"] = json!([])),
        ("another issuer", |claims| claims["iss"] = json!("https://id.example.org")),
        ("another party", |claims| claims["azp"] = json!("other")),
        ("expired", |claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 61)),
        ("made long ago", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 3_600)),
        ("made tomorrow", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 86_400)),
        ("another access token", |claims| claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("no subject", |claims| claims["sub"] = json!("")),
    ];
    for (lie, change) in lies {
        let answer = stage.with_claims(change).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{lie}: {answer:?}");
        assert_refused(&answer, "unproven");
    }
    let long = stage.with_claims(|claims| claims["sub"] = json!("x".repeat(256))).await;
    assert_refused(&long, "unproven");
    assert_eq!(stage.people().await, ["root"], "nobody was made");
}

#[tokio::test]
async fn only_the_providers_own_keys_sign() {
    let mut stage = Stage::start().await;
    let part = |value: &Value| base64(value.to_string().as_bytes());
    let hmac = |key: &[u8], text: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        base64(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref())
    };
    let stranger = Provider::start().await;
    let public_key = stage.provider.public_key();
    let forge = |name: &str, claims: &Value| {
        let (none, shared) = (json!({ "alg": "none" }), json!({ "alg": "HS256", "kid": KEY_ID }));
        let unsigned = format!("{}.{}.", part(&none), part(claims));
        let text = format!("{}.{}", part(&shared), part(claims));
        match name {
            "none" => unsigned,
            "the client's secret" => format!("{text}.{}", hmac(SECRET.as_bytes(), &text)),
            "the public key as a secret" => format!("{text}.{}", hmac(&public_key, &text)),
            "a stranger's key" => stranger.sign(&json!({ "alg": "ES256", "kid": KEY_ID }), claims),
            "a key that is not known" => stranger.sign(&json!({ "alg": "ES256", "kid": "key-2" }), claims),
            "a key that it brings along" => {
                let jwk = json!({ "alg": "ES256", "kid": "x", "jwk": { "kty": "EC" } });
                stranger.sign(&jwk, claims)
            }
            "something critical" => {
                stage.provider.sign(&json!({ "alg": "ES256", "kid": KEY_ID, "crit": ["b64"] }), claims)
            }
            _ => "not.a.token".to_owned(),
        }
    };
    for name in [
        "none",
        "the client's secret",
        "the public key as a secret",
        "a stranger's key",
        "a key that is not known",
        "a key that it brings along",
        "something critical",
        "nonsense",
    ] {
        let begun = stage.begin().await;
        stage.provider.hand_out(&forge(name, &stage.provider.claims(&begun.nonce)));
        let answer = stage.finish(&begun).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {answer:?}");
    }
    assert_eq!(stage.people().await, ["root"]);
    // Another token of the same provider's, signed by a key that it has just taken.
    stage.provider.rotate("key-9");
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    let begun = stage.begin().await;
    let claims = stage.provider.claims(&begun.nonce);
    stage.provider.hand_out(&stage.provider.sign(&json!({ "alg": "ES256", "kid": "key-9" }), &claims));
    assert_eq!(stage.finish(&begun).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_attempt_is_for_the_browser_that_began_it_and_good_once() {
    let stage = Stage::start().await;
    let (mine, yours) = (stage.begin().await, stage.begin().await);
    stage.provider.vouch(&stage.provider.claims(&mine.nonce));
    let body = json!({ "state": mine.state, "code": "a-code", "browser": "Firefox" });
    // Somebody else's code in my browser, and mine in a browser that began nothing.
    assert_refused(&stage.post(SIGN_IN, &body, &[("cookie", &yours.cookie)]).await, "unknown_attempt");
    assert_refused(&stage.post(SIGN_IN, &body, &[]).await, "unknown_attempt");
    // Another site that has this very browser do it.
    for site in ["cross-site", "same-site", "none"] {
        let more = [("cookie", mine.cookie.as_str()), ("sec-fetch-site", site)];
        stage.post(SIGN_IN, &body, &more).await.assert_problem(ProblemKind::Invalid);
        let more = [("origin", "http://localhost"), ("sec-fetch-site", site)];
        stage.post(BEGIN, &json!({}), &more).await.assert_problem(ProblemKind::Invalid);
    }
    assert!(stage.provider.asked().iter().all(|(path, _)| path != "/token"), "no code went anywhere");
    let own = [("cookie", mine.cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(stage.post(SIGN_IN, &body, &own).await.status, StatusCode::CREATED);
    assert_refused(&stage.post(SIGN_IN, &body, &own).await, "unknown_attempt");
    // Mixed up with another provider (RFC 9207), or begun under other settings.
    let third = stage.begin().await;
    let mixed = json!({ "state": third.state, "code": "a", "issuer": "https://b", "browser": "F" });
    assert_refused(&stage.post(SIGN_IN, &mixed, &[("cookie", &third.cookie)]).await, "unknown_attempt");
    let fourth = stage.begin().await;
    let mut other = settings(&stage.provider.issuer);
    other["client_id"] = json!("another");
    stage.root.json(Method::PUT, ADMIN, &json!({ "chosen": other })).await;
    assert_refused(&stage.finish(&fourth).await, "unknown_attempt");
}

#[tokio::test]
async fn the_page_must_be_used_where_the_browser_is_sent_back_to() {
    let stage = Stage::start().await;
    for bad in ["http://evil.example", "http://localhost:81", "null", "<b>"] {
        assert_refused(&stage.post(BEGIN, &json!({}), &[("origin", bad)]).await, "wrong_address");
    }
    assert_refused(&stage.post(BEGIN, &json!({}), &[]).await, "wrong_address");
    let public = json!({ "public_address": "https://files.example.org" });
    stage.root.json(Method::PUT, "/api/v1/admin/settings", &public).await;
    let begin = async |origin: &str| stage.post(BEGIN, &json!({}), &[("origin", origin)]).await;
    assert_refused(&begin("http://localhost").await, "wrong_address");
    let address = begun(&begin("https://files.example.org").await).address;
    assert!(
        address.contains("redirect_uri=https%3A%2F%2Ffiles.example.org%2Fsign-in%2Fcallback"),
        "{address}"
    );
}

#[tokio::test]
async fn a_provider_that_does_not_answer_as_one_is_told_apart_and_waits_for_nobody() {
    let stage = Stage::start().await;
    let own = [("origin", "http://localhost")];
    let issuer = stage.provider.issuer.clone();
    let other = |member: &str, value: &str| {
        let mut said = discovery(&issuer);
        said[member] = json!(value);
        Lie::Say(said)
    };
    for (at, lie) in [
        (DISCOVERY, Lie::Status(StatusCode::INTERNAL_SERVER_ERROR)),
        (DISCOVERY, Lie::RedirectTo(format!("{issuer}/elsewhere"))),
        (DISCOVERY, Lie::Endless(1 << 20)),
        (DISCOVERY, Lie::Slow(Duration::from_secs(60))),
        (DISCOVERY, Lie::Say(json!({}))),
        (DISCOVERY, Lie::Say(json!("<script>alert(1)</script>"))),
        (DISCOVERY, other("issuer", "https://id.example.org")),
        (DISCOVERY, other("authorization_endpoint", "javascript:alert(1)")),
        (DISCOVERY, other("authorization_endpoint", "http://192.0.2.1/authorize")),
        (DISCOVERY, other("jwks_uri", "file:///etc/passwd")),
        (DISCOVERY, other("jwks_uri", "http://192.0.2.1/jwks")),
    ] {
        stage.provider.lie(at, lie.clone());
        let begun = std::time::Instant::now();
        let answer = stage.post(BEGIN, &json!({}), &own).await;
        assert_refused(&answer, "unreachable");
        assert!(begun.elapsed() < Duration::from_secs(10), "{lie:?}");
    }
    assert!(stage.provider.asked().iter().all(|(path, _)| path != "/elsewhere"), "no redirect is followed");
    stage.provider.lie(DISCOVERY, Lie::Say(discovery(&issuer)));
    for (at, lie, reason) in [
        ("/token", Lie::Status(StatusCode::INTERNAL_SERVER_ERROR), "unreachable"),
        ("/token", Lie::Endless(1 << 20), "unreachable"),
        ("/token", Lie::Slow(Duration::from_secs(60)), "unreachable"),
        ("/token", Lie::RedirectTo(format!("{issuer}/elsewhere")), "unreachable"),
        ("/token", Lie::Say(json!({ "access_token": "x", "token_type": "Bearer" })), "unproven"),
    ] {
        let begun = stage.begin().await;
        stage.provider.lie(at, lie);
        assert_refused(&stage.finish(&begun).await, reason);
    }
    assert!(stage.provider.asked().iter().all(|(path, _)| path != "/elsewhere"));
}

#[tokio::test]
async fn what_else_the_provider_is_asked_must_be_of_the_same_person() {
    let stage = Stage::start().await;
    let without_groups = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("groups"));
    stage.provider.lie("/userinfo", Lie::Say(json!({ "sub": "person-2", "groups": ["staff"] })));
    assert_refused(&stage.with_claims(without_groups).await, "unproven");
    stage.provider.lie("/userinfo", Lie::Endless(1 << 20));
    assert_refused(&stage.with_claims(without_groups).await, "unreachable");
    stage.provider.lie("/userinfo", Lie::Say(json!({ "sub": "person-1", "groups": ["staff"] })));
    assert_eq!(stage.with_claims(without_groups).await.status, StatusCode::CREATED);
    assert_eq!(stage.groups("carol").await, ["staff"]);
    // A token that no header can carry.
    let begun = stage.begin().await;
    let mut claims = stage.provider.claims(&begun.nonce);
    without_groups(&mut claims);
    let token = stage.provider.sign(&json!({ "alg": "ES256", "kid": KEY_ID }), &claims);
    let said = json!({ "access_token": "a\r\nb", "token_type": "Bearer", "id_token": token });
    stage.provider.lie("/token", Lie::Say(said));
    assert_refused(&stage.finish(&begun).await, "unproven");
}

#[tokio::test]
async fn a_name_or_an_address_of_mail_is_nobodys_proof() {
    let stage = Stage::start().await;
    stage.world.add_user("alice", true).await;
    let named = |claims: &mut Value| {
        claims["preferred_username"] = json!("Alice");
        claims["email"] = json!("alice@example.org");
        claims["email_verified"] = json!(true);
    };
    assert_refused(&stage.with_claims(named).await, "name_taken");
    for bad in ["@all", "~x", "a/b", "\u{202e}x"] {
        let answer = stage.with_claims(|claims| claims["preferred_username"] = json!(bad)).await;
        assert_refused(&answer, "no_name");
    }
    let mut chosen = settings(&stage.provider.issuer);
    chosen["create"] = json!(false);
    stage.root.json(Method::PUT, ADMIN, &json!({ "chosen": chosen })).await;
    assert_refused(&stage.with_claims(|_| {}).await, "stranger");
    assert_eq!(stage.people().await, ["alice", "root"]);
}

#[tokio::test]
async fn an_account_is_connected_by_its_owner_and_disabled_ones_stay_out() {
    let stage = Stage::start_with(|chosen| chosen["create"] = json!(false)).await;
    stage.world.add_user("alice", false).await;
    let alice = stage.world.link("alice", "laptop").await;
    let path = format!("{OWN}/begin");
    let own = [("origin", "http://localhost")];
    let wrong = stage.post_as(&alice, &path, &json!({ "password": "no" }), &own).await;
    wrong.assert_problem(ProblemKind::SignInFailed);
    let begin =
        || async { begun(&stage.post_as(&alice, &path, &json!({ "password": PASSWORD }), &own).await) };
    let attempt = begin().await;
    stage.provider.vouch(&stage.provider.claims(&attempt.nonce));
    // Neither does it sign in, nor connect somebody else.
    assert_refused(&stage.finish(&attempt).await, "unknown_attempt");
    let attempt = begin().await;
    let body = json!({ "state": attempt.state, "code": "a-code" });
    let cookie = [("cookie", attempt.cookie.as_str())];
    assert_refused(&stage.post_as(&stage.root, OWN, &body, &cookie).await, "unknown_attempt");
    let attempt = begin().await;
    stage.provider.vouch(&stage.provider.claims(&attempt.nonce));
    let body = json!({ "state": attempt.state, "code": "a-code" });
    let cookie = [("cookie", attempt.cookie.as_str())];
    let answer = stage.post_as(&alice, OWN, &body, &cookie).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(stage.with_claims(|_| {}).await.status, StatusCode::CREATED);
    assert_eq!(stage.groups("alice").await, ["staff"]);

    let disable = |disabled| AdminRequest::UserSet {
        user: "alice".into(),
        password: None,
        administrator: None,
        disabled: Some(disabled),
        system_user: None,
        upload_rate: None,
        download_rate: None,
    };
    stage.world.do_admin(disable(true)).await;
    let answer = stage.with_claims(|claims| claims["groups"] = json!([])).await;
    assert_refused(&answer, "inactive");
    assert_eq!(stage.groups("alice").await, ["staff"], "nothing is changed of who stays out");
    stage.world.do_admin(disable(false)).await;
    assert_eq!(alice.call(Method::DELETE, OWN).await.status, StatusCode::NO_CONTENT);
    alice.call(Method::DELETE, OWN).await.assert_problem(ProblemKind::NotFound);
    assert_refused(&stage.with_claims(|_| {}).await, "stranger");
}

#[tokio::test]
async fn the_group_that_makes_administrators_never_takes_the_last_one_away() {
    let stage = Stage::start_with(|chosen| chosen["administrators"] = json!("admins")).await;
    let is_administrator = || async {
        match stage.world.admin(AdminRequest::UserList).await {
            AdminAnswer::Users { users } => {
                users.iter().any(|user| user.name == "carol" && user.administrator)
            }
            other => panic!("{other:?}"),
        }
    };
    let as_administrator = |claims: &mut Value| claims["groups"] = json!(["admins"]);
    stage.with_claims(|_| {}).await;
    assert!(!is_administrator().await);
    stage.with_claims(as_administrator).await;
    assert!(is_administrator().await);
    stage.with_claims(|_| {}).await;
    assert!(!is_administrator().await, "root is there");
    stage.with_claims(as_administrator).await;
    let demote = AdminRequest::UserSet {
        user: "root".into(),
        password: None,
        administrator: Some(false),
        disabled: None,
        system_user: None,
        upload_rate: None,
        download_rate: None,
    };
    stage.world.do_admin(demote).await;
    assert_eq!(stage.with_claims(|_| {}).await.status, StatusCode::CREATED);
    assert!(is_administrator().await, "she is the last one");
}

#[tokio::test]
async fn who_has_no_password_stays_who_they_are() {
    let stage = Stage::start().await;
    let answer = stage.with_claims(|_| {}).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let carol = Api { token: Some(cookie.split_once('=').unwrap().1.to_owned()), ..stage.world.nobody() };
    let session: Value = carol.get("/api/v1/session").await.parse();
    assert_eq!(session["has_password"], false);
    assert_refused(&carol.call(Method::DELETE, OWN).await, "last_way");
    // No password is as good as none; a session of just now stands for it.
    let body = json!({ "user": "carol", "password": "", "browser": "F" });
    stage.post("/api/v1/session", &body, &[]).await.assert_problem(ProblemKind::SignInFailed);
    let set = json!({ "old": "", "new": PASSWORD });
    assert_eq!(carol.json(Method::PUT, "/api/v1/password", &set).await.status, StatusCode::NO_CONTENT);
    assert_eq!(carol.call(Method::DELETE, OWN).await.status, StatusCode::NO_CONTENT);
    stage.world.link("carol", "laptop").await;
}

#[tokio::test]
async fn the_secret_is_never_said_and_goes_to_nobody_else() {
    let stage = Stage::start().await;
    let answer = stage.root.get(ADMIN).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET));
    let tag = answer.header("etag").to_owned();
    assert!(answer.parse::<SingleSignOnResponse>().has_secret);
    let mut chosen = settings(&stage.provider.issuer);
    chosen["button"] = json!("Other");
    let body = json!({ "chosen": chosen }).to_string();
    let request = put_request(&stage.root, &tag).body(Full::<bytes::Bytes>::from(body)).unwrap();
    let answer = stage.root.send(request).await;
    assert!(answer.parse::<SingleSignOnResponse>().has_secret, "it stays for the same provider");
    let stale = put_request(&stage.root, &tag).body(Full::<bytes::Bytes>::from("{}")).unwrap();
    stage.root.send(stale).await.assert_problem(ProblemKind::PreconditionFailed);
    let thief = Provider::start().await;
    chosen["issuer"] = json!(thief.issuer);
    let answer = stage.root.json(Method::PUT, ADMIN, &json!({ "chosen": chosen })).await;
    assert!(!answer.parse::<SingleSignOnResponse>().has_secret, "it is not another provider's");
    let files = std::fs::read_dir(stage.world.directory.path()).unwrap();
    for file in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{file:?}");
    }
    for (member, bad) in [
        ("issuer", json!("http://id.example.org")),
        ("issuer", json!("javascript:alert(1)")),
        ("client_id", json!("")),
        ("button", json!("a\nb")),
        ("scopes", json!(["a b"])),
        ("groups_claim", json!("")),
    ] {
        let mut chosen = settings(&stage.provider.issuer);
        chosen[member] = bad;
        let answer = stage.root.json(Method::PUT, ADMIN, &json!({ "chosen": chosen })).await;
        answer.assert_problem(ProblemKind::Invalid);
    }
    let mut chosen = settings(&stage.provider.issuer);
    chosen["groups"] = json!([{ "there": "x", "group": "gfff" }]);
    stage
        .root
        .json(Method::PUT, ADMIN, &json!({ "chosen": chosen }))
        .await
        .assert_problem(ProblemKind::NotFound);
}

fn put_request(root: &Api, tag: &str) -> http::request::Builder {
    root.request(Method::PUT, ADMIN)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::IF_MATCH, tag)
}

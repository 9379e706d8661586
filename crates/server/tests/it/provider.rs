//! A provider of single sign-on that lies: for what no real one does. The good way is shown against a real one, by the
//! stories of the page (`crates/web/ui/e2e/sso.spec.ts`).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

pub(crate) const CLIENT: &str = "driftless";
pub(crate) const KEY_ID: &str = "key-1";

/// What it answers at one address instead of what it should.
#[derive(Debug, Clone)]
pub(crate) enum Lie {
    Say(Value),
    Status(StatusCode),
    RedirectTo(String),
    /// So many bytes.
    Endless(usize),
    Slow(Duration),
}

type Lies = Arc<Mutex<Vec<(&'static str, Lie)>>>;

pub(crate) struct Provider {
    pub(crate) issuer: String,
    key: EcdsaKeyPair,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    issuer: String,
    lies: Lies,
    jwks: Arc<Mutex<Value>>,
    token: Arc<Mutex<Value>>,
    /// Addresses that were asked for, with their bodies.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = new_key();
        let shared = Shared {
            issuer: issuer.clone(),
            lies: Lies::default(),
            jwks: Arc::new(Mutex::new(jwks(&key, KEY_ID))),
            token: Arc::default(),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, key, shared }
    }

    pub(crate) fn lie(&self, at: &'static str, lie: Lie) {
        let mut lies = self.shared.lies.lock().unwrap();
        lies.retain(|(other, _)| *other != at);
        lies.push((at, lie));
    }

    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Takes another key, as if the old one had leaked.
    pub(crate) fn rotate(&mut self, key_id: &str) {
        self.key = new_key();
        *self.shared.jwks.lock().unwrap() = jwks(&self.key, key_id);
    }

    /// Claims of a token that is as it should be.
    pub(crate) fn claims(&self, nonce: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "person-1", "nonce": nonce,
            "iat": now, "exp": now + 300, "preferred_username": "carol", "groups": ["staff"],
        })
    }

    /// What the next code is worth: a token of these claims, as it should be signed.
    pub(crate) fn vouch(&self, claims: &Value) {
        self.hand_out(&self.sign(&json!({ "alg": "ES256", "kid": KEY_ID }), claims));
    }

    pub(crate) fn sign(&self, head: &Value, claims: &Value) -> String {
        let text =
            format!("{}.{}", base64(head.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", base64(signature.as_ref()))
    }

    pub(crate) fn hand_out(&self, token: &str) {
        *self.shared.token.lock().unwrap() =
            json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": token });
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.key.public_key().as_ref().to_vec()
    }
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn jwks(key: &EcdsaKeyPair, key_id: &str) -> Value {
    let point = key.public_key().as_ref();
    json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id,
        "x": base64(&point[1..33]), "y": base64(&point[33..]),
    }] })
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    shared.asked.lock().unwrap().push((path.clone(), String::from_utf8_lossy(&body).into_owned()));
    let lie = shared.lies.lock().unwrap().iter().find(|(at, _)| *at == path).map(|(_, lie)| lie.clone());
    match lie {
        Some(Lie::Say(value)) => said(&value),
        Some(Lie::Status(status)) => status.into_response(),
        Some(Lie::RedirectTo(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Some(Lie::Endless(bytes)) => Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(vec![b' '; bytes]))
            .unwrap(),
        Some(Lie::Slow(time)) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
        None => said(&match path.as_str() {
            "/.well-known/openid-configuration" => discovery(&shared.issuer),
            "/jwks" => shared.jwks.lock().unwrap().clone(),
            "/token" => shared.token.lock().unwrap().clone(),
            "/userinfo" => json!({ "sub": "person-1", "groups": ["told"], "preferred_username": "carol" }),
            _ => return StatusCode::NOT_FOUND.into_response(),
        }),
    }
}

fn said(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

pub(crate) fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    })
}

/// Of URLs, without padding (RFC 4648, 5).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let groups = bytes.chunks(3).flat_map(|group| {
        let number = (0..3).fold(0_u32, |all, at| all << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        (0..=group.len()).map(move |at| char::from(SIGNS[(number >> (18 - 6 * at) & 63) as usize]))
    });
    groups.collect()
}

//! Holds answers against the API document: what a door says and the document does not allow fails the test that saw it.
//!
//! Stricter than the document is for its readers: members that it does not name are allowed to them (later servers may
//! have more), but not here.

use crate::world::Answer;
use http::Method;
use jsonschema::Validator;
use protocol::{BUNDLE_MEDIA_TYPE, PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(server::api_document()).unwrap());

/// What to do about a difference.
const REMEDY: &str = "the `#[utoipa::path]` beside the endpoint (crates/server/src/api) or the type \
                      (crates/protocol/src/v1) is not what the code does: make them agree, then `cargo xtask openapi`";

#[track_caller]
pub(crate) fn assert_answer(method: &Method, path: &str, answer: &Answer) {
    if let Err(difference) = check_answer(&DOCUMENT, method, path, answer) {
        panic!("{method} {path}: {difference}; {REMEDY}\n{answer:?}");
    }
}

/// For a request that was taken.
#[track_caller]
pub(crate) fn assert_request(method: &Method, path: &str, body: &Value) {
    let path = path.split('?').next().unwrap();
    let (_, operation) = operation(&DOCUMENT, method, path).unwrap();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Err(error) = validator(&DOCUMENT, schema.clone()).validate(body) {
        panic!("{method} {path} was taken with a body that the document refuses: {error}; {REMEDY}\n{body}");
    }
}

/// The operation that an address leads to, with the path it is described under.
pub(crate) fn operation<'a>(
    document: &'a Value,
    method: &Method,
    path: &str,
) -> Option<(&'a str, &'a Value)> {
    let verb = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let paths = document["paths"].as_object().unwrap();
    let (template, item) = paths.iter().find(|(template, _)| fits(template))?;
    Some((template, item.get(&verb)?))
}

/// What is described here or where it refers to.
pub(crate) fn resolve<'a>(document: &'a Value, described: &'a Value) -> &'a Value {
    match described["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
        None => described,
    }
}

pub(crate) fn check_answer(
    document: &Value,
    method: &Method,
    path: &str,
    answer: &Answer,
) -> Result<(), String> {
    let media = answer.header("content-type");
    let Some((_, operation)) = operation(document, method, path) else {
        // Beside the API stands the page, whose policy gives it away.
        if !path.starts_with("/api") && answer.header("content-security-policy").contains("trusted-types ") {
            return Ok(());
        }
        // Guests are turned away whatever there is.
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status == 403 && (text.contains("nothing but links") || text.contains("only links")) {
            return Ok(());
        }
        // Nothing is there; that is said in one of two ways.
        let problem: Problem =
            serde_json::from_slice(&answer.body).unwrap_or_else(|_| Problem::new(ProblemKind::NotFound));
        let known = matches!(problem.kind(), Some(ProblemKind::NotFound | ProblemKind::MethodNotAllowed));
        return if known && problem.status == answer.status.as_u16() {
            Ok(())
        } else {
            Err(format!("no operation is described here, and yet it is answered with {}", answer.status))
        };
    };
    let described = operation["responses"]
        .get(answer.status.as_str())
        .ok_or_else(|| format!("the status {} is not described", answer.status))?;
    let described = resolve(document, described);
    check_headers(document, described, answer)?;
    let Some(content) = described["content"].as_object() else {
        return if answer.body.is_empty() { Ok(()) } else { Err("no body is described".to_owned()) };
    };
    let schema = content.get(media).ok_or_else(|| format!("the type `{media}` is not described"))?;
    if method == Method::HEAD {
        return Ok(());
    }
    if media == "application/json" || media == PROBLEM_MEDIA_TYPE {
        let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let mut schema = schema["schema"].clone();
        close(&mut schema);
        validator(document, schema).validate(&body).map_err(|error| {
            format!("the body is not as described: {error} at `{}`", error.instance_path())
        })?;
    } else if media == BUNDLE_MEDIA_TYPE {
        answer.records();
    }
    Ok(())
}

fn check_headers(document: &Value, described: &Value, answer: &Answer) -> Result<(), String> {
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        let header = resolve(document, header);
        let Some(value) = answer.headers.get(name) else {
            return Err(format!("the header `{name}` is missing"));
        };
        let text = value.to_str().map_err(|error| error.to_string())?;
        let integer = header["schema"]["type"] == "integer";
        let value = if integer { text.parse::<u64>().map_or(Value::Null, Value::from) } else { text.into() };
        let valid = validator(document, header["schema"].clone()).is_valid(&value);
        if !valid {
            return Err(format!("the header `{name}: {text}` is not as described"));
        }
    }
    // Whatever else is told in headers that matter must be described.
    for name in ["etag", "retry-after", "www-authenticate", "content-range", "location", "set-cookie"] {
        if answer.headers.contains_key(name) && described["headers"].get(name).is_none() {
            return Err(format!("the header `{name}` is not described"));
        }
    }
    Ok(())
}

type Cache = Mutex<HashMap<String, Arc<Validator>>>;

/// Takes a schema of the document, whose references lead into the document. Made once for each schema.
fn validator(document: &Value, schema: Value) -> Arc<Validator> {
    static MADE: LazyLock<Cache> = LazyLock::new(Cache::default);
    let key = schema.to_string();
    let mut made = MADE.lock().unwrap();
    let make = || {
        let mut components = document["components"]["schemas"].clone();
        components.as_object_mut().unwrap().values_mut().for_each(close_members);
        let mut whole = schema;
        whole["components"]["schemas"] = components;
        Arc::new(jsonschema::draft202012::new(&whole).unwrap())
    };
    Arc::clone(made.entry(key).or_insert_with(make))
}

/// Refuses members that are not described, wherever an object is. Schemas that others refer to stay open themselves and
/// are closed where they are referred to, because the parts of an `allOf` may not refuse each other's members.
fn close(schema: &mut Value) {
    close_members(schema);
    let Some(members) = schema.as_object_mut() else { return };
    let is_object = ["$ref", "properties", "allOf"].iter().any(|name| members.contains_key(*name));
    if is_object && !members.contains_key("additionalProperties") {
        members.insert("unevaluatedProperties".to_owned(), false.into());
    }
}

fn close_members(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::Array(parts) if name == "allOf" => parts.iter_mut().for_each(close_members),
                    _ => close(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn what_is_not_described_is_found() {
    let answer = |status: u16, media: &str, body: Value| {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [
            ("content-type", media),
            ("driftless-epoch", "0123456789abcdef0123456789abcdef"),
            ("x-request-id", "1f-2"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        Answer { status: status.try_into().unwrap(), headers, body: body.to_string().into_bytes() }
    };
    let check = |answer: &Answer| check_answer(&DOCUMENT, &Method::GET, "/api/v1/folders/f1/space", answer);
    let space = json!({
        "current_bytes": 1, "history_bytes": 2, "trash_bytes": 3, "trash_nodes": 4, "versions": 5, "stored_bytes": 6,
        "shared_bytes": 7,
    });
    let good = answer(200, "application/json", space.clone());
    assert_eq!(check(&good), Ok(()));

    let with = |name: &str, value: Value| {
        let mut changed = space.clone();
        changed[name] = value;
        answer(200, "application/json", changed)
    };
    let mut without = space.clone();
    without.as_object_mut().unwrap().remove("versions");
    let mut headless = answer(200, "application/json", space.clone());
    headless.headers.remove("driftless-epoch");
    let problem = |kind| serde_json::to_value(Problem::new(kind)).unwrap();
    let bad = [
        ("a member more", with("more", 1.into())),
        ("a negative size", with("versions", (-1).into())),
        ("a text for a number", with("versions", "1".into())),
        ("a member less", answer(200, "application/json", without)),
        ("another type", answer(200, "text/html", space.clone())),
        ("another status", answer(202, "application/json", space.clone())),
        ("a header less", headless),
        ("a problem of another kind", answer(404, PROBLEM_MEDIA_TYPE, problem(ProblemKind::Refused))),
        ("a problem of another status", answer(410, PROBLEM_MEDIA_TYPE, problem(ProblemKind::CursorExpired))),
    ];
    for (what, answer) in bad {
        assert!(check(&answer).is_err(), "{what} was not found");
    }
    assert_eq!(check(&answer(404, PROBLEM_MEDIA_TYPE, problem(ProblemKind::NotFound))), Ok(()));
    let elsewhere = check_answer(&DOCUMENT, &Method::GET, "/api/v1/secrets", &good);
    assert!(elsewhere.is_err(), "an address that is not described was answered");
}

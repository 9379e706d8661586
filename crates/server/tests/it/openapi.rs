//! The API document: written down, served, and whole.

use crate::described::{DOCUMENT, resolve};
use crate::world::World;
use protocol::{Problem, ProblemKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Every operation: method, path, description.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// Written anew with `DRIFTLESS_BLESS=1`, which is what `cargo xtask openapi` does.
#[test]
fn the_written_document_is_what_the_code_generates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        std::fs::write(&path, server::api_document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let line = written.lines().zip(server::api_document().lines()).find(|(one, other)| one != other);
    assert!(
        written == server::api_document(),
        "docs/openapi.json is not what the code generates: run `cargo xtask openapi` and look at the difference\n{line:?}"
    );
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let world = World::start().await;
    let answer = world.nobody().get("/api/v1/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(String::from_utf8(answer.body).unwrap(), server::api_document());
    let version = DOCUMENT["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1."), "{version}");
}

#[test]
fn every_operation_is_described_whole() {
    let tags: BTreeSet<&str> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let here = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(
            id.contains('_') && !id.contains("::"),
            "{here}: `operation_id = \"verb_object\"` is missing"
        );
        assert!(ids.insert(id.clone()), "{here}: another operation is called {id}, too");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{here}: the tag `{tag}` is not in the list TAGS of openapi.rs");
        for name in ["summary", "description"] {
            let text = operation[name].as_str().unwrap_or_default();
            assert!(
                !text.is_empty(),
                "{here}: its documentation has no {name} (first line, blank line, the rest)"
            );
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string(),
                "{here}: a parameter without a word on it: {parameter}"
            );
            assert!(parameter["schema"].is_object(), "{here}: a parameter without a schema: {parameter}");
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(
            answers.keys().any(|status| status.starts_with(['1', '2', '3'])),
            "{here}: no answer but problems"
        );
        for (status, answer) in answers {
            assert!(status.parse::<u16>().is_ok(), "{here}: `{status}` is neither a status nor a problem");
            let text = resolve(&DOCUMENT, answer)["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{here}: {status}");
        }
        let open = operation["security"] == serde_json::json!([]);
        assert_eq!(
            open,
            !answers.contains_key("401") || SIGNING_IN.contains(&id.as_str()),
            "{here}: {}",
            operation["security"]
        );
    }
}

/// They answer 401 and need no token.
const SIGNING_IN: [&str; 5] =
    ["link_device", "open_session", "finish_session", "sign_in_by_passkey", "sign_in_by_single_sign_on"];

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_one() {
    fn look(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    references.insert(to.clone());
                }
                members.values().for_each(|member| look(member, references));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, references)),
            _ => {}
        }
    }
    let mut references = BTreeSet::new();
    look(&DOCUMENT, &mut references);
    for to in &references {
        assert!(DOCUMENT.pointer(to.trim_start_matches('#')).is_some(), "{to} leads nowhere");
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{name}: no word on what it is");
        let used = references.contains(&format!("#/components/schemas/{name}"));
        assert!(
            used || ["Problem", "RightsChanged", "Wake"].contains(&&**name),
            "{name}: nothing refers to it"
        );
    }
}

#[test]
fn every_problem_is_in_the_document() {
    let mapping = &DOCUMENT["components"]["schemas"]["Problem"]["discriminator"]["mapping"];
    for kind in ProblemKind::ALL {
        assert!(mapping[Problem::new(kind).r#type].is_string(), "{kind:?}");
    }
    assert_eq!(mapping.as_object().unwrap().len(), ProblemKind::ALL.len());
}

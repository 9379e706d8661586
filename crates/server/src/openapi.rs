//! The API document (OpenAPI 3.1), made from the router and what stands beside the endpoints.
//!
//! Every endpoint has a `#[utoipa::path]`, and the router is built of those alone ([`crate::router`]), so that an
//! address is served if and only if it is described. What is the same everywhere is said once, here: parameters of the
//! address, headers of every answer, who must show a token, and what problems look like ([`problems`]).
//!
//! `docs/openapi.json` is this document; `cargo xtask openapi` writes it anew. The tests of the doors hold every
//! answer they see against it.

pub(crate) mod problems;

use protocol::schema;
use protocol::{PROBLEM_MEDIA_TYPE, ProblemKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::PartialSchema as _;
use utoipa::openapi::{Info, OpenApi};

/// What the document says of the whole, before any operation is in it.
pub(crate) fn frame() -> OpenApi {
    let mut info = Info::new("Driftless", "1");
    info.description = Some(
        "Shared folders, their changes and their history. Names are `snake_case`, ids opaque texts, moments RFC 3339 in \
         UTC, sizes bytes. Requests refuse members they do not know; answers may get new ones. Beside what each operation \
         says, and beside the web page, an address that is not here is 404 `not_found`, another method 405 `method_not_allowed`, and a head over \
         64 headers or 32 KiB 431 without a body. `docs/api.md` is the guide, `docs/bundle-format.md` the format of \
         bundles."
            .to_owned(),
    );
    let mut license = utoipa::openapi::License::new("Apache-2.0 OR MIT");
    license.identifier = Some("Apache-2.0 OR MIT".to_owned());
    info.license = Some(license);
    OpenApi::new(info, utoipa::openapi::Paths::new())
}

/// The whole document, from what the router has gathered.
pub(crate) fn complete(gathered: &OpenApi) -> Value {
    let mut document = serde_json::to_value(gathered).expect("it has string keys only");
    document["tags"] = TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect();
    let mut refusals = Map::new();
    let operations: Vec<(String, &mut Value)> = document["paths"]
        .as_object_mut()
        .into_iter()
        .flatten()
        .flat_map(|(path, item)| {
            item.as_object_mut().into_iter().flatten().map(|(_, operation)| (path.clone(), operation))
        })
        .collect();
    for (path, operation) in operations {
        add_address_parameters(&path, operation);
        if !crate::setup::is_open(&path) {
            operation["responses"][ProblemKind::NotSetUp.slug()] = json!({});
        }
        if !crate::guests::is_for_guests(&path) {
            operation["responses"][ProblemKind::Forbidden.slug()] = json!({});
        }
        complete_answers(operation, &mut refusals);
    }
    let components = &mut document["components"];
    components["responses"] = refusals.into();
    components["securitySchemes"] = json!({ "device_token": {
        "type": "http", "scheme": "bearer", "description": "The token that linking the device gave (`drl_dev_…`).",
    }, "session": {
        "type": "apiKey", "in": "cookie", "name": crate::cookie::SECURE_NAME,
        "description": "A browser's, given by `open_session`. Believed of the server's own page only, by Fetch Metadata; \
            without TLS on the server's own machine its name is `driftless`.",
    }});
    components["headers"] = headers();
    for (name, text) in addressed_schemas() {
        components["schemas"][name] = text;
    }
    for kind in ProblemKind::ALL {
        components["schemas"][schema::problem_name(kind)] =
            serde_json::to_value(schema::problem(kind)).expect("it has string keys only");
    }
    components["schemas"]["Problem"] = any_problem();
    mend(&mut document);
    sorted(document)
}

/// The document as text, the same bytes for the same code.
pub(crate) fn text(document: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(document).expect("it has string keys only"))
}

const TAGS: &[(&str, &str)] = &[
    ("server", "Who answers, and whether it does."),
    ("devices", "Linking devices, one's own devices, unlinking them."),
    ("setup", "The first administrator."),
    ("session", "Signing in with a browser."),
    ("account", "What guards one's own account."),
    ("folders", "Shared folders and what they take."),
    ("changes", "What has changed, and being told of it."),
    ("commits", "Sending changes and the bytes they need."),
    ("content", "Bytes of files."),
    ("links", "Links for strangers, and what is shared."),
    ("administration", "What administrators see and decide."),
    ("history", "Versions, the trash, and folders as they were."),
];

/// Parameters of addresses. A text of another form names nothing: 404.
const IN_ADDRESS: &[(&str, &str, &str)] = &[
    ("app_password", "DeviceId", "The app password."),
    ("folder", "FolderId", "The shared folder."),
    ("passkey", "PasskeyId", "The passkey."),
    ("node", "NodeId", "The node; `n1` is the folder's root."),
    ("upload", "UploadId", "The upload."),
    ("link", "LinkId", "The link."),
    ("token", "LinkToken", "The link, by the token in its address."),
    ("user", "UserId", "The account."),
    ("group", "GroupId", "The group."),
    ("device", "DeviceId", "The device."),
    ("version", "", "The number of the version."),
    ("nonce", "Nonce", "The attempt."),
];

fn add_address_parameters(path: &str, operation: &mut Value) {
    let named: Vec<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let parameters = named.into_iter().map(|name| {
        let row = IN_ADDRESS.iter().find(|row| row.0 == name);
        let (_, of, text) = row
            .unwrap_or_else(|| panic!("`{{{name}}}` of {path} is not in the list IN_ADDRESS of openapi.rs"));
        let of = match *of {
            "" => json!({ "type": "integer", "format": "uint64", "minimum": 0 }),
            of => reference("schemas", of),
        };
        json!({ "name": name, "in": "path", "required": true, "description": text, "schema": of })
    });
    let mut all: Vec<Value> = parameters.collect();
    all.extend(operation["parameters"].as_array().into_iter().flatten().cloned());
    for parameter in &mut all {
        // What is not given is left out: there is no null in an address or a header.
        if let Some(types) = parameter["schema"]["type"].as_array() {
            parameter["schema"]["type"] = types[0].clone();
        }
    }
    if !all.is_empty() {
        operation["parameters"] = all.into();
    }
}

/// Turns the problems that an operation names by their slugs into answers by status (which several operations share),
/// gives every answer the headers that all have, and says whether a token is needed: it is where an answer says that
/// there is none.
fn complete_answers(operation: &mut Value, refusals: &mut Map<String, Value>) {
    let Some(answers) = operation["responses"].as_object_mut() else { return };
    let mut problems: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    let mut complete = Map::new();
    for (key, answer) in std::mem::take(answers) {
        match ProblemKind::ALL.into_iter().find(|kind| kind.slug() == key) {
            Some(kind) => problems.entry(kind.status()).or_default().push(kind),
            None => drop(complete.insert(key, answer)),
        }
    }
    let open = !problems.values().flatten().any(|kind| *kind == ProblemKind::Unauthenticated);
    for (status, mut kinds) in problems {
        kinds.sort_by_key(|kind| kind.slug());
        let names: Vec<String> = kinds.iter().map(|kind| format!("{kind:?}")).collect();
        let name = names.join("Or");
        complete.insert(status.to_string(), reference("responses", &name));
        refusals.insert(name, with_common_headers(problem_answer(&kinds)));
    }
    for answer in complete.values_mut().filter(|answer| answer.get("$ref").is_none()) {
        *answer = with_common_headers(answer.take());
    }
    *answers = complete;
    operation["security"] = if open { json!([]) } else { json!([{ "device_token": [] }, { "session": [] }]) };
}

fn with_common_headers(mut answer: Value) -> Value {
    for name in ["driftless-epoch", "x-request-id", "x-content-type-options", "cache-control"] {
        let own = answer["headers"].get(name).is_some();
        if !own {
            answer["headers"][name] = reference("headers", name);
        }
    }
    answer
}

fn problem_answer(kinds: &[ProblemKind]) -> Value {
    let text: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}.", kind.slug(), kind.title())).collect();
    let mut schemas: Vec<Value> =
        kinds.iter().map(|kind| reference("schemas", &schema::problem_name(*kind))).collect();
    let of = if schemas.len() == 1 { schemas.remove(0) } else { json!({ "oneOf": schemas }) };
    let mut answer =
        json!({ "description": text.join(" "), "content": { PROBLEM_MEDIA_TYPE: { "schema": of } } });
    match kinds[0] {
        ProblemKind::TooManyRequests | ProblemKind::Unavailable | ProblemKind::NotSetUp => {
            answer["headers"]["retry-after"] = reference("headers", "retry-after");
        }
        kind if kind.status() == 401 => {
            answer["headers"]["www-authenticate"] = reference("headers", "www-authenticate");
        }
        _ => {}
    }
    answer
}

fn headers() -> Value {
    let header = |text: &str, of: Value| json!({ "description": text, "required": true, "schema": of });
    let only = |word: &str| json!({ "type": "string", "const": word });
    json!({
        "driftless-epoch": header("The server's lineage.", reference("schemas", "Epoch")),
        "x-request-id": header(
            "Names the request in the server's log.",
            json!({ "type": "string", "pattern": "^[0-9a-f]+-[0-9a-f]+$" }),
        ),
        "x-content-type-options": header("The type is as it is said.", only("nosniff")),
        "cache-control": header("Nobody may keep the answer.", only("no-store")),
        "retry-after": header("Seconds to wait.", json!({ "type": "integer", "minimum": 1 })),
        "www-authenticate": header("A token is wanted.", only("Bearer")),
    })
}

/// Schemas that only parameters and headers name.
fn addressed_schemas() -> [(&'static str, Value); 12] {
    let of =
        |schema| serde_json::to_value::<utoipa::openapi::RefOr<_>>(schema).expect("it has string keys only");
    [
        ("FolderId", of(schema::FolderId::schema())),
        ("NodeId", of(schema::NodeId::schema())),
        ("LinkId", of(schema::LinkId::schema())),
        ("LinkToken", of(schema::LinkToken::schema())),
        ("UploadId", of(schema::UploadId::schema())),
        ("Nonce", of(schema::Nonce::schema())),
        ("Epoch", of(schema::Epoch::schema())),
        ("ChunkId", of(schema::ChunkId::schema())),
        ("Refusal", of(schema::Refusal::schema())),
        ("SingleSignOnReason", of(schema::SingleSignOnReason::schema())),
        ("Wake", of(protocol::v1::Wake::schema())),
        ("RightsChanged", of(protocol::v1::RightsChanged::schema())),
    ]
}

/// A problem of any kind, as a record of a bundle has it too.
fn any_problem() -> Value {
    let name = |kind| reference("schemas", &schema::problem_name(kind));
    let mapping: Map<String, Value> = ProblemKind::ALL
        .into_iter()
        .map(|kind| (protocol::Problem::new(kind).r#type, name(kind)["$ref"].clone()))
        .collect();
    json!({
        "description": "A refusal (RFC 9457). A refused request has changed nothing. `type` is stable.",
        "oneOf": ProblemKind::ALL.map(name),
        "discriminator": { "propertyName": "type", "mapping": mapping },
    })
}

fn reference(of: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{of}/{name}") })
}

/// Descriptions come from documentation, where names of the code are links; and the registry of formats spells one of
/// them otherwise than the generator.
fn mend(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" || name == "summary" => {
                        *text = text.replace("[`", "`").replace("`]", "`");
                    }
                    Value::String(text) if name == "format" && text == "u-int64" => {
                        *text = "uint64".to_owned();
                    }
                    _ => mend(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mend),
        _ => {}
    }
}

/// The same order of members whatever the features of `serde_json`.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(name, member)| (name, sorted(member))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

//! Texts of the web API as the API document describes them: ids, moments and closed lists of words.
//!
//! The types here have no values. They stand in `#[schema(value_type = …)]` and in parameters for what travels as a
//! text, so that each kind of text has one name and one pattern in the document.

use crate::{Problem, ProblemKind};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

fn text(pattern: &str, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).description(Some(description))
}

fn words(list: &[&str], description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(list.iter().copied()))
}

macro_rules! described {
    ($($name:ident = $object:expr;)*) => {$(
        #[doc = concat!("How `", stringify!($name), "` looks in JSON.")]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object: ObjectBuilder = $object;
                RefOr::T(Schema::Object(object.build()))
            }
        }

        impl ToSchema for $name {}
    )*};
}

described! {
    FolderId = text("^f(0|[1-9a-f][0-9a-f]{0,15})$", "A shared folder.");
    NodeId = text(
        "^n(0|[1-9a-f][0-9a-f]{0,15})$",
        "A node of a folder. `n1` is the folder's root, and no node is `n0`.",
    );
    UserId = text("^u(0|[1-9a-f][0-9a-f]{0,15})$", "A person's account.");
    GroupId = text("^g(0|[1-9a-f][0-9a-f]{0,15})$", "A group of users.");
    SubjectId = text("^[ug](0|[1-9a-f][0-9a-f]{0,15})$", "An account or a group: whoever may hold a privilege.");
    Network = text(
        "^[0-9a-fA-F:.]{2,45}(/[0-9]{1,3})?$",
        "An address, or an address and a number of bits, such as `10.0.0.0/8` or `fd00::/8`.",
    );
    DeviceId = text("^d(0|[1-9a-f][0-9a-f]{0,15})$", "A client installation linked to an account.");
    LinkId = text("^l(0|[1-9a-f][0-9a-f]{0,15})$", "A link for strangers, to those who manage it.");
    LinkToken = text("^[0-9a-f]{32}$", "What strangers show: 128 random bits in the address of a link.");
    Epoch = text("^[0-9a-f]{32}$", "The server's lineage; it changes when a server is restored from a backup.");
    UploadId = text("^[0-9a-f]{32}$", "An open upload: 128 random bits.");
    Nonce = text("^[0-9a-f]{32}$", "128 random bits that name one attempt of a server to reach itself.");
    ViewId = text("^[0-9a-f]{32}$", "A view of a folder, named by what it is.");
    IdempotencyKey = text(
        "^[0-9a-f]{32}$",
        "128 random bits that name one attempt to change something. The same key with the same request is answered \
         with the stored result for 30 days; with another request it is `idempotency_mismatch`.",
    );
    ChunkId = text("^[0-9a-f]{64}$", "A chunk: BLAKE3 of its plain bytes.");
    Cursor = text(
        "^c1[0-9a-f]{96}$",
        "How far a pair has pulled. Opaque: keep it and send it back as it was given.",
    );
    PasskeyId = text("^k(0|[1-9a-f][0-9a-f]{0,15})$", "A passkey.");
    CeremonyId = text("^[0-9a-f]{32}$", "An attempt to use or to make a passkey: 128 random bits.");
    AppPassword = text("^drl_app_[!-~]+$", "What a program shows. Said once, kept by nobody but the program.");
    PendingSignIn = text("^drl_pnd_[!-~]+$", "Half a sign-in. It is no token.");
    DeviceToken = text("^drl_dev_[!-~]+$", "What every request shows. Said once, kept by nobody but the device.");
    DeviceCode = text("^drl_code_[!-~]+$", "What a device that waits to be linked polls with.");
    UserCode = text(
        "^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$",
        "What a device that waits to be linked shows, to be typed elsewhere.",
    );
    Timestamp = text(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$",
        "A moment (RFC 3339) in UTC, from 1677-09-21 to 2262-04-11.",
    )
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    NodeKind = words(&["directory", "file", "link"], "What a node is.");
    Refusal = words(&crate::bundle::wire::REFUSALS.map(refusal_word), "Why an operation was refused.");
    DifferenceWord = words(
        &["added", "removed", "changed", "moved"],
        "How a node differs. `changed` and `moved` may come together.",
    );
    SingleSignOnReason = words(crate::v1::SingleSignOnReason::WORDS, "Why single sign-on came to nothing.");
    KeptReason = words(
        &["changed_by_others", "in_use", "impossible"],
        "Why a node was left as it is: somebody else has changed it after; it holds something that stays; it would be \
         below itself, or its path too long.",
    );
    Bundle = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some(
            "A stream of length-framed records. The format and the records of each call are in `docs/bundle-format.md`.",
        ));
    Html = ObjectBuilder::new().schema_type(Type::String).description(Some("A page for people."));
    Bytes = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some("The bytes of a file."));
}

/// A reason as a word, as JSON has it.
#[must_use]
pub fn refusal_word(reason: model::Refusal) -> &'static str {
    use model::Refusal;
    match reason {
        Refusal::Stale => "stale",
        Refusal::Gone => "gone",
        Refusal::NameTaken => "name_taken",
        Refusal::Forbidden => "forbidden",
        Refusal::Quota => "quota",
        Refusal::TooLarge => "too_large",
        Refusal::BadName => "bad_name",
        Refusal::ChunkMissing => "chunk_missing",
        Refusal::Dependency => "dependency",
        Refusal::Held => "held",
    }
}

/// Members that problems of a kind have beside those that all have: name, schema, whether always.
fn own_members(kind: ProblemKind) -> Vec<(&'static str, RefOr<Schema>, bool)> {
    let of_type = |kind, description: &str| {
        RefOr::T(Schema::Object(
            ObjectBuilder::new().schema_type(kind).description(Some(description)).build(),
        ))
    };
    let limit = |always| {
        vec![
            ("limit", of_type(Type::String, "The limit's name."), always),
            ("maximum", of_type(Type::Integer, "What the limit allows."), always),
        ]
    };
    let retry_after = |always| {
        ("retry_after", of_type(Type::Integer, "Seconds to wait; the header `retry-after` too."), always)
    };
    match kind {
        ProblemKind::TooLarge => limit(true),
        ProblemKind::TooManyRequests => [limit(false), vec![retry_after(true)]].concat(),
        ProblemKind::Unavailable | ProblemKind::NotSetUp => vec![retry_after(true)],
        ProblemKind::RangeNotSatisfiable => {
            vec![("size", of_type(Type::Integer, "How many bytes there are."), true)]
        }
        ProblemKind::WrongChunk => {
            vec![("chunk", Ref::from_schema_name("ChunkId").into(), false)]
        }
        ProblemKind::WipeOrdered => vec![("epoch", Ref::from_schema_name("Epoch").into(), true)],
        ProblemKind::NotFound => {
            let since = "The first number of the journal from which the folder's past is whole.";
            vec![
                ("covered_since", of_type(Type::Integer, since), false),
                ("upload", Ref::from_schema_name("UploadId").into(), false),
            ]
        }
        ProblemKind::Invalid => {
            let base = "The content that a manifest is based on and the folder does not hold.";
            vec![("base", of_type(Type::String, base), false)]
        }
        ProblemKind::Refused => vec![("reason", Ref::from_schema_name("Refusal").into(), true)],
        ProblemKind::NoPreview => {
            let why = "Why: `unsupported`, `damaged`, `too_large`, `too_slow`, `protected`, `no_such_page`, `off` or `not_sandboxed`.";
            vec![("reason", of_type(Type::String, why), true)]
        }
        ProblemKind::SingleSignOnFailed => {
            vec![("reason", Ref::from_schema_name("SingleSignOnReason").into(), true)]
        }
        _ => Vec::new(),
    }
}

/// The name of the schema of problems of a kind, such as `CursorExpiredProblem`.
#[must_use]
pub fn problem_name(kind: ProblemKind) -> String {
    format!("{kind:?}Problem")
}

/// What problems of a kind look like.
#[must_use]
pub fn problem(kind: ProblemKind) -> Schema {
    let one = |value: serde_json::Value, of: Type| {
        Object::from(ObjectBuilder::new().schema_type(of).enum_values(Some([value])))
    };
    let mut object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(format!("{}.", kind.title())))
        .property("type", one(Problem::new(kind).r#type.into(), Type::String))
        .required("type")
        .property(
            "title",
            ObjectBuilder::new().schema_type(Type::String).description(Some("The kind in words.")),
        )
        .required("title")
        .property("status", one(kind.status().into(), Type::Integer))
        .required("status")
        .property(
            "detail",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("What happened this time and what to do.")),
        )
        .property(
            "request_id",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("Names the request in the server's log, as the header does.")),
        );
    for (name, schema, always) in own_members(kind) {
        object = object.property(name, schema);
        if always {
            object = object.required(name);
        }
    }
    Schema::Object(object.build())
}

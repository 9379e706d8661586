//! `GET /api/v1/search?text=&folder=&kind=&size_min=&modified_since=&after=&limit=`: names that hold a text.

use crate::api::folders::past::kind_word;
use crate::caller::{Caller, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::node::NamePlace;
use model::permit::Read;
use model::{Action, FolderId, Kind, NAME_BYTES_MAX, NameKey, NodeId, Permit, Privilege, RelativePath};
use protocol::RfcTime;
use protocol::schema;
use protocol::v1::{SearchEntry, SearchResponse};
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;
use versioning::search::{Hit, Place, Search, search as find};

/// The most entries of a page.
const PAGE_ENTRIES: usize = 1_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Part of the name, in any case; 1 to 255 bytes.
    text: String,
    /// Only in this folder; in all that one may read if not given.
    #[param(value_type = Option<schema::FolderId>, nullable = false)]
    folder: Option<String>,
    /// Only nodes of this kind.
    #[param(value_type = Option<schema::NodeKind>, nullable = false)]
    kind: Option<String>,
    /// Only files of so many bytes or more.
    #[param(nullable = false)]
    size_min: Option<u64>,
    /// Only what was modified at this moment or later.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    modified_since: Option<String>,
    /// To go on: `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 1,000 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// Names that hold a text
///
/// In one folder, or in all that one may read; by folder, directory and name. Removed nodes are not found. One call looks at
/// a bounded number of names: go on with `next` until there is none.
#[utoipa::path(
    get,
    path = "/search",
    operation_id = "search_names",
    tag = "folders",
    params(Query),
    responses(
        (status = 200, description = "What was found.", body = SearchResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn search(
    State(server): State<Arc<Server>>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<SearchResponse>, Failure> {
    if query.text.is_empty() || query.text.len() > NAME_BYTES_MAX {
        return Err(Failure::invalid("'text' has 1 to 255 bytes."));
    }
    let search = Search {
        permits: permits(&server, &caller, query.folder.as_deref()).await?,
        kind: query.kind.as_deref().map(kind).transpose()?,
        size_min: query.size_min.unwrap_or(0).min(i64::MAX as u64),
        modified_since: query.modified_since.as_deref().map(moment).transpose()?,
        after: query.after.as_deref().map(place).transpose()?,
        limit: query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES),
        text: query.text,
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let found = server.reading(move || Ok(find(&*database, search)?)).await?;
    Ok(Json(SearchResponse {
        entries: found.hits.iter().map(entry).collect(),
        next: found.next.as_ref().map(spelled),
    }))
}

/// For one folder, or for each that the caller may read, by id.
async fn permits(
    server: &Arc<Server>,
    caller: &Caller,
    folder: Option<&str>,
) -> Result<Vec<Permit<Read>>, Failure> {
    let principal = caller.principal;
    if let Some(folder) = folder {
        let folder = folder.parse().map_err(|_| Failure::not_found())?;
        return Ok(vec![server.permit::<Read>(principal, folder, Action::List).await?]);
    }
    let held = server.read(move |snapshot| snapshot.privileges(principal.user)).await?;
    let held = held.into_iter().filter(|(_, privilege)| *privilege >= Privilege::Read);
    let mut permits = Vec::new();
    for (folder, _) in held {
        // One that was taken away in between holds nothing.
        permits.extend(server.permit::<Read>(principal, folder, Action::List).await);
    }
    permits.sort_by_key(Permit::folder);
    Ok(permits)
}

fn kind(word: &str) -> Result<Kind, Failure> {
    match word {
        "directory" => Ok(Kind::Directory),
        "file" => Ok(Kind::File),
        "link" => Ok(Kind::Link),
        _ => Err(Failure::invalid("'kind' is `directory`, `file` or `link`.")),
    }
}

fn moment(text: &str) -> Result<model::Timestamp, Failure> {
    let at: Result<RfcTime, _> = text.parse();
    at.map(|at| at.0).map_err(|error| Failure::invalid(format!("'modified_since' is {error}.")))
}

fn entry(hit: &Hit) -> SearchEntry {
    SearchEntry {
        folder: hit.folder,
        node: hit.node.id,
        parent: hit.node.parent,
        name: hit.node.name.as_str().to_owned(),
        path: hit.path.iter().cloned().collect::<RelativePath>().to_string(),
        kind: kind_word(&hit.node.content),
        size: hit.node.content.size(),
        mtime: RfcTime(hit.node.mtime),
    }
}

/// A place as an opaque text: folder, directory and key, the key in hexadecimal digits. It gives no access: what it leads to is
/// searched with the permits of whoever shows it.
fn spelled(place: &Place) -> String {
    let mut text = place.folder.to_string();
    if let Some((directory, key)) = &place.name {
        write!(text, ".{directory}.").expect("writing into a string cannot fail");
        key.0.bytes().for_each(|byte| write!(text, "{byte:02x}").expect("as above"));
    }
    text
}

fn place(text: &str) -> Result<Place, Failure> {
    parse(text).ok_or_else(|| Failure::invalid("'after' is not what a page before gave as `next`."))
}

fn parse(text: &str) -> Option<Place> {
    let mut parts = text.split('.');
    let folder: FolderId = parts.next()?.parse().ok()?;
    let name = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => None,
        (Some(directory), Some(key), None) => Some(name_place(directory, key)?),
        _ => return None,
    };
    Some(Place { folder, name })
}

fn name_place(directory: &str, key: &str) -> Option<NamePlace> {
    let directory: NodeId = directory.parse().ok()?;
    let digits = key.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() || key.len() > 8 * NAME_BYTES_MAX {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    let bytes: Vec<u8> = digits.map(byte).collect::<Option<_>>()?;
    Some((directory, NameKey(String::from_utf8(bytes).ok()?.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_one() {
        let key = NameKey("stra\u{df}e.txt".into());
        for name in [None, Some((NodeId(31), key))] {
            let place = Place { folder: FolderId(10), name };
            assert_eq!(parse(&spelled(&place)), Some(place));
        }
        for bad in ["", "x", "f1.", "f1.n1", "f1.n1.0", "f1.n1.+1", "f1.n1.ff", "f1.n1.61.61", "n1"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}

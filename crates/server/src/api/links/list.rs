//! `GET /api/v1/links`, `GET /api/v1/folders/{f}/links`, `GET /api/v1/links/{l}`.

use super::{answer, entries};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use model::{FolderId, LinkId, Principal};
use protocol::schema;
use protocol::v1::{LinkAnswer, LinksResponse};
use serde::Deserialize;
use std::sync::Arc;
use versioning::link::manage::{self, Listed};

/// The most links of a page.
const PAGE: usize = 200;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// For the next page: `next` of the page before.
    #[param(value_type = Option<schema::LinkId>, nullable = false)]
    after: Option<String>,
    /// The most links of the page; 200 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

impl Query {
    fn bounds(&self) -> Result<(LinkId, usize), Failure> {
        let after = self.after.as_deref().map(str::parse::<LinkId>).transpose();
        let after = after.map_err(|error| Failure::invalid(format!("'after' is {error}.")))?;
        Ok((after.unwrap_or(LinkId(0)), self.limit.unwrap_or(PAGE).clamp(1, PAGE)))
    }
}

async fn page(
    server: &Arc<Server>,
    caller: Principal,
    limit: usize,
    find: impl FnOnce(&Server) -> Result<Vec<Listed>, versioning::Error> + Send + 'static,
) -> Result<Json<LinksResponse>, Failure> {
    let here = Arc::clone(server);
    let links = server
        .reading(move || {
            let found = find(&here)?;
            entries(&*here.database, caller, found)
        })
        .await?;
    let next = links.last().filter(|_| links.len() == limit).map(|link| link.link.to_string());
    Ok(Json(LinksResponse { links, next }))
}

/// Links that the caller has made
///
/// In all folders, by id, without revoked ones.
#[utoipa::path(
    get,
    path = "/links",
    operation_id = "list_links",
    tag = "links",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = LinksResponse),
        problems::Signed,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn mine(
    State(server): State<Arc<Server>>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<LinksResponse>, Failure> {
    let ((after, limit), who, now) = (query.bounds()?, caller.principal, server.now());
    page(&server, who, limit, move |server| manage::made_by(&*server.database, who, after, limit, now)).await
}

/// Links into a folder
///
/// All of them to who manages it, else the caller's own.
#[utoipa::path(
    get,
    path = "/links",
    operation_id = "list_links_of_folder",
    tag = "links",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = LinksResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn of_folder(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<LinksResponse>, Failure> {
    let ((after, limit), who, now) = (query.bounds()?, caller.principal, server.now());
    page(&server, who, limit, move |server| {
        manage::of_folder(&*server.database, who, folder, after, limit, now)
    })
    .await
}

/// One link
///
/// To who made it, manages its folder, or administers the server.
#[utoipa::path(
    get,
    path = "/links/{link}",
    operation_id = "get_link",
    tag = "links",
    responses(
        (status = 200, description = "The link.", body = LinkAnswer, headers(("etag" = String, description = "Its revision."))),
        problems::Signed,
        problems::InFolder
    )
)]
pub(crate) async fn one(
    State(server): State<Arc<Server>>,
    Ids((link,)): Ids<(LinkId,)>,
    caller: Caller,
) -> Result<impl IntoResponse, Failure> {
    let (database, who, now) = (Arc::clone(&server.database), caller.principal, server.now());
    let (headers, link) = server
        .reading(move || {
            let listed = manage::one(&*database, who, link, now)?;
            answer(&*database, who, listed, None)
        })
        .await?;
    Ok((headers, Json(link)))
}

//! `GET /api/v1/link-policy`, `PUT /api/v1/admin/link-policy`.

use crate::body;
use crate::caller::{Administrator, Caller};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use metadata::link::LinkPolicy;
use protocol::v1::LinkPolicyBody;
use std::sync::Arc;

fn wire(policy: LinkPolicy) -> LinkPolicyBody {
    LinkPolicyBody {
        allowed: policy.allowed,
        least_privilege: policy.least.into(),
        password_required: policy.password_required,
        days_max: policy.days_max,
    }
}

/// What administrators say of all links
///
/// So that who makes one knows beforehand.
#[utoipa::path(
    get,
    path = "/link-policy",
    operation_id = "get_link_policy",
    tag = "links",
    responses(
        (status = 200, description = "The policy.", body = LinkPolicyBody),
        problems::Signed
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _caller: Caller,
) -> Result<Json<LinkPolicyBody>, Failure> {
    let policy = server.read(|snapshot| snapshot.link_policy()).await?;
    Ok(Json(wire(policy)))
}

/// Says something else of all links
///
/// It holds for those that exist, too: what is not allowed any more rests.
#[utoipa::path(
    put,
    path = "/link-policy",
    operation_id = "set_link_policy",
    tag = "administration",
    request_body(content = LinkPolicyBody),
    responses(
        (status = 200, description = "The policy from now on.", body = LinkPolicyBody),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn set(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LinkPolicyBody>, Failure> {
    let wanted: LinkPolicyBody = body::json(&server, &headers, body).await?;
    let policy = LinkPolicy {
        allowed: wanted.allowed,
        least: wanted.least_privilege.into(),
        password_required: wanted.password_required,
        days_max: wanted.days_max,
    };
    let (database, now) = (Arc::clone(&server.database), server.now());
    server.blocking(move || Ok(versioning::link::manage::set_policy(&*database, policy)?)).await?;
    let details = [
        ("allowed", policy.allowed.to_string()),
        ("least_privilege", policy.least.as_str().to_owned()),
        ("password_required", policy.password_required.to_string()),
        ("days_max", policy.days_max.map(|days| days.to_string()).unwrap_or_default()),
    ];
    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    server.audit(administrator.by.entry(now, "link.policy", true, details)).await?;
    Ok(Json(wire(policy)))
}

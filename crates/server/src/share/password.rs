//! `POST /s/{token}/password`: a stranger shows the link's password.

use super::refusal::{PageRefusal, Pages, Why, see};
use super::{Stranger, page};
use crate::api::devices::password_turn;
use crate::body::{BodyReader, has_media_type};
use crate::cookie;
use crate::server::Server;
use auth::LinkError;
use auth::public_link::{SHOWN_SECONDS, note_shown, try_password};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::html;
use protocol::schema;
use std::sync::Arc;

/// The longest form.
const FORM_BYTES: usize = 8 << 10;

/// The form, perhaps with what was wrong with the last attempt.
pub(super) fn form(stranger: &Stranger, status: StatusCode, wrong: Option<&str>) -> Response {
    let texts = stranger.texts;
    let body = html! {
        h1 { (texts.password_title) }
        p { (texts.password_wanted) }
        form method="post" action=(format!("{}/password", stranger.base)) {
            @if let Some(wrong) = wrong { p.bad role="alert" { (wrong) } }
            label for="password" { (texts.password) }
            input type="password" id="password" name="password" autocomplete="off" required autofocus;
            button type="submit" { (texts.go_on) }
        }
    };
    page::html(status, texts, texts.password_title, &body)
}

/// Shows a link's password
///
/// For people. Attempts are held back by link and by network. Who has shown it need not again for an hour.
#[utoipa::path(
    post,
    path = "/s/{token}/password",
    operation_id = "show_shared_password",
    tag = "links",
    request_body(content = schema::Html, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "It is the password.", headers(("location" = String, description = "The link's first page."), ("set-cookie" = String, description = "That it was shown, for this link alone."))),
        Pages
    )
)]
pub(crate) async fn password(
    State(server): State<Arc<Server>>,
    stranger: Stranger,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, PageRefusal> {
    if cookie::is_from_elsewhere(&headers) {
        return Err(stranger.refuse(Why::FromElsewhere));
    }
    if stranger.link.password.is_none() {
        return Ok(see(&stranger.base));
    }
    let password = read_password(&server, &stranger, &headers, body).await?;
    let turn = password_turn(&server).await.map_err(|failure| stranger.refuse(failure))?;
    let (database, hasher, now) = (Arc::clone(&server.database), server.hasher.clone(), server.now());
    let (link, address) = (stranger.link.clone(), Some(stranger.peer.0));
    let tried = server
        .blocking(move || Ok(try_password(&*database, &hasher, &link, &password, (address, now))))
        .await
        .map_err(|failure| stranger.refuse(failure))?;
    drop(turn);
    match tried {
        Ok(()) => {
            let note = note_shown(&server.link_key, &stranger.link, now);
            let cookie = cookie::give_link_note(&server, stranger.peer, &stranger.base, &note, SHOWN_SECONDS);
            let mut answer = see(&stranger.base);
            answer.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(answer)
        }
        Err(LinkError::Wrong) => {
            Ok(form(&stranger, StatusCode::FORBIDDEN, Some(stranger.texts.password_wrong)))
        }
        Err(LinkError::TooMany { .. }) => {
            Ok(form(&stranger, StatusCode::TOO_MANY_REQUESTS, Some(stranger.texts.password_often)))
        }
        Err(other) => Err(stranger.refuse(crate::failure::Failure::from(other))),
    }
}

async fn read_password(
    server: &Server,
    stranger: &Stranger,
    headers: &HeaderMap,
    body: Body,
) -> Result<String, PageRefusal> {
    if !has_media_type(headers, "application/x-www-form-urlencoded") {
        return Err(stranger.refuse(Why::Unreadable));
    }
    let mut reader = BodyReader::new(server, body);
    let mut form = Vec::new();
    while let Some(bytes) = reader.next().await.map_err(|failure| stranger.refuse(failure))? {
        if form.len() + bytes.len() > FORM_BYTES {
            reader.drain().await;
            return Err(stranger.refuse(Why::TooLarge));
        }
        form.extend_from_slice(&bytes);
    }
    let found = form_urlencoded::parse(&form).find(|(name, _)| name == "password");
    Ok(found.map(|(_, password)| password.into_owned()).unwrap_or_default())
}

//! Links as strangers see them: pages under `/s/{token}` that need no script and have none.
//!
//! *Always:* whatever is shown or taken passes [`versioning::link`], which decides by the link, what its maker holds, and where
//! the node is. An address that never was, one that has ended and one that was revoked get the same answer in the same way:
//! one look into the database, and no password is ever hashed for them. Texts of others stand in the pages escaped (`maud`);
//! files go out as attachments that no browser opens as a page of this server's. *Never:* a link's token leaves the page: no
//! referrer is sent, nothing comes from elsewhere, and no page may be listed by search engines or kept.

pub(crate) mod download;
pub(crate) mod look;
mod names;
pub(crate) mod page;
pub(crate) mod password;
pub(crate) mod refusal;
mod texts;
pub(crate) mod upload;

use crate::caller::PeerAddress;
use crate::cookie;
use crate::server::Server;
use auth::LinkToken;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use metadata::link::LinkRow;
use model::{LinkPrincipal, NodeId, Rates};
use refusal::{PageRefusal, Why};
use std::sync::Arc;
use texts::Texts;

/// Somebody who shows a link's address, and the node that they ask for.
pub(crate) struct Stranger {
    pub(crate) link: LinkRow,
    pub(crate) principal: LinkPrincipal,
    pub(crate) peer: PeerAddress,
    /// The part of the address that all of the link's pages begin with.
    pub(crate) base: String,
    pub(crate) texts: &'static Texts,
    /// The node in the address, if there is one.
    pub(crate) node: Option<NodeId>,
}

impl Stranger {
    /// A refusal in the stranger's language.
    pub(crate) fn refuse(&self, why: impl Into<Why>) -> PageRefusal {
        PageRefusal { why: why.into(), texts: self.texts, base: Some(self.base.clone()) }
    }

    /// Whether the link's password has still to be shown.
    fn is_locked(&self) -> bool {
        self.link.password.is_some() && self.principal.shown != Some(self.link.passwords)
    }

    /// How fast bytes may move for this link: as for its maker.
    async fn rates(&self, server: &Arc<Server>) -> Result<Rates, PageRefusal> {
        let maker = self.link.maker;
        let found = server.read(move |snapshot| snapshot.user(maker)).await;
        let choices = found.map_err(|failure| self.refuse(failure))?.map(|user| user.rates);
        Ok(choices.map_or(server.settings.user_rates, |rates| rates.or(server.settings.user_rates)))
    }
}

impl FromRequestParts<Arc<Server>> for Stranger {
    type Rejection = PageRefusal;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, PageRefusal> {
        let texts = texts::of(&parts.headers);
        let refuse = |why: Why| PageRefusal { why, texts, base: None };
        let hidden = || refuse(Why::Hidden);
        let params = RawPathParams::from_request_parts(parts, server).await.map_err(|_| hidden())?;
        let value = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let token = value("token").and_then(LinkToken::parse).ok_or_else(hidden)?;
        let node = value("node").map(str::parse).transpose().map_err(|_| hidden())?;
        let peer = *parts.extensions.get::<PeerAddress>().ok_or_else(hidden)?;
        let (database, digest, now) = (Arc::clone(&server.database), token.digest(), server.now());
        let found = server
            .reading(move || Ok(versioning::link::find(&*database, digest, now)?))
            .await
            .map_err(|failure| refuse(failure.into()))?;
        let link = found.ok_or_else(hidden)?;
        let note = cookie::link_note(parts, server);
        let shown = note.and_then(|note| auth::public_link::shown(&server.link_key, &link, note, now));
        let principal = LinkPrincipal { link: link.id, shown };
        Ok(Self { link, principal, peer, base: format!("/s/{}", token.text()), texts, node })
    }
}

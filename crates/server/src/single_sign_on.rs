//! Single sign-on by OpenID Connect: the authorization code flow with PKCE, `state` and `nonce`.
//!
//! The provider sends the browser back to a place of the *page* ([`CALLBACK`]), which is a file like others and looks at no
//! cookie. The page then shows the API what it was sent with, as its own request: no request of the API ever counts that
//! another site has the browser make.
//!
//! Invariants:
//! - an attempt is begun and finished in one browser ([`openid::attempts`]), good once, for the settings that it was begun under;
//! - what the provider says of a person counts only signed by a key of its own, asymmetrically, for this server, this attempt
//!   and this moment ([`openid::provider`]); its issuer and `sub` say who it is, and nothing else does ([`auth::single_sign_on`]);
//! - the provider's texts end in the log, never in an answer.

pub(crate) mod chosen;

use crate::failure::Failure;
use crate::server::Server;
use auth::SingleSignOnError;
use chosen::Chosen;
use openid::attempts::Attempts;
use openid::provider::{Known, Providers, Refusal};
use protocol::ProblemKind;
use protocol::v1::SingleSignOnReason as Reason;
use std::time::Duration;

/// The place of the page that the provider sends browsers back to.
pub(crate) const CALLBACK: &str = "/sign-in/callback";

/// What single sign-on takes.
#[derive(Debug)]
pub(crate) struct SingleSignOn {
    /// What was begun.
    pub(crate) attempts: Attempts,
    /// What the provider has said of itself.
    pub(crate) providers: Providers,
}

/// A refusal, for the page to put into words.
pub(crate) fn refused(reason: Reason) -> Failure {
    Failure::new(ProblemKind::SingleSignOnFailed).member("reason", reason.word())
}

impl From<SingleSignOnError> for Failure {
    fn from(error: SingleSignOnError) -> Self {
        let reason = match error {
            SingleSignOnError::Stranger => Reason::Stranger,
            SingleSignOnError::NameTaken(_) => Reason::NameTaken,
            SingleSignOnError::NoName => Reason::NoName,
            SingleSignOnError::Inactive => Reason::Inactive,
            SingleSignOnError::OfAnother => Reason::OfAnother,
            SingleSignOnError::Connected => Reason::Connected,
            SingleSignOnError::LastWay => Reason::LastWay,
            SingleSignOnError::NotConnected => return Self::not_found(),
            SingleSignOnError::Link(error) => return error.into(),
        };
        refused(reason)
    }
}

impl SingleSignOn {
    /// Each answer of the provider may take so long.
    pub(crate) fn new(time: Duration) -> Self {
        Self { attempts: Attempts::default(), providers: Providers::new(time) }
    }
}

impl Chosen {
    /// What this server is to the provider.
    pub(crate) fn known(&self, server: &Server) -> Result<Known<'_>, Refusal> {
        let (settings, key) = (&self.settings, &server.factors.key);
        if self.secret.is_empty() {
            return Ok(Known { settings, secret: None });
        }
        let secret =
            auth::single_sign_on::open_secret(key, &settings.issuer, &settings.client_id, &self.secret);
        let lost = || Refusal {
            reason: Reason::Refused,
            cause: "the secret was sealed under another key: set it again".to_owned(),
        };
        Ok(Known { settings, secret: Some(secret.ok_or_else(lost)?) })
    }
}

impl Server {
    /// How single sign-on goes now.
    pub(crate) async fn single_sign_on_chosen(&self) -> Result<Option<Chosen>, Failure> {
        self.read(chosen::chosen).await
    }
}

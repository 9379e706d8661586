//! Single sign-on: `/api/v1/session/single-sign-on`, the same below `/account`, and `/api/v1/admin/single-sign-on`.

use crate::admin::Secret;
use crate::schema;
use crate::text::{RfcTime, by_text};
use model::GroupId;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The longest text among the settings, in bytes.
pub const SSO_TEXT_BYTES_MAX: usize = 255;
/// The longest secret of a client, in bytes.
pub const SSO_SECRET_BYTES_MAX: usize = 1024;
/// The most groups that are mapped.
pub const SSO_GROUPS_MAX: usize = 200;
/// The most scopes that are asked for.
pub const SSO_SCOPES_MAX: usize = 20;

/// Whether one can sign in by a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SingleSignOnOffer {
    /// What the button says; absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub button: Option<String>,
}

/// Where the browser is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SingleSignOnBegun {
    /// The provider's address, with everything that names this attempt, for ten minutes.
    pub address: String,
}

/// What the provider has sent the browser back with, to sign in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SingleSignOnRequest {
    /// The attempt.
    #[schema(max_length = 64)]
    pub state: String,
    /// What the server gets the person's identity for.
    #[schema(max_length = 4096)]
    pub code: String,
    /// Who says to have sent it (`iss`, RFC 9207), if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 1024)]
    pub issuer: Option<String>,
    /// What the list of devices is to call the browser.
    #[schema(min_length = 1, max_length = 64)]
    pub browser: String,
}

/// What the provider has sent the browser back with, to connect the account of who is signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectRequest {
    /// The attempt.
    #[schema(max_length = 64)]
    pub state: String,
    /// What the server gets the person's identity for.
    #[schema(max_length = 4096)]
    pub code: String,
    /// Who says to have sent it (`iss`, RFC 9207), if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 1024)]
    pub issuer: Option<String>,
}

/// How single sign-on stands for one's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSingleSignOn {
    /// What the button says; absent: the server has no provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub button: Option<String>,
    /// Whom of the provider's people the account is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub connected: Option<ConnectedIdentity>,
}

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectedIdentity {
    /// What the provider calls them.
    pub name: String,
    /// Since when.
    #[schema(value_type = schema::Timestamp)]
    pub since: RfcTime,
    /// When it was last signed in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_used: Option<RfcTime>,
}

/// How single sign-on goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SingleSignOnSettings {
    /// The provider's issuer, letter for letter as it says itself: `https://`, a name, perhaps a path. `http://` only on the
    /// server's own machine.
    #[schema(min_length = 1, max_length = 255)]
    pub issuer: String,
    /// What the provider knows this server by.
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: String,
    /// What is asked for beside `openid`.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub scopes: Vec<String>,
    /// What the button on the sign-in page says.
    #[schema(min_length = 1, max_length = 64)]
    pub button: String,
    /// The claim that names a person's groups; one within another is behind a dot.
    #[serde(default = "groups")]
    #[schema(min_length = 1, max_length = 255)]
    pub groups_claim: String,
    /// Which of them are which groups here.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub groups: Vec<GroupMapping>,
    /// The group there that makes administrators; absent: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 255)]
    pub administrators: Option<String>,
    /// Whether people whom nobody here knows get an account.
    #[serde(default)]
    pub create: bool,
    /// Whether an account's own second factor is asked for, too.
    #[serde(default = "yes")]
    pub second_factor: bool,
}

fn groups() -> String {
    "groups".to_owned()
}

fn yes() -> bool {
    true
}

/// Who is in a group there is in one here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMapping {
    /// The group there, as the claim names it.
    #[schema(min_length = 1, max_length = 255)]
    pub there: String,
    /// The group here.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::GroupId)]
    pub group: GroupId,
}

/// Chooses how single sign-on goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseSingleSignOn {
    /// How; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chosen: Option<SingleSignOnSettings>,
    /// What the server proves to the provider that it is itself with. Absent: as before, for the same issuer and client; for
    /// others it is forgotten. The empty text: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, max_length = 1024)]
    pub secret: Option<Secret>,
}

/// How single sign-on goes, to administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SingleSignOnResponse {
    /// How; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chosen: Option<SingleSignOnSettings>,
    /// Whether there is a secret. It is never said.
    pub has_secret: bool,
    /// The address that the provider is to send browsers back to; absent while the server has no public address: then it is
    /// this path at whatever address the page is used under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub redirect: Option<String>,
}

macro_rules! without_secrets {
    ($($name:ident),+) => {$(
        /// Without what is secret.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

without_secrets!(SingleSignOnRequest, ConnectRequest, ChooseSingleSignOn);

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// Why single sign-on came to nothing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SingleSignOnReason {
            $($(#[$doc])* $name,)+
        }

        impl SingleSignOnReason {
            /// Every reason as a word.
            pub const WORDS: &[&str] = &[$($word),+];

            /// As a word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }
        }
    };
}

reasons! {
    /// The server has no provider.
    NotConfigured = "not_configured",
    /// The page is not used under the server's public address.
    WrongAddress = "wrong_address",
    /// The provider does not answer, or not as one.
    Unreachable = "unreachable",
    /// The provider does not take the code or this server.
    Refused = "refused",
    /// What the provider says of the person proves nothing.
    Unproven = "unproven",
    /// The attempt was never begun, not in this browser, or is over.
    UnknownAttempt = "unknown_attempt",
    /// No account is connected to this person.
    Stranger = "stranger",
    /// An account of this name is there already.
    NameTaken = "name_taken",
    /// The provider says no name that an account could have.
    NoName = "no_name",
    /// The account is not active.
    Inactive = "inactive",
    /// Another account is connected to this person.
    OfAnother = "of_another",
    /// The account is connected to somebody else already.
    Connected = "connected",
    /// There is no other way to sign in.
    LastWay = "last_way",
}

//! Links for strangers: `…/folders/{folder}/links`, `/api/v1/links`, `/api/v1/link-policy`, `/api/v1/shared-with-me`.

use super::{WirePrivilege, folders::FolderKind};
use crate::admin::Secret;
use crate::schema;
use crate::text::{RfcTime, by_text};
use model::{FolderId, LinkId, LinkKind, NodeId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkKind)]
pub enum WireLinkKind {
    /// To see and download the node and what is below it.
    Read,
    /// To put files into the directory, seeing nothing.
    Drop,
}

impl From<LinkKind> for WireLinkKind {
    fn from(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Read => Self::Read,
            LinkKind::Drop => Self::Drop,
        }
    }
}

impl From<WireLinkKind> for LinkKind {
    fn from(kind: WireLinkKind) -> Self {
        match kind {
            WireLinkKind::Read => Self::Read,
            WireLinkKind::Drop => Self::Drop,
        }
    }
}

/// Whether strangers get anything by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkState)]
pub enum WireLinkState {
    /// They do.
    Works,
    /// Its time is over.
    Ended,
    /// As many files went through it as may.
    UsedUp,
    /// Its node was removed.
    Gone,
    /// Links are not allowed on this server, or not like this.
    Resting,
    /// Its maker does not hold any more what it hands out.
    Lost,
}

/// A link, to who made it or manages its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkEntry {
    /// Its id. What strangers show is another thing: the token in its address.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::LinkId)]
    pub link: LinkId,
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// The folder's name.
    pub folder_name: String,
    /// The node it is bound to.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// Names from the folder's root to the node, while it is there, to who may read the folder; none for the folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub path: Option<Vec<String>>,
    /// Whether the node is a directory.
    pub directory: bool,
    /// What it is for.
    pub kind: WireLinkKind,
    /// What its maker calls it.
    pub label: String,
    /// Who made it.
    pub maker: String,
    /// Whether the caller did.
    pub own: bool,
    /// Whether it has a password.
    pub has_password: bool,
    /// When it was made.
    #[schema(value_type = schema::Timestamp)]
    pub created: RfcTime,
    /// When it ends; not by itself if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub expires: Option<RfcTime>,
    /// How many files were downloaded, or put in.
    pub uses: u64,
    /// How many may be; any number if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub uses_max: Option<u64>,
    /// When the last of them was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub used: Option<RfcTime>,
    /// Whether strangers get anything by it.
    pub state: WireLinkState,
    /// Which state of what can be changed of it this is; the `etag` of one link.
    pub revision: u64,
}

/// A page of links, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinksResponse {
    /// The links.
    pub links: Vec<LinkEntry>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::LinkId>, nullable = false)]
    pub next: Option<String>,
}

/// Asks for a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeLinkRequest {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// What it is for.
    pub kind: WireLinkKind,
    /// What to call it; strangers do not see it.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub label: String,
    /// A password that strangers must show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
    /// When it ends; not by itself if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub expires: Option<RfcTime>,
    /// How many files may be downloaded, or put in; any number if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<u64>,
}

/// Changes a link; what is not given stays, and null takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLinkRequest {
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub label: Option<String>,
    /// Another password, or null for none. Whoever has shown the one before has to show this one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub password: Option<Option<Secret>>,
    /// Another end, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub expires: Option<Option<RfcTime>>,
    /// Another number of files, or null for any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    pub uses_max: Option<Option<u64>>,
    /// Whether to give it another address: the one before leads nowhere then.
    #[serde(default)]
    pub new_address: bool,
}

/// Tells null from what is not given.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// A link just made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkAnswer {
    /// The link.
    pub link: LinkEntry,
    /// The path of its address on this server, if it has just got it: said now or never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
}

/// What administrators say of all links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkPolicyBody {
    /// Whether there are any. Those that exist rest while it is not so.
    pub allowed: bool,
    /// The least that somebody must hold on a folder to make links into it, and go on holding for them to work: not `none`.
    pub least_privilege: WirePrivilege,
    /// Whether each needs a password.
    pub password_required: bool,
    /// For how many days a link lasts at most; for ever if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub days_max: Option<u32>,
}

/// Folders that others let the caller see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedWithMeResponse {
    /// Ordered by name.
    pub folders: Vec<SharedFolderEntry>,
}

/// Why a folder is there for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedFolderEntry {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Shared, or another person's own.
    pub kind: FolderKind,
    /// What the caller may do there.
    pub privilege: WirePrivilege,
    /// Whether the caller is named in its privileges.
    pub directly: bool,
    /// The caller's groups that are.
    pub groups: Vec<String>,
    /// Whose it is, if it is somebody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub owner: Option<String>,
}

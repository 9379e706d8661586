//! Links: addresses by which strangers reach one node, what they are told of, and what has come of them.

use crate::error::Result;
use model::{ContentId, FolderId, LinkId, LinkKind, NodeId, Privilege, Timestamp, UserId};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its id, never used again.
    pub id: LinkId,
    /// A one-way digest of the token in its address.
    pub token_hash: [u8; 32],
    /// The folder it lies in.
    pub folder: FolderId,
    /// The node it is bound to.
    pub node: NodeId,
    /// Who made it.
    pub maker: UserId,
    /// What it is for.
    pub kind: LinkKind,
    /// What its maker calls it; strangers do not see it.
    pub label: String,
    /// The password that strangers must show, as a PHC string.
    pub password: Option<String>,
    /// How many passwords have been set and addresses given: grows with each.
    pub passwords: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; none: not by itself.
    pub expires_at: Option<Timestamp>,
    /// How many files were downloaded, or put in.
    pub uses: u64,
    /// How many may be; none: any number.
    pub uses_max: Option<u64>,
    /// When the last of them was.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Which state of what people choose of it this is.
    pub revision: u64,
}

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// The digest of its token.
    pub token_hash: [u8; 32],
    /// The folder it lies in.
    pub folder: FolderId,
    /// The node it is bound to.
    pub node: NodeId,
    /// Who makes it.
    pub maker: UserId,
    /// What it is for.
    pub kind: LinkKind,
    /// What its maker calls it.
    pub label: String,
    /// The password, as a PHC string.
    pub password: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many files may be downloaded, or put in.
    pub uses_max: Option<u64>,
    /// Now.
    pub at: Timestamp,
}

/// What administrators say of all links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Whether there are any. Those that exist rest while it is not so.
    pub allowed: bool,
    /// The least that somebody must hold on a folder to make links into it, and go on holding for them to work.
    pub least: Privilege,
    /// Whether each needs a password.
    pub password_required: bool,
    /// For how many days a link lasts at most, from when it was made; none: for ever.
    pub days_max: Option<u32>,
}

/// Which links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinksOf {
    /// All of a folder.
    Folder(FolderId),
    /// All that a person has made.
    Maker(UserId),
}

/// Reads of links.
pub trait ReadLinks {
    /// One link, revoked ones too.
    fn link(&self, id: LinkId) -> Result<Option<LinkRow>>;

    /// The link whose token has this digest, revoked ones too.
    fn link_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<LinkRow>>;

    /// Links that are not revoked, by id after one of them.
    fn links(&self, of: LinksOf, after: LinkId, limit: usize) -> Result<Vec<LinkRow>>;

    /// How many links that are not revoked a person has made.
    fn count_links(&self, maker: UserId) -> Result<u64>;

    /// When somebody began to download this by a link, if that is remembered.
    fn link_download(&self, link: LinkId, visitor: &str, content: ContentId) -> Result<Option<Timestamp>>;

    /// What administrators say of all links.
    fn link_policy(&self) -> Result<LinkPolicy>;
}

/// Changes of links.
pub trait WriteLinks {
    /// Makes one; `Conflict` if the token is taken.
    fn create_link(&self, link: &NewLink) -> Result<LinkId>;

    /// Sets token, kind, label, password and its number, end and the most uses, and raises the revision; never the rest.
    fn set_link(&self, link: &LinkRow) -> Result<()>;

    /// Revokes one. The first moment stays.
    fn revoke_link(&self, id: LinkId, at: Timestamp) -> Result<()>;

    /// Counts a use, unless there were as many as there may be; says whether it was counted.
    fn use_link(&self, id: LinkId, at: Timestamp) -> Result<bool>;

    /// Notes that somebody begins to download something by a link.
    fn put_link_download(&self, link: LinkId, visitor: &str, content: ContentId, at: Timestamp)
    -> Result<()>;

    /// Forgets downloads begun before a moment; says how many.
    fn forget_link_downloads(&self, before: Timestamp) -> Result<u64>;

    /// Sets what administrators say of all links.
    fn set_link_policy(&self, policy: &LinkPolicy) -> Result<()>;
}

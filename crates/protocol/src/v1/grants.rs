//! `GET/PUT …/grants` and `GET …/candidates`: who holds what on a folder, for who manages it.

use super::{NamedGroup, NamedUser, WirePrivilege};
use crate::schema;
use crate::text::by_text;
use model::{GroupId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// The most entries that a folder's privileges may have.
pub const GRANTS_MAX: usize = 1_000;

/// The most people that an answer shows with what they may do in the end.
pub const EFFECTIVE_MAX: usize = 200;

/// Who holds a privilege: the id of an account or of a group, which its letter tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectId {
    /// One person.
    User(UserId),
    /// Everybody in a group.
    Group(GroupId),
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Group(id) => id.fmt(f),
        }
    }
}

impl FromStr for SubjectId {
    type Err = <UserId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('g') {
            Some(_) => text.parse().map(Self::Group),
            None => text.parse().map(Self::User),
        }
    }
}

/// The privileges of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantsResponse {
    /// The entries, groups first, ordered by name.
    pub grants: Vec<NamedGrant>,
    /// What comes of them for people, ordered by name; at most 200.
    pub effective: Vec<EffectivePrivilege>,
    /// For how many people anything comes of them.
    pub effective_total: u64,
}

/// An entry, with the name of its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedGrant {
    /// Who.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::SubjectId)]
    pub to: SubjectId,
    /// Its name.
    pub name: String,
    /// Which; `none` outweighs what others give.
    pub privilege: WirePrivilege,
}

/// What a person may do in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectivePrivilege {
    /// The person.
    pub user: NamedUser,
    /// Of all entries together.
    pub privilege: WirePrivilege,
    /// The groups whose entries count for the person, ordered by name.
    pub groups: Vec<NamedGroup>,
    /// Whether the account is disabled: then it may do nothing for now.
    pub disabled: bool,
}

/// What the privileges of a folder are from now on: who is not named holds none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantsRequest {
    /// The entries.
    #[schema(max_items = 1_000)]
    pub grants: Vec<Grant>,
}

/// An entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Who.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::SubjectId)]
    pub to: SubjectId,
    /// Which; `none` outweighs what others give.
    pub privilege: WirePrivilege,
}

/// Whom one could give a privilege.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CandidatesResponse {
    /// People, ordered by name; at most 20.
    pub users: Vec<NamedUser>,
    /// Groups, ordered by name; at most 20.
    pub groups: Vec<NamedGroup>,
}

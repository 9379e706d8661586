//! `/api/v1/admin/users` and `/api/v1/admin/groups`: people and their groups, for administrators; `PUT /api/v1/password`.

use crate::admin::{Limit, Rate, Secret};
use crate::schema;
use crate::text::{RfcTime, by_text, list_by_text, option_by_text};
use model::{FolderId, GroupId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most accounts that one request puts into a group or takes out of it, and the most groups that it names.
pub const MEMBERS_MAX: usize = 1_000;

/// A page of accounts, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsersResponse {
    /// One entry an account.
    pub users: Vec<AccountEntry>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
    /// How many accounts the search finds in all.
    pub total: u64,
    /// The rates of all whose choice is `standard`.
    pub standard_rates: StandardRates,
}

/// What holds for everybody for whom nothing else is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandardRates {
    /// How many bytes a second an account's devices may send together; as many as they can if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub upload: Option<u64>,
    /// How many they may receive together; as many as they can if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub download: Option<u64>,
}

/// An account, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountEntry {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UserId)]
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Whether it administers the server.
    pub administrator: bool,
    /// Whether it may do nothing for now.
    pub disabled: bool,
    /// When it was made.
    #[schema(value_type = schema::Timestamp)]
    pub created: RfcTime,
    /// The most bytes that the folders it owns may have together; no limit if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
    /// The bytes they have.
    pub used_bytes: u64,
    /// The login of the server's system whose files in plain directories are theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub system_user: Option<String>,
    /// How many bytes a second its devices may send together.
    pub upload_rate: Rate,
    /// How many bytes a second its devices may receive together.
    pub download_rate: Rate,
    /// Its home folder, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::FolderId>, nullable = false)]
    pub home: Option<FolderId>,
    /// Its groups, ordered by name.
    pub groups: Vec<NamedGroup>,
    /// How many devices and sessions are linked to it.
    pub devices: u64,
}

/// A group by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedGroup {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::GroupId)]
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// An account by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedUser {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UserId)]
    pub id: UserId,
    /// Its name.
    pub name: String,
}

/// Makes an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccountRequest {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: Secret,
    /// Whether it administers the server.
    #[serde(default)]
    pub administrator: bool,
    /// Whether it gets a home folder.
    #[serde(default)]
    pub home: bool,
    /// The most bytes that the folders it owns may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
}

/// Changes an account; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// A new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub password: Option<Secret>,
    /// Whether all its devices and sessions are unlinked.
    #[serde(default)]
    pub unlink_devices: bool,
    /// Whether it administers the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub administrator: Option<bool>,
    /// Whether it may do nothing at all for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled: Option<bool>,
    /// The most bytes that the folders it owns may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<Limit>,
    /// The login of the server's system whose files in plain directories are theirs; an empty text takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub system_user: Option<String>,
    /// How many bytes a second its devices may send together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub upload_rate: Option<Rate>,
    /// How many bytes a second its devices may receive together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub download_rate: Option<Rate>,
    /// Exactly which groups it is in.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "some_list_by_text")]
    #[schema(value_type = Option<Vec<schema::GroupId>>, nullable = false, max_items = 1_000)]
    pub groups: Option<Vec<GroupId>>,
}

mod some_list_by_text {
    use super::list_by_text;
    use serde::{Deserializer, Serializer};
    use std::{fmt, str::FromStr};

    pub(super) fn serialize<T: fmt::Display, S: Serializer>(
        list: &Option<Vec<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        list_by_text::serialize(list.as_deref().unwrap_or_default(), to)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<Vec<T>>, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        list_by_text::deserialize(from).map(Some)
    }
}

/// A home folder that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HomeResponse {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
}

/// A page of groups, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupsResponse {
    /// One entry a group.
    pub groups: Vec<GroupSummary>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
    /// How many groups the search finds in all.
    pub total: u64,
}

/// A group and how many are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupSummary {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::GroupId)]
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// How many accounts are in it.
    pub members: u64,
}

/// A group and who is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupResponse {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::GroupId)]
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Who is in it, ordered by name.
    pub members: Vec<NamedUser>,
}

/// Makes a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroupRequest {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
}

/// Adds members to a group and takes others out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupChange {
    /// Who comes in.
    #[serde(default, with = "list_by_text")]
    #[schema(value_type = Vec<schema::UserId>, max_items = 1_000)]
    pub add: Vec<UserId>,
    /// Who goes out.
    #[serde(default, with = "list_by_text")]
    #[schema(value_type = Vec<schema::UserId>, max_items = 1_000)]
    pub remove: Vec<UserId>,
}

/// A new password for oneself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The one until now.
    #[schema(value_type = String)]
    pub old: Secret,
    /// The one from now on.
    #[schema(value_type = String)]
    pub new: Secret,
    /// Whether all other devices and sessions of the account are unlinked.
    #[serde(default)]
    pub unlink_others: bool,
}

//! Views: what of a folder a device wants.

use crate::schema;
use crate::text::{by_text, option_by_text};
use model::{NodeId, ViewId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST …/views`: asks for a view. The same view has the same name, however often and by whomever it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewRequest {
    /// The directory that stands for the root; the folder's own if none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>)]
    pub root: Option<NodeId>,
    /// The path from there to the directory that is to be the root instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// Paths below the root that are wanted; all if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Patterns (as in a `.gitignore` in the root) of what is not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

/// The name of a view in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ViewName(#[serde(with = "by_text")] pub ViewId);

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViewResponse {
    /// Its name.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::ViewId)]
    pub view: ViewId,
    /// Its root.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub root: NodeId,
}

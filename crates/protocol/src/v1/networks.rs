//! `/api/v1/admin/networks`: what is reached from some networks only.

use crate::schema;
use crate::text::by_text;
use model::Network;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A network as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireNetwork(#[serde(with = "by_text")] pub Network);

impl fmt::Display for WireNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is limited to some networks; folders have lists of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkLimits {
    /// From where the server is administered; empty: from everywhere.
    #[schema(value_type = Vec<schema::Network>, max_items = 64)]
    pub administration: Vec<WireNetwork>,
    /// From where nothing but links is reached, as from a network for guests.
    #[schema(value_type = Vec<schema::Network>, max_items = 64)]
    pub guests: Vec<WireNetwork>,
}

/// The limits, and from where they are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworksResponse {
    /// What is limited.
    pub limits: NetworkLimits,
    /// The address that the caller has for the server; absent if a proxy does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub your_address: Option<String>,
}

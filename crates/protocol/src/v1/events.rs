//! `GET /api/v1/events`: messages of the WebSocket. The server sends wakes, one text message each; the client
//! sends nothing.

use crate::schema;
use crate::text::by_text;
use model::FolderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The reason of the close frame of a server that stops: connect again soon, with some spread.
pub const CLOSE_RECONNECT: &str = "reconnect";

/// A folder has changed: whoever has pulled up to `head` is in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wake {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// The number of its newest change.
    pub head: u64,
}

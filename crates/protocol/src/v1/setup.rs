//! `/api/v1/setup`: the first administrator of a server.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Whether a server waits for its first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetupResponse {
    /// Whether it does. Once it does not, it never does again.
    pub needed: bool,
}

/// Makes the first administrator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// The code that the server shows where it runs, as it is typed: capitals or not, with or without dashes.
    #[schema(max_length = 64)]
    pub code: String,
    /// The account's name.
    pub user: String,
    /// Its password, of 8 characters or more.
    pub password: String,
    /// What the list of devices is to call the browser.
    #[schema(min_length = 1, max_length = 64)]
    pub browser: String,
}

/// Without the secrets.
impl fmt::Debug for SetupRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupRequest")
            .field("user", &self.user)
            .field("browser", &self.browser)
            .finish_non_exhaustive()
    }
}

/// What a server says to itself, to know that it is itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EchoResponse {
    /// What belongs to the nonce.
    pub answer: String,
}

//! `/api/v1/session`: signing in with a browser, who is signed in, signing out.

use crate::schema;
use crate::text::by_text;
use model::UserId;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Asks for a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// What the list of devices is to call the browser.
    #[schema(min_length = 1, max_length = 64)]
    pub browser: String,
}

/// Without the password.
impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRequest")
            .field("user", &self.user)
            .field("browser", &self.browser)
            .finish_non_exhaustive()
    }
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionResponse {
    /// The account.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// Whether it administers the server, by the token that is shown.
    pub administrator: bool,
    /// Whether it would administer the server if it had a second factor.
    pub second_factor_wanted: bool,
    /// Whether the account has a password. Without one its owner signs in otherwise, and wherever the password is asked for once more
    /// the session must be one that was opened within ten minutes.
    pub has_password: bool,
}

/// The password was right, and a second factor is wanted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondStepResponse {
    /// What shows that the password was right. It is no token: nothing takes it but `finish_session`.
    #[schema(value_type = schema::PendingSignIn)]
    pub pending: String,
    /// For how long a code is awaited.
    pub remaining_seconds: i64,
}

/// Finishes a sign-in by a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStepRequest {
    /// What the first step gave.
    #[schema(value_type = schema::PendingSignIn)]
    pub pending: String,
    /// The app's code, or a recovery code.
    #[schema(max_length = 64)]
    pub code: String,
    /// What the list of devices is to call the browser.
    #[schema(min_length = 1, max_length = 64)]
    pub browser: String,
}

/// Without what is secret.
impl fmt::Debug for SecondStepResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondStepResponse").finish_non_exhaustive()
    }
}

/// Without what is secret.
impl fmt::Debug for SecondStepRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondStepRequest").field("browser", &self.browser).finish_non_exhaustive()
    }
}

//! Before anybody administers the server: everything but what leads to that is refused, whoever asks.
//!
//! What is let through is listed here ([`OPEN`]); whatever is added to the API later is not. The page's own files are.

use crate::failure::Failure;
use crate::server::{Server, StartError};
use axum::extract::MatchedPath;
use protocol::ProblemKind;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is answered before the server is set up: none of it tells or changes anything of anybody's.
const OPEN: &[&str] = &[
    "/api/v1/setup",
    "/api/v1/setup/echo/{nonce}",
    "/api/v1/server",
    "/api/v1/openapi.json",
    "/healthz",
    "/readyz",
];

/// When it is worth to ask again.
const RETRY_SECONDS: u64 = 30;

/// Whether the first administrator is awaited.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// Set at the start and taken back once; what holds is in the database.
    awaited: AtomicBool,
}

impl Server {
    /// Awaits the first administrator, if there never was one: the code that whoever is to be it has to know, in letters.
    /// Shown by nobody again. Blocks.
    ///
    /// # Errors
    /// If the database fails, or the system gives no randomness.
    pub fn begin_setup(&self) -> Result<Option<String>, StartError> {
        let code = auth::setup::begin(&*self.database)?;
        self.setup.awaited.store(code.is_some(), Ordering::Release);
        Ok(code.map(|code| code.to_string()))
    }

    /// Whether the first administrator is awaited.
    pub(crate) async fn awaits_setup(&self) -> Result<bool, Failure> {
        if !self.setup.awaited.load(Ordering::Acquire) {
            return Ok(false);
        }
        // The administrator may have come by the socket.
        let needed = self.read(auth::setup::is_needed).await?;
        self.setup.awaited.fetch_and(needed, Ordering::AcqRel);
        Ok(needed)
    }
}

/// Whether an address is answered before the server is set up.
pub(crate) fn is_open(route: &str) -> bool {
    OPEN.contains(&route)
}

/// Lets a request through, or says that the server is not set up yet. Without a route it is for the page.
pub(crate) async fn admit(server: &Server, route: Option<&MatchedPath>) -> Result<(), Failure> {
    match route {
        Some(route) if !is_open(route.as_str()) && server.awaits_setup().await? => {
            Err(Failure::new(ProblemKind::NotSetUp).retry_after(RETRY_SECONDS))
        }
        _ => Ok(()),
    }
}

//! `cargo xtask openapi`: writes `docs/openapi.json` anew from the code.
//!
//! The document is made where the router is, so the test that compares the two is what writes it.

use crate::commands::{self, cargo};
use anyhow::Result;

/// Writes the document; what has changed is then for whoever commits it to look at.
pub(crate) fn run() -> Result<()> {
    let test = "openapi::the_written_document_is_what_the_code_generates";
    commands::run(
        cargo()
            .args([
                "test",
                "--quiet",
                "--package",
                "server",
                "--test",
                "it",
                "--locked",
                "--",
                "--exact",
                test,
            ])
            .env("DRIFTLESS_BLESS", "1"),
    )
}

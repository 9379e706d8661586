//! The wire: what clients, scripts and the administration socket say to a server, and what it answers.
//!
//! Wire types are not domain types: they are kept here, once per version ([`v1`] for JSON, the version byte of
//! [`bundle`] for bulk), and are turned into the words of `model` at the edge, where every bound is checked.
//! Nothing here reads a clock, a disk or the network, and nothing here decides who may do what.
//!
//! Start with [`bundle`] (what syncing moves in bulk; `docs/bundle-format.md` has it byte by byte), then
//! [`v1`] (JSON bodies), [`problem`] (every error answer) and [`admin`] (the administration socket).

pub mod admin;
pub mod bundle;
pub mod cursor;
pub mod problem;
pub mod schema;
mod text;
pub mod v1;

pub use cursor::{Cursor, CursorError, CursorParts};
pub use problem::{Problem, ProblemKind};
pub use text::{RfcTime, RfcTimeError};

/// The media type of a bundle.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.driftless.bundle";
/// The media type of a problem answer (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
/// The header of every answer that carries the server's epoch.
pub const EPOCH_HEADER: &str = "driftless-epoch";
/// The header of every answer that names the request in the server's log.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

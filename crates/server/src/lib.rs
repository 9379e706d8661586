//! The HTTP doors of the server, and the administration socket.
//!
//! Each endpoint is one file, found by its address: `POST /api/v1/folders/{f}/commits` is `api/commits/create.rs`.
//! What may be done is decided by `auth` and `model::authorize`; what happens is done by `versioning`; here bytes
//! become calls and outcomes become answers.
//!
//! Invariants:
//! - every request but `setup`, `server`, `openapi.json`, `devices` (linking, also by a code), `/healthz` and `/readyz` shows a
//!   token, and account, device and privilege are asked of the database anew ([`caller`]), or whether they are still as
//!   remembered ([`rights`]);
//! - until somebody administers the server, all of that is refused ([`setup`]);
//! - an address is served if and only if the API document describes it ([`openapi`]);
//! - strangers with a link get pages without any script, and nothing that the link does not give ([`share`]);
//! - every error becomes a problem document in one place ([`failure`]);
//! - everything that comes in is bounded: handshakes, headers, bodies, their pace, records, counts, transfers at a time;
//! - the server itself asks nobody but itself ([`outgoing`]);
//! - a browser's cookie is believed of the server's own page only ([`cookie`]); the page runs nothing but its own scripts ([`page`]);
//! - nothing that waits for a disk runs on the threads that serve connections ([`server::Server::read`] and the like).
//!
//! Start with [`router`], then [`server::Server`]. [`serve()`] runs it all until it is told to stop.

pub mod admin;
mod api;
mod body;
mod caller;
mod chosen;
mod connection;
mod cookie;
mod cursor;
mod failure;
mod guests;
mod housekeeping;
mod lags;
mod log;
mod meters;
mod metrics;
mod openapi;
mod outgoing;
mod page;
mod plain;
mod presence;
mod previews;
mod proxies;
mod qr;
mod rights;
mod router;
mod serve;
mod server;
mod setup;
mod share;
mod single_sign_on;
mod stream;
mod tls;
mod traffic;
mod transfers;
mod wakes;
mod work;
mod zip;

pub use model::{Network, NetworkError};
pub use proxies::TrustedProxies;
pub use router::api_document;
pub use serve::{ServeError, serve};
pub use server::{Clock, Server, Settings, StartError, SystemUser};
pub use tls::{Tls, TlsError, Validity};
pub use versioning::collection::plan::Rules as CollectionRules;

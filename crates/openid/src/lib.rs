//! OpenID Connect, the authorization code flow with PKCE, `state` and `nonce`: what a provider says of itself, where browsers are
//! sent, and what a code is worth.
//!
//! Invariants:
//! - an attempt is begun and finished in one browser ([`attempts`]), good once;
//! - what the provider says of a person counts only signed by a key of its own, asymmetrically, for this server, this attempt
//!   and this moment ([`provider`]);
//! - it is asked over TLS that this machine's authorities vouch for, in bounds of bytes and time ([`fetch`]);
//! - its texts end in [`provider::Refusal::cause`], for the log.
//!
//! Start with [`provider::address`] and [`provider::exchange`].

pub mod attempts;
mod claims;
pub mod fetch;
pub mod provider;
pub mod settings;

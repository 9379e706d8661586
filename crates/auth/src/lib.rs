//! Who is asking, and what they may do: passwords, device tokens, sign-in, privileges.
//!
//! Invariants:
//! - nothing secret is stored: passwords as Argon2id, tokens (256 random bits) as a digest;
//! - an unknown account costs the same work and gets the same answer as a wrong password;
//! - attempts are counted before the password is looked at, so that attempts at once are counted too;
//! - every request asks the database anew, for everything ([`session::authenticate`], [`access::permit`]) or whether
//!   what is remembered still holds ([`rights`]): what was taken away is gone at once.
//!
//! Everything here blocks (on the database, or for the 30 ms of a password): call it from threads that may wait.
//! How many passwords are hashed at once is for the caller to bound: each takes 46 MiB.
//!
//! Start with [`sign_in::link_device`] (and [`device_code`], where no password is typed), then [`session::authenticate`] and
//! [`access::permit`].

pub mod access;
pub mod account;
pub mod device_code;
pub mod digest;
pub mod password;
pub mod public_link;
pub mod rights;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod throttle;
pub mod token;

pub use access::{Refused, permit};
pub use account::{AccountError, NameProblem};
pub use device_code::{CodeError, Codes};
pub use password::Hasher;
pub use public_link::LinkToken;
pub use rights::Rights;
pub use session::{Session, authenticate};
pub use sign_in::{LinkError, Linked, link_device};
pub use token::{Token, TokenDigest};

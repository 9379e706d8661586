//! Who is asking, and what they may do: passwords, device tokens, sign-in, privileges.
//!
//! Invariants:
//! - nothing secret is stored: passwords as Argon2id, tokens (256 random bits) as a digest;
//! - an unknown account costs the same work and gets the same answer as a wrong password;
//! - attempts are counted before the password is looked at, so that attempts at once are counted too;
//! - every request asks the database anew, for everything ([`session::authenticate`], [`access::permit`]) or whether
//!   what is remembered still holds ([`rights`]): what was taken away is gone at once;
//! - whom a provider of single sign-on vouches for is known by its name for them alone ([`single_sign_on`]);
//! - a right password of an account with a second factor is half a sign-in, of a type of its own ([`pending`]).
//!
//! Everything here blocks (on the database, or for the 30 ms of a password): call it from threads that may wait.
//! How many passwords are hashed at once is for the caller to bound: each takes 46 MiB.
//!
//! Start with [`sign_in::link_device`] (and [`device_code`], where no password is typed), then [`session::authenticate`] and
//! [`access::permit`].

pub mod access;
pub mod account;
pub mod app_password;
pub mod device_code;
pub mod digest;
pub mod passkey;
pub mod password;
pub mod pending;
pub mod public_link;
pub mod rights;
pub mod seal;
pub mod second_factor;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod single_sign_on;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod wipe;

pub use access::{Refused, permit};
pub use account::{AccountError, NameProblem};
pub use device_code::{CodeError, Codes};
pub use passkey::{Ceremonies, PasskeyError};
pub use password::Hasher;
pub use pending::SecondStepError;
pub use public_link::LinkToken;
pub use rights::Rights;
pub use seal::SealKey;
pub use second_factor::EnrolmentError;
pub use session::{Session, authenticate};
pub use sign_in::{Factors, LinkError, Linked, Opened, Opening, OpeningKind, link_device, open_session};
pub use single_sign_on::SingleSignOnError;
pub use token::{Token, TokenDigest};

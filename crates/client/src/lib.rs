//! The daemon: engines, the server over HTTP, and a control socket.
//!
//! One [`Home`] directory is one device: its account, its token, its pairs. [`daemon::run`] keeps every pair in step:
//! each has threads of its own ([`replica`]); the network runs on the async runtime (`remote`). Commands talk to the daemon over the socket ([`control`]).
//!
//! Which disk and watcher are used is the binary's choice ([`OpenReplica`]).
//!
//! Who handles failures: the network retries nothing by itself but connecting; the engine decides when to try again.

pub mod control;
pub mod daemon;
pub mod home;
mod pair;
pub mod remote;

pub use home::{Home, HomeError};
pub use pace::RATE_MIN;
pub use replica::{OpenReplica, Replica, now};

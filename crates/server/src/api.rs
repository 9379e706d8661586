//! The endpoints, by their addresses under `/api/v1`.

pub(crate) mod account;
pub(crate) mod administration;
pub(crate) mod devices;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod folders;
pub(crate) mod health;
pub(crate) mod server;
pub(crate) mod session;

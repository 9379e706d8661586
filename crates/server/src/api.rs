//! The endpoints, by their addresses under `/api/v1`.

pub(crate) mod address;
pub(crate) mod administration;
pub(crate) mod devices;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod folders;
pub(crate) mod health;
pub(crate) mod links;
pub(crate) mod password;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod tags;

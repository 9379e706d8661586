//! The doors from outside: a real listener, a real database and a real chunk store, spoken to over TCP.
//!
//! Modules mirror the addresses of the API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
mod admin;
mod bundles;
mod changes;
mod chunks;
mod commits;
mod connections;
mod counting;
mod described;
mod device_codes;
mod devices;
mod events;
mod health;
mod limits;
mod links;
mod log;
mod matrix;
mod networks;
mod nodes;
mod openapi;
mod page;
mod past;
mod people;
mod previews;
mod provider;
mod refused_commits;
mod retention;
mod rights;
mod search;
mod session;
mod settings;
mod setup;
mod share;
mod single_sign_on;
mod tls;
mod uploads;
mod views;
mod watching;
mod wipe;
mod world;
mod zip;

//! Sign-in, sessions and permits on a real database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod app_password;
mod device_code;
mod rights;
mod second_factor;
mod setup;
mod sign_in;
mod wipe;
mod world;

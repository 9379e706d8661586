//! The bundle format from outside: pinned bytes, round trips, hostile bytes, overhead.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod golden;
mod hostile;
mod overhead;
mod round_trip;
mod samples;
mod second_reader;

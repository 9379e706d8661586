//! The bundle format from outside: pinned bytes, round trips, hostile bytes, overhead.

mod golden;
mod hostile;
mod overhead;
mod round_trip;
mod samples;

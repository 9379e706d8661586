//! The engine against a small world in memory that does what it is asked at once.

mod holds;
mod portions;
mod world;

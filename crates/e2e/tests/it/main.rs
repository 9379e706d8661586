//! What people do with Driftless, told with the real program on a real disk.
//!
//! Build the program first (`cargo build -p driftless`), or run `cargo xtask test`, which does. Each module is one
//! of the promises of the README.

mod access;
mod backups;
mod big_tree;
mod collection;
mod conflicts;
mod counting;
mod delta;
mod device_code;
mod doctor;
mod examples;
mod first_run;
mod history;
mod joining;
mod kills;
mod latency;
mod limits;
mod log;
mod moves;
mod one_way;
mod plain;
mod programs;
mod progress;
mod readme;
mod refusals;
mod resuming;
mod script;
mod settings;
mod supervised;
mod tls;
mod transcripts;
mod views;
mod wipe;

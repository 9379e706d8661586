//! The SQLite adapter, through its port.

mod conformance;
mod durability;
mod searching;

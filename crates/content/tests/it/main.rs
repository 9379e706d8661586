//! What the port promises, shown on the store in memory; and the pack format, frozen.

mod damage;
mod golden;
mod memory;

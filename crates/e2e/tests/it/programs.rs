//! What real programs do in a plain directory reaches a client whole: nothing is missed, and nothing becomes a conflict.
//!
//! Every test skips, with a message, where its program is not installed; `cargo xtask test` installs them.

mod copying;
mod editors;
mod file_servers;
mod support;

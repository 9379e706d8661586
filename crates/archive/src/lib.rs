//! Zip archives: the records that they are made of, and the names that every system can unpack. What goes into one, and when,
//! is the server's.

pub mod format;
pub mod names;

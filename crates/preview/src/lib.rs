//! Previews: a small picture or the beginning of a text, made of bytes that nobody vouches for.
//!
//! Decoders are where hostile files do harm, so they run in a child process that can do nothing else. The child is the
//! program itself under another argument ([`child::run`]); before it looks at a byte it gives up files, network, processes,
//! memory and time ([`sandbox`]). One file, one child: what one file does to its decoder, no other file sees. The server's
//! side is [`Decoders`]. What the child answers is not believed further than its first bytes, either.

pub mod child;
pub mod decode;
mod decoders;
pub mod sandbox;
mod wire;

pub use decoders::{Bounds, Decoders, Failed, Turn};
pub use sandbox::Strictness;
pub use wire::{Media, Preview, Refusal, Request, Size};

/// Changes whenever the same bytes may give another preview: part of the tags of answers.
pub const DECODER: u32 = 1;

/// The longest file of which all has to be read (pictures, documents). Of texts, the beginning is enough.
pub const INPUT_MAX: u64 = 64 << 20;

/// The longest preview.
pub const OUTPUT_MAX: u64 = 16 << 20;

//! Bytes in, a preview out. Nothing here bounds time, and memory only roughly: that is the sandbox's.

mod document;
mod kind;
mod picture;
mod text;

use crate::wire::{Preview, Refusal, Request};
use crate::{INPUT_MAX, OUTPUT_MAX};
use kind::Kind;
use std::io::{self, Read};

/// Makes a preview of what is read, reading no more than is needed for it. Names and announced types play no part.
///
/// # Errors
/// If reading fails; that there is no preview is no error of reading.
pub fn preview(request: Request, from: &mut impl Read) -> io::Result<Result<Preview, Refusal>> {
    let mut bytes = Vec::new();
    from.take(request.size.text_bytes() as u64).read_to_end(&mut bytes)?;
    let kind = kind::kind(&bytes);
    if kind == Kind::Text {
        return Ok(text::preview(&bytes, request.length > bytes.len() as u64));
    }
    if kind == Kind::Other {
        return Ok(Err(Refusal::Unsupported));
    }
    if request.length > INPUT_MAX {
        return Ok(Err(Refusal::TooLarge));
    }
    from.take(INPUT_MAX).read_to_end(&mut bytes)?;
    let made = match kind {
        Kind::Document => document::preview(bytes, request),
        Kind::Picture(format) => picture::preview(&bytes, format, request.size),
        Kind::Text | Kind::Other => Err(Refusal::Unsupported),
    };
    Ok(made.and_then(|preview| {
        let fits = preview.bytes.len() as u64 <= OUTPUT_MAX;
        if fits { Ok(preview) } else { Err(Refusal::TooLarge) }
    }))
}

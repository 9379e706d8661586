//! The child: locks itself in, reads one file, answers, ends.

use crate::decode;
use crate::sandbox::{self, Strictness};
use crate::wire::{Answer, Refusal, read_head, write_head};
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does all of it, with the standard input and output. The process is good for nothing else afterwards.
///
/// # Errors
/// If the other side has gone, or speaks otherwise.
pub fn run(wanted: Strictness) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    if let Err(unlocked) = sandbox::lock(wanted) {
        write_head(&mut output, &Answer::NotLocked(unlocked.lock))?;
        return output.flush();
    }
    answer(&mut input, &mut output)
}

fn answer(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let request = read_head(input)?;
    // A decoder that gives up has said that the file is damaged. What else it may have broken ends with the process.
    let made = catch_unwind(AssertUnwindSafe(|| decode::preview(request, input)))
        .unwrap_or(Ok(Err(Refusal::Damaged)))?;
    match made {
        Ok(made) => {
            write_head(output, &Answer::Made { media: made.media, pages: made.pages, cut: made.cut })?;
            output.write_all(&made.bytes)?;
        }
        Err(refusal) => write_head(output, &Answer::Refused(refusal))?,
    }
    output.flush()
}

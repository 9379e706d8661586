//! What happened, a line each: all of it hashed, the last of it kept.

use std::collections::VecDeque;
use std::fmt;

/// How many lines are kept unless all are wanted.
const KEPT: usize = 300;

/// A run's trace. Equal seeds must give equal hashes.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    kept: usize,
    hash: u64,
}

impl Trace {
    pub(crate) fn new(whole: bool) -> Self {
        let kept = if whole { usize::MAX } else { KEPT };
        Self { lines: VecDeque::new(), kept, hash: 0xcbf2_9ce4_8422_2325 }
    }

    pub(crate) fn note(&mut self, text: fmt::Arguments<'_>) {
        let mut line = text.to_string();
        // FNV-1a.
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        line.truncate(line.floor_char_boundary(1500));
        if self.lines.len() >= self.kept {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn into_parts(self) -> (u64, Vec<String>) {
        (self.hash, self.lines.into())
    }
}

//! Trees as people write them: a path a line, with what it holds.
//!
//! ```text
//! docs/
//! docs/plan.txt "one"
//! run.sh "echo" +x
//! "a name with spaces.txt" "text"
//! current -> docs
//! ```
//!
//! Directories on the way need no line of their own. In quotes, `\"`, `\\`, `\n` and `\u{e9}` stand for characters.

use crate::seed::Random;
use crate::words::{Word, words};
use model::{Content, ContentId, RelativePath, Timestamp};
use std::collections::BTreeMap;
use std::fmt;

/// What a test sees of a node, wherever it is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// A directory.
    Directory,
    /// A file's text and executable bit.
    File {
        /// Its text.
        text: String,
        /// The owner's executable bit.
        executable: bool,
    },
    /// A link's text.
    Link {
        /// Where it points.
        target: String,
    },
}

/// A whole tree by path.
pub type Listing = BTreeMap<RelativePath, Held>;

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("/"),
            Self::File { text, executable } => {
                write!(f, " {text:?}{}", if *executable { " +x" } else { "" })
            }
            Self::Link { target } => write!(f, " -> {target}"),
        }
    }
}

/// A listing in the same language, sorted, for messages.
#[must_use]
pub fn display(listing: &Listing) -> String {
    listing.iter().map(|(path, held)| format!("  {path}{held}\n")).collect()
}

/// Reads one line.
pub fn parse_entry(line: &str) -> Result<(String, Held), String> {
    let words = words(line)?;
    let text = |word: &Word| word.text.clone();
    Ok(match &words[..] {
        [path] if !path.quoted && path.text.ends_with('/') => {
            (path.text.trim_end_matches('/').to_owned(), Held::Directory)
        }
        [path, slash] if path.quoted && slash.is("/") => (text(path), Held::Directory),
        [path, content] if content.quoted => {
            (text(path), Held::File { text: text(content), executable: false })
        }
        [path, content, bit] if content.quoted && bit.is("+x") => {
            (text(path), Held::File { text: text(content), executable: true })
        }
        [path, arrow, target] if arrow.is("->") => (text(path), Held::Link { target: text(target) }),
        _ => {
            return Err(
                "an entry is `dir/`, `\"dir\" /`, `file \"text\"`, `file \"text\" +x` or `link -> target`"
                    .to_owned(),
            );
        }
    })
}

/// Reads a tree, a line an entry. For tests: a mistake in it is a panic.
///
/// # Panics
///
/// If a line is no entry, or a path no path.
#[must_use]
pub fn listing(text: &str) -> Listing {
    let mut listing = Listing::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, held) = parse_entry(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let path = RelativePath::parse(&path).unwrap_or_else(|error| panic!("{line}: {error}"));
        insert(&mut listing, path, held);
    }
    listing
}

/// Adds a node and the directories above it.
pub fn insert(listing: &mut Listing, path: RelativePath, held: Held) {
    let mut above = path.split().map(|(parent, _)| parent);
    while let Some(parent) = above.filter(|parent| !parent.is_root()) {
        above = parent.split().map(|(next, _)| next);
        listing.entry(parent).or_insert(Held::Directory);
    }
    listing.insert(path, held);
}

/// The content of a text. Not the hash a real file would get: only equal for equal texts.
#[must_use]
pub fn content_of(text: &str) -> Content {
    let mut id = [0; 32];
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        // FNV-1a; what it mixes badly, the stream it seeds mixes well.
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = Random::new(seed);
    for eight in id.chunks_exact_mut(8) {
        eight.copy_from_slice(&random.bits().to_le_bytes());
    }
    Content::File { id: ContentId(id), size: text.len() as u64 }
}

/// A whole second after the beginning of 2026.
#[must_use]
pub fn second(number: u64) -> Timestamp {
    Timestamp::from_parts(1_767_225_600, 0).plus_ms(number.saturating_mul(1000))
}

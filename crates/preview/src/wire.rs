//! What is asked of the child and what it answers.
//!
//! To the child: a head, then the file until the end or until the child has read enough. From the child: a head, then the
//! preview until the end. A head is postcard behind its length.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read, Write};

/// The longest head: its structures have no lists.
pub(crate) const HEAD_MAX: usize = 256;

/// How large a preview is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Size {
    /// For a list.
    Small,
    /// For a screen.
    Large,
}

impl Size {
    /// The longest side of a picture.
    #[must_use]
    pub fn side(self) -> u32 {
        match self {
            Self::Small => 320,
            Self::Large => 1_600,
        }
    }

    /// How many bytes of a text are read.
    #[must_use]
    pub fn text_bytes(self) -> usize {
        match self {
            Self::Small => 2 << 10,
            Self::Large => 256 << 10,
        }
    }
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How large.
    pub size: Size,
    /// Which page of a document, the first being 0.
    pub page: u32,
    /// How many bytes the file has.
    pub length: u64,
}

/// What a preview's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    /// `image/jpeg`.
    Jpeg,
    /// `image/png`.
    Png,
    /// `text/plain`, in UTF-8.
    Text,
}

impl Media {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// Whether bytes begin as they have to.
    pub(crate) fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Text => std::str::from_utf8(bytes).is_ok(),
        }
    }
}

/// A preview.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// What its bytes are.
    pub media: Media,
    /// How many pages the document has; 1 for what has no pages.
    pub pages: u32,
    /// Whether it is the beginning only of a text.
    pub cut: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What somebody's file looks like is in no log.
impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media, pages, cut, bytes } = self;
        write!(f, "Preview({media:?}, {pages} pages, cut: {cut}, {} bytes)", bytes.len())
    }
}

/// Why there is no preview of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It is of no kind that can be shown.
    #[error("files of this kind are not shown")]
    Unsupported,
    /// It says that it is of a kind that could be shown, but cannot be decoded.
    #[error("the file is damaged")]
    Damaged,
    /// It has too many bytes or pixels.
    #[error("the file is too large to be shown")]
    TooLarge,
    /// Decoding it took too long.
    #[error("decoding the file took too long")]
    TooSlow,
    /// A password is needed to read it.
    #[error("the file is protected by a password")]
    Protected,
    /// The document has no such page.
    #[error("the document has no such page")]
    NoSuchPage,
}

/// What the child says before the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Made {
        media: Media,
        pages: u32,
        cut: bool,
    },
    Refused(Refusal),
    /// The machine does not let it give up what it has to give up: nothing was decoded.
    NotLocked(Lock),
}

/// A part of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lock {
    Limits,
    Landlock,
    Seccomp,
}

pub(crate) fn encode(head: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = postcard::to_stdvec(head).map_err(io::Error::other)?;
    let length = u16::try_from(body.len()).map_err(io::Error::other)?;
    Ok([&length.to_le_bytes(), &*body].concat())
}

pub(crate) fn write_head(to: &mut impl Write, head: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(head)?)
}

pub(crate) fn read_head<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let length = usize::from(u16::from_le_bytes(length));
    if length > HEAD_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    postcard::from_bytes(&body).map_err(|_| io::ErrorKind::InvalidData.into())
}

//! Where something stands: in the user's tree, in the stage, or in the local trash.

use model::{Fingerprint, Handle, Name, RelativePath, Timestamp};
use std::fmt;

/// Where something stands. Stage and trash lie in the replica's private directory, on the same file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the user's tree.
    Tree(RelativePath),
    /// Being downloaded, or ready to be installed.
    Staged(StagedId),
    /// Taken out of the tree.
    Trashed(TrashedId),
}

impl From<RelativePath> for Place {
    fn from(path: RelativePath) -> Self {
        Self::Tree(path)
    }
}

impl From<&RelativePath> for Place {
    fn from(path: &RelativePath) -> Self {
        Self::Tree(path.clone())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(path) if path.is_root() => f.write_str("the root"),
            Self::Tree(path) => write!(f, "{:?}", path.to_string()),
            Self::Staged(id) => write!(f, "staged {:x}", id.0),
            Self::Trashed(id) => write!(f, "trashed {:?}", id.file_name()),
        }
    }
}

/// Names something staged; unique in a replica, also across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StagedId(pub u64);

/// The longest file name in the trash.
const FILE_NAME_BYTES_MAX: usize = 255;

/// Names something in the local trash, and carries what is needed to judge it after a crash: what was expected to
/// be taken out ([`Removal`]), and where it stood.
///
/// Its file name is `TIME-NUMBER-TAGS-PATH`; a person can find things by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrashedId {
    /// When it was put there; never used but for age.
    at: Timestamp,
    /// Tells apart what was trashed at the same moment.
    number: u64,
    removal: Removal,
    /// The path, with `%` and `/` escaped, perhaps cut at the front.
    path: Box<str>,
    /// Whether `path` was cut, so that only the end of its last name is left.
    cut: bool,
}

/// What was to be taken out of the tree, so that anything else that came out is recognised later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Removal {
    /// A digest of the handle expected to be taken out.
    pub expected: u32,
    /// Its size.
    pub size: u64,
    /// Its mtime.
    pub mtime: Timestamp,
    /// A digest of the handle that waits there to be exchanged in; 0 for a plain removal.
    pub incoming: u32,
}

impl Removal {
    /// To take out what has this fingerprint, perhaps in exchange for another node.
    #[must_use]
    pub fn of(expected: &Fingerprint, incoming: Option<&Handle>) -> Self {
        Self {
            expected: digest(&expected.handle),
            size: expected.size,
            mtime: expected.mtime,
            incoming: incoming.map_or(0, digest),
        }
    }

    /// Whether this is what was to be taken out, unchanged. Directories change their size and time with their
    /// content, so that only their handle counts.
    #[must_use]
    pub fn is_expected(&self, found: &Fingerprint, is_directory: bool) -> bool {
        self.expected == digest(&found.handle)
            && (is_directory || (self.size == found.size && self.mtime == found.mtime))
    }

    /// Whether this is the node that waited to be exchanged in.
    #[must_use]
    pub fn is_incoming(&self, found: &Fingerprint) -> bool {
        self.incoming == digest(&found.handle)
    }
}

/// FNV-1a, never 0: it only has to tell apart the two or three nodes that can stand at one name.
fn digest(handle: &Handle) -> u32 {
    let hash = handle
        .0
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash.max(1)
}

impl TrashedId {
    /// An id for what is about to leave `path`. `number` tells it from others of the same moment.
    #[must_use]
    pub fn new(at: Timestamp, number: u64, removal: Removal, path: &RelativePath) -> Self {
        let escaped =
            path.names().iter().map(|name| name.as_str().replace('%', "%25")).collect::<Vec<_>>().join("%2F");
        let mut id = Self { at, number, removal, path: "".into(), cut: false };
        let room = FILE_NAME_BYTES_MAX - id.file_name().len();
        if escaped.len() <= room {
            id.path = escaped.into();
        } else {
            let last = path.names().last().map_or("", Name::as_str).replace('%', "%25");
            let from = last.ceil_char_boundary(last.len().saturating_sub(room));
            id.path = last[from..].into();
            id.cut = true;
        }
        id
    }

    /// When it was put there.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What was to be taken out.
    #[must_use]
    pub fn removal(&self) -> &Removal {
        &self.removal
    }

    /// Where it stood; none if the path was too long to be remembered.
    #[must_use]
    pub fn path(&self) -> Option<RelativePath> {
        if self.cut {
            return None;
        }
        RelativePath::parse(&self.path.replace("%2F", "/").replace("%25", "%")).ok()
    }

    /// Its file name in the trash.
    #[must_use]
    pub fn file_name(&self) -> String {
        let Removal { expected, size, mtime, incoming } = self.removal;
        let mark = if self.cut { 'c' } else { 'p' };
        format!(
            "{:x}-{:x}-{expected:x}.{size:x}.{:x}.{incoming:x}-{mark}{}",
            self.at.0 as u64, self.number, mtime.0 as u64, self.path
        )
    }

    /// Reads a file name of the trash; none for what is not ours.
    #[must_use]
    pub fn parse(file_name: &str) -> Option<Self> {
        let mut fields = file_name.splitn(4, '-');
        let at = Timestamp(u64::from_str_radix(fields.next()?, 16).ok()? as i64);
        let number = u64::from_str_radix(fields.next()?, 16).ok()?;
        let mut tags = fields.next()?.split('.');
        let expected = u32::from_str_radix(tags.next()?, 16).ok()?;
        let size = u64::from_str_radix(tags.next()?, 16).ok()?;
        let mtime = Timestamp(u64::from_str_radix(tags.next()?, 16).ok()? as i64);
        let incoming = u32::from_str_radix(tags.next()?, 16).ok()?;
        let rest = fields.next()?;
        let (cut, path) = match rest.split_at_checked(1)? {
            ("p", path) => (false, path),
            ("c", path) => (true, path),
            _ => return None,
        };
        let removal = Removal { expected, size, mtime, incoming };
        Some(Self { at, number, removal, path: path.into(), cut })
    }
}

impl fmt::Debug for TrashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.file_name())
    }
}

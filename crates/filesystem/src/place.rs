//! Where something stands: in the user's tree, in the stage, or in the local trash.

use model::{Entry, EntryKind, Fingerprint, Name, RelativePath, Timestamp};
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

/// What was to be taken out of the tree, so that anything else that came out is recognised later, also after a
/// crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Removal {
    expected: u64,
    incoming: u64,
}

impl Removal {
    /// To take out what has this fingerprint, perhaps in exchange for another node.
    #[must_use]
    pub fn of(kind: &EntryKind, expected: &Fingerprint, incoming: Option<&Fingerprint>) -> Self {
        Self {
            expected: digest(kind, expected),
            // Only files and links are exchanged in.
            incoming: incoming.map_or(0, |fingerprint| digest(&EntryKind::File, fingerprint)),
        }
    }

    /// Whether this is what was to be taken out, unchanged. Of a directory, only its handle is asked: its size and
    /// time change with its content.
    #[must_use]
    pub fn is_expected(&self, found: &Entry) -> bool {
        self.expected == digest(&found.kind, &found.fingerprint)
    }

    /// Whether this is the node that waited to be exchanged in, unchanged.
    #[must_use]
    pub fn is_incoming(&self, found: &Entry) -> bool {
        self.incoming == digest(&found.kind, &found.fingerprint)
    }
}

/// FNV-1a of what a rename does not change, never 0. It tells apart the few nodes that can stand at one name.
fn digest(kind: &EntryKind, fingerprint: &Fingerprint) -> u64 {
    let Fingerprint { handle, size, mtime, .. } = fingerprint;
    let state = match kind {
        EntryKind::Directory => [0; 16],
        _ => (u128::from(*size) << 64 | u128::from(mtime.0 as u64)).to_le_bytes(),
    };
    let hash = handle.0.iter().chain(&state).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
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
        let Removal { expected, incoming } = self.removal;
        let mark = if self.cut { 'c' } else { 'p' };
        format!("{:x}-{:x}-{expected:x}.{incoming:x}-{mark}{}", self.at.0 as u64, self.number, self.path)
    }

    /// Reads a file name of the trash; none for what is not ours.
    #[must_use]
    pub fn parse(file_name: &str) -> Option<Self> {
        let mut fields = file_name.splitn(4, '-');
        let at = Timestamp(u64::from_str_radix(fields.next()?, 16).ok()? as i64);
        let number = u64::from_str_radix(fields.next()?, 16).ok()?;
        let (expected, incoming) = fields.next()?.split_once('.')?;
        let expected = u64::from_str_radix(expected, 16).ok()?;
        let incoming = u64::from_str_radix(incoming, 16).ok()?;
        let rest = fields.next()?;
        let (cut, path) = match rest.split_at_checked(1)? {
            ("p", path) => (false, path),
            ("c", path) => (true, path),
            _ => return None,
        };
        let removal = Removal { expected, incoming };
        Some(Self { at, number, removal, path: path.into(), cut })
    }
}

impl fmt::Debug for TrashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.file_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Handle;

    fn fingerprint(handle: u8, size: u64, mtime: i64) -> Fingerprint {
        Fingerprint {
            handle: Handle([handle].into()),
            size,
            mtime: Timestamp(mtime),
            ctime: Timestamp(0),
            executable: false,
        }
    }

    #[test]
    fn a_trashed_id_survives_its_file_name() {
        let removal = Removal::of(&EntryKind::File, &fingerprint(1, 2, -3), Some(&fingerprint(4, 5, 6)));
        for path in ["a", "docs/50% off-1.txt", "x%2Fy/%25/ä", &format!("{}/b", "d".repeat(100)), "-/-"] {
            let path = RelativePath::parse(path).unwrap();
            let id = TrashedId::new(Timestamp(-5), 7, removal, &path);
            assert_eq!(TrashedId::parse(&id.file_name()), Some(id.clone()));
            assert_eq!(id.path(), Some(path));
        }
    }

    #[test]
    fn a_path_too_long_to_be_remembered_leaves_the_end_of_its_name() {
        let removal = Removal::of(&EntryKind::Directory, &fingerprint(1, 2, 3), None);
        let path = RelativePath::parse(&format!("a/{}.txt", "ä".repeat(120))).unwrap();
        let id = TrashedId::new(Timestamp(i64::MAX), u64::MAX, removal, &path);
        assert!(id.file_name().len() <= 255 && id.file_name().ends_with("ä.txt"));
        assert_eq!(id.path(), None);
        assert_eq!(TrashedId::parse(&id.file_name()), Some(id));
    }

    #[test]
    fn what_is_not_ours_in_the_trash_is_no_id() {
        for bad in ["", "a", "1-2-3.4", "1-2-3.4-", "1-2-3-pa", "g-2-3.4-pa", "1-2-3.4-xa", "1-2-3.4-ä"] {
            assert_eq!(TrashedId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_changed_file_is_neither_expected_nor_ours() {
        let removal = Removal::of(&EntryKind::File, &fingerprint(1, 2, 3), Some(&fingerprint(4, 5, 6)));
        let entry = |fingerprint| Entry { name: Name::new("x").unwrap(), kind: EntryKind::File, fingerprint };
        assert!(removal.is_expected(&entry(fingerprint(1, 2, 3))));
        assert!(removal.is_incoming(&entry(fingerprint(4, 5, 6))));
        for other in [fingerprint(1, 2, 4), fingerprint(1, 3, 3), fingerprint(4, 5, 7), fingerprint(9, 2, 3)]
        {
            assert!(!removal.is_expected(&entry(other.clone())) && !removal.is_incoming(&entry(other)));
        }
    }
}

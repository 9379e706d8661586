//! Paths within a replica, always relative to its root.

use crate::name::{Name, NameError};
use std::fmt;

/// The longest path, in bytes of UTF-8 with its separators.
pub const PATH_BYTES_MAX: usize = 4096;

/// The names from a root down to a node; empty for the root itself. It cannot leave the root: `..`, absolute
/// paths and empty parts are no names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelativePath(Vec<Name>);

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// One of its parts is no name.
    #[error("part of the path is not a name: {0}")]
    Name(#[from] NameError),
    /// More than 4096 bytes.
    #[error("a path may have at most {PATH_BYTES_MAX} bytes")]
    TooLong,
}

impl RelativePath {
    /// The root itself.
    #[must_use]
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// Reads `a/b/c`; the empty text is the root.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong);
        }
        if text.is_empty() {
            return Ok(Self::root());
        }
        Ok(Self(text.split('/').map(Name::new).collect::<Result<_, _>>()?))
    }

    /// The path of a child.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        let mut names = Vec::with_capacity(self.0.len() + 1);
        names.extend_from_slice(&self.0);
        names.push(name.clone());
        Self(names)
    }

    /// The directory that holds it, and its name there; none for the root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &Name)> {
        let (name, parents) = self.0.split_last()?;
        Some((Self(parents.to_vec()), name))
    }

    /// Its names from the top.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Its length in bytes of UTF-8 with separators.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        self.0.iter().map(|name| name.as_str().len() + 1).sum::<usize>().saturating_sub(1)
    }
}

impl FromIterator<Name> for RelativePath {
    fn from_iter<T: IntoIterator<Item = Name>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(name.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_root() {
        for bad in ["/etc", "a//b", "a/", "../x", "a/../b", "a/./b", "a\0b"] {
            assert!(RelativePath::parse(bad).is_err(), "{bad}");
        }
        assert!(RelativePath::parse(&"a/".repeat(3000)).is_err());
        let path = RelativePath::parse("a/b/c").unwrap();
        assert_eq!(path.to_string(), "a/b/c");
        assert_eq!(path.byte_length(), 5);
        assert!(path.is_within(&RelativePath::parse("a").unwrap()));
        assert!(!path.is_within(&RelativePath::parse("a/bb").unwrap()));
        assert!(RelativePath::parse("").unwrap().is_root());
    }
}

//! What a user may do in a folder.

use std::fmt;
use std::str::FromStr;

/// A user's or group's privilege on a folder. Of several, `None` wins over the rest, else the highest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Nothing, not even that the folder exists; set on purpose, it outweighs every other.
    None,
    /// See and download.
    Read,
    /// Also change.
    Write,
    /// Also settings and privileges of the folder.
    Manage,
}

impl Privilege {
    /// Combines what a user holds directly and through groups; nothing at all is [`Privilege::None`].
    #[must_use]
    pub fn combine(held: impl IntoIterator<Item = Self>) -> Self {
        let mut highest = None;
        for privilege in held {
            if privilege == Self::None {
                return Self::None;
            }
            highest = highest.max(Some(privilege));
        }
        highest.unwrap_or(Self::None)
    }

    /// The word for it in commands, documents and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a privilege is one of none, read, write, manage")]
pub struct PrivilegeError;

impl FromStr for Privilege {
    type Err = PrivilegeError;

    fn from_str(text: &str) -> Result<Self, PrivilegeError> {
        [Self::None, Self::Read, Self::Write, Self::Manage]
            .into_iter()
            .find(|privilege| privilege.as_str() == text)
            .ok_or(PrivilegeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_wins_over_the_rest_and_else_the_highest_counts() {
        use Privilege::{Manage, None, Read, Write};
        assert_eq!(Privilege::combine([]), None);
        assert_eq!(Privilege::combine([Read, Write]), Write);
        assert_eq!(Privilege::combine([Manage, None, Read]), None);
        assert_eq!("write".parse(), Ok(Write));
        assert!("Write".parse::<Privilege>().is_err());
    }
}

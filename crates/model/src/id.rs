//! Identifiers. Each kind is its own type, so that one cannot stand where another is meant.
//!
//! The text form (used in the web API, where ids are opaque strings) is a letter for the kind and the
//! number in lower-case hexadecimal, without leading zeros: `n1f`. 128-bit ids are 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

/// A text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct IdError {
    kind: &'static str,
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{:x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = IdError { kind: stringify!($name) };
                let digits = text.strip_prefix($letter).ok_or_else(|| error.clone())?;
                let number = u64::from_str_radix(digits, 16).map_err(|_| error.clone())?;
                let id = Self(number);
                // Only the one spelling: no sign, no upper case, no leading zero.
                if id.to_string() == text { Ok(id) } else { Err(error) }
            }
        }
    };
}

number_id!(/// A shared folder.
    FolderId, "f");
number_id!(/// A node of a folder, given by the server and never used again within the folder.
    NodeId, "n");
number_id!(/// A person's account.
    UserId, "u");
number_id!(/// A group of users.
    GroupId, "g");
number_id!(/// A client installation linked to an account.
    DeviceId, "d");
number_id!(/// A link: an address by which strangers reach one node.
    LinkId, "l");

impl UserId {
    /// The server itself, as the author of what its own monitor finds in plain directories. No account has it: accounts
    /// are counted from 1.
    pub const SERVER: Self = Self(0);
}

impl LinkId {
    /// Where the ids begin under which links stand as devices in the history of folders. Devices are counted from 1 and do
    /// not come so far.
    const AUTHORS: u64 = 1 << 63;

    /// What a link stands as in history: a device of its maker that no token leads to, and that the database has no row of.
    #[must_use]
    pub fn author(self) -> DeviceId {
        DeviceId(Self::AUTHORS | self.0)
    }

    /// The link that stands so in history; none for a device.
    #[must_use]
    pub fn of_author(device: DeviceId) -> Option<Self> {
        (device.0 & Self::AUTHORS != 0).then_some(Self(device.0 & !Self::AUTHORS))
    }
}

impl NodeId {
    /// The top directory of every folder. It has no name, cannot be moved or removed.
    pub const ROOT: Self = Self(1);
}

/// A node within one pair's memory: stable for the life of the pair, unknown to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub u64);

impl NodeKey {
    /// The pair's root, present in all three trees.
    pub const ROOT: Self = Self(1);
}

/// Where a change stands in a folder's journal. The first commit of a folder takes number 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A node's version, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber(pub u64);

macro_rules! wide_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                crate::hash::parse_hex(text).map(Self).ok_or(IdError { kind: stringify!($name) })
            }
        }
    };
}

wide_id!(/// The server's lineage; it changes when a server is restored from a backup.
    Epoch);
wide_id!(/// Names one attempt to change something, so that a repetition is recognised.
    IdempotencyKey);
wide_id!(/// An open upload.
    UploadId);
wide_id!(/// A view of a folder, named by the hash of its spelling.
    ViewId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_are_read_back_and_have_one_spelling() {
        assert_eq!(NodeId(31).to_string(), "n1f");
        assert_eq!("n1f".parse(), Ok(NodeId(31)));
        for bad in ["", "n", "1f", "n01f", "n1F", "n+1", "f1f", "n10000000000000000"] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad}");
        }
        let epoch = Epoch([0xab; 16]);
        assert_eq!(epoch.to_string().parse(), Ok(epoch));
        assert!("ab".parse::<Epoch>().is_err());
    }
}

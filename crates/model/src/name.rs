//! Names of nodes, and when two of them clash.
//!
//! A [`Name`] is kept as it was given. Two names of one directory clash if their [`NameKey`]s are equal; how a
//! key is made is the folder's [`NameRule`]. Names that a disk holds in bytes that are not UTF-8 are written
//! reversibly ([`Name::from_disk`], [`Name::to_disk`]).

use caseless::Caseless as _;
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;

/// The longest name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 255;

/// The name of a node in its directory: 1 to 255 bytes of UTF-8, no `/`, no NUL, neither `.` nor `..`.
/// Only a pair's or folder's root has none ([`Name::ROOT`] stands there).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters at all.
    #[error("a name may not be empty")]
    Empty,
    /// `.` or `..`.
    #[error("'.' and '..' are not names")]
    Dots,
    /// Holds `/` or NUL.
    #[error("a name may hold neither '/' nor NUL")]
    Forbidden,
    /// More than 255 bytes.
    #[error("a name may have at most {NAME_BYTES_MAX} bytes")]
    TooLong,
}

impl Name {
    /// Checks a text and makes it a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        match text {
            "" => Err(NameError::Empty),
            "." | ".." => Err(NameError::Dots),
            _ if text.len() > NAME_BYTES_MAX => Err(NameError::TooLong),
            _ if text.bytes().any(|byte| byte == b'/' || byte == 0) => Err(NameError::Forbidden),
            _ => Ok(Self(text.into())),
        }
    }

    /// Stands where a root's name would be; never on a disk or on the wire as a child's name.
    #[must_use]
    pub fn root() -> Self {
        Self("".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a name of what a disk holds. Bytes that are not UTF-8 become the private characters U+EF80 to
    /// U+EFFF (U+EF00 + byte), as do the bytes of those characters themselves, so that [`Name::to_disk`]
    /// always gives back the same bytes.
    pub fn from_disk(bytes: &[u8]) -> Result<Self, NameError> {
        let mut text = String::with_capacity(bytes.len());
        for piece in bytes.utf8_chunks() {
            for character in piece.valid().chars() {
                if is_escape(character) {
                    let mut buffer = [0; 4];
                    character.encode_utf8(&mut buffer).bytes().for_each(|byte| text.push(escape(byte)));
                } else {
                    text.push(character);
                }
            }
            piece.invalid().iter().for_each(|byte| text.push(escape(*byte)));
        }
        Self::new(&text)
    }

    /// The bytes a disk holds for this name.
    #[must_use]
    pub fn to_disk(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len());
        for character in self.0.chars() {
            if is_escape(character) {
                bytes.push((character as u32 & 0xff) as u8);
            } else {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        bytes
    }
}

fn is_escape(character: char) -> bool {
    ('\u{ef80}'..='\u{efff}').contains(&character)
}

fn escape(byte: u8) -> char {
    char::from_u32(0xef00 + u32::from(byte)).expect("U+EF00 to U+EFFF are characters")
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When two names of one directory are the same name. A property of a folder, fixed when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum NameRule {
    /// Unique under Unicode normalisation and case folding, so that every system can hold the folder.
    #[default]
    Portable,
    /// Byte for byte, for trees that only Linux uses.
    Exact,
}

impl NameRule {
    /// The key of a name under this rule.
    #[must_use]
    pub fn key(self, name: &Name) -> NameKey {
        let text = name.as_str();
        match self {
            Self::Exact => NameKey(text.into()),
            Self::Portable => NameKey(fold(text).into()),
        }
    }
}

/// A text as portable names are compared: without case, in one normal form.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Canonical caseless matching (Unicode 16, D145): NFD, fold, and once more into one form.
    text.nfd().default_case_fold().nfc().collect()
}

/// What two clashing names have in common. Equal keys in one directory cannot be committed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(pub Box<str>);

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> NameKey {
        NameRule::Portable.key(&Name::new(text).unwrap())
    }

    #[test]
    fn case_and_normal_form_do_not_make_a_portable_name_another() {
        assert_eq!(key("README"), key("readme"));
        assert_eq!(key("caf\u{e9}"), key("CAFE\u{301}"));
        assert_eq!(key("stra\u{df}e"), key("STRASSE"));
        assert_ne!(key("a"), key("b"));
        assert_ne!(
            NameRule::Exact.key(&Name::new("A").unwrap()),
            NameRule::Exact.key(&Name::new("a").unwrap())
        );
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new(".."), Err(NameError::Dots));
        assert_eq!(Name::new("a/b"), Err(NameError::Forbidden));
        assert_eq!(Name::new("a\0"), Err(NameError::Forbidden));
        assert_eq!(Name::new(&"x".repeat(256)), Err(NameError::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_of_a_disk_come_back(bytes in prop::collection::vec(1u8..=255, 1..60)) {
            if let Ok(name) = Name::from_disk(&bytes) {
                prop_assert_eq!(name.to_disk(), bytes);
            }
        }

        #[test]
        fn escape_characters_themselves_come_back(text in "[\u{ef00}-\u{efff}a]{1,20}") {
            let name = Name::from_disk(text.as_bytes()).unwrap();
            prop_assert_eq!(name.to_disk(), text.as_bytes());
        }
    }
}

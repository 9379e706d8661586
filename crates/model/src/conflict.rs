//! The name of a conflict copy: `stem (conflict, USER on DEVICE, DATE, xxxx).ext`.
//!
//! It is made of what is known at the time only, so that planning twice gives the same name.

use crate::name::{NAME_BYTES_MAX, Name};
use crate::node::{Content, NodeState};

/// How the note in a conflict copy's name begins.
const NOTE: &str = " (conflict, ";

/// Whose side lost, for the name of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The person's account.
    pub user: String,
    /// The device.
    pub device: String,
}

/// The name under which `loser` is kept beside the node called `name`. `attempt` is 0, or counts up while the
/// name is taken by something else.
#[must_use]
pub fn conflict_name(name: &Name, loser: &NodeState, author: &Author, attempt: u32) -> Name {
    let (year, month, day) = loser.mtime.date();
    let mark = match &loser.content {
        Content::File { id, .. } => format!("{:02x}{:02x}", id.0[0], id.0[1]),
        Content::Directory => "dir".to_owned(),
        Content::Link { .. } => "link".to_owned(),
    };
    let again = if attempt == 0 { String::new() } else { format!("-{}", attempt + 1) };
    let user = plain(&author.user);
    let device = plain(&author.device);
    let note = format!("{NOTE}{user} on {device}, {year:04}-{month:02}-{day:02}, {mark}{again})");
    let (stem, extension) = split_extension(name.as_str(), &loser.content);
    let room = NAME_BYTES_MAX.saturating_sub(note.len() + extension.len());
    let stem = &stem[..stem.floor_char_boundary(room)];
    Name::new(&format!("{stem}{note}{extension}")).expect("made of name parts and shortened to fit")
}

/// What the name of a conflict copy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictCopy {
    /// What it is a copy of; the beginning of it, where that was too long.
    pub original: Name,
    /// Whose side lost.
    pub author: Author,
    /// The day of its last modification, as `2026-11-21`.
    pub date: String,
}

impl ConflictCopy {
    /// Reads a name; none if it is not that of a conflict copy.
    #[must_use]
    pub fn of(name: &Name) -> Option<Self> {
        let (stem, rest) = name.as_str().split_once(NOTE)?;
        let (note, extension) = rest.split_once(')')?;
        let [author, date, mark] = note.split(", ").collect::<Vec<_>>().try_into().ok()?;
        let (user, device) = author.split_once(" on ")?;
        let is_date = date.len() == 10 && date.bytes().all(|b| b == b'-' || b.is_ascii_digit());
        let is_extension = extension.is_empty() || extension.starts_with('.');
        if mark.is_empty() || !is_date || !is_extension {
            return None;
        }
        let author = Author { user: user.to_owned(), device: device.to_owned() };
        Some(Self { original: Name::new(&format!("{stem}{extension}")).ok()?, author, date: date.to_owned() })
    }
}

/// An account's or device's name as part of a file name: short, and without what a name may not hold.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '/' | '\0' | '(' | ')' | ',') && !c.is_control()).take(24).collect()
}

/// Stem and extension with its dot; directories and dot files have no extension.
fn split_extension<'a>(name: &'a str, content: &Content) -> (&'a str, &'a str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 17 && !content.is_directory() => name.split_at(dot),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentId;
    use crate::id::NodeKey;
    use crate::time::Timestamp;

    fn loser() -> NodeState {
        NodeState {
            parent: NodeKey::ROOT,
            name: Name::new("x").unwrap(),
            content: Content::File { id: ContentId([0xab; 32]), size: 1 },
            executable: false,
            mtime: Timestamp::from_parts(1_795_303_532, 0),
        }
    }

    #[test]
    fn a_conflict_name_says_who_where_and_when() {
        let author = Author { user: "alice".into(), device: "laptop".into() };
        let name = conflict_name(&Name::new("plan.txt").unwrap(), &loser(), &author, 0);
        assert_eq!(name.as_str(), "plan (conflict, alice on laptop, 2026-11-21, abab).txt");
        let again = conflict_name(&Name::new(".bashrc").unwrap(), &loser(), &author, 1);
        assert_eq!(again.as_str(), ".bashrc (conflict, alice on laptop, 2026-11-21, abab-2)");
    }

    #[test]
    fn what_a_conflict_name_says_can_be_read_back() {
        let author = Author { user: "alice".into(), device: "old laptop".into() };
        for name in ["plan.txt", ".bashrc", "a.tar.gz", "no extension", "x (2).txt"] {
            let original = Name::new(name).unwrap();
            for attempt in [0, 7] {
                let read = ConflictCopy::of(&conflict_name(&original, &loser(), &author, attempt)).unwrap();
                let expected = ConflictCopy {
                    original: original.clone(),
                    author: author.clone(),
                    date: "2026-11-21".to_owned(),
                };
                assert_eq!(read, expected);
            }
        }
        for other in ["plan.txt", "x (conflict, y).txt", "x (conflict, a on b, c, d).txt", "(conflict, "] {
            assert_eq!(ConflictCopy::of(&Name::new(other).unwrap()), None, "{other}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_at_a_character() {
        let author = Author { user: "u/".repeat(40), device: "ä".repeat(200) };
        let name = conflict_name(&Name::new(&"ü".repeat(127)).unwrap(), &loser(), &author, 0);
        assert!(name.as_str().len() <= 255 && name.as_str().starts_with('ü'));
    }
}

//! Names that are never synced: the built-in list, complete. `.git` is not on it: it is synced whole.

use crate::name::Name;

/// The directory in a replica's root that holds marker, stage, trash and cookies.
pub const PRIVATE_DIRECTORY: &str = ".driftless";

/// The directory in a replica's root where a one-way pair keeps what gave way. It is the user's: never synced, never
/// touched again.
pub const NOT_SYNCED: &str = "Not synced";

/// [`NOT_SYNCED`] as a name.
#[must_use]
pub fn not_synced() -> Name {
    Name::new(NOT_SYNCED).expect("short, and without forbidden characters")
}

/// Whether nothing of this name is ever synced.
#[must_use]
pub fn is_ignored(name: &Name) -> bool {
    let name = name.as_str();
    name == PRIVATE_DIRECTORY
        || LEFT_BY_FILE_MANAGERS.contains(&name)
        || (name.starts_with(".~lock.") && name.ends_with('#'))
        || name.starts_with("~$")
        || is_vim_swap(name)
        || [".nfs", ".fuse_hidden", ".goutputstream-"].iter().any(|prefix| name.starts_with(prefix))
        || [".part", ".crdownload"].iter().any(|suffix| name.ends_with(suffix))
}

const LEFT_BY_FILE_MANAGERS: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Whether it is what file managers leave in a directory about what lies in it.
#[must_use]
pub fn is_left_by_file_manager(name: &Name) -> bool {
    LEFT_BY_FILE_MANAGERS.contains(&name.as_str())
}

/// `.*.sw[a-p]`.
fn is_vim_swap(name: &str) -> bool {
    name.starts_with('.') && name.len() > 5 && matches!(name.as_bytes(), [.., b'.', b's', b'w', b'a'..=b'p'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_what_the_manual_says() {
        let ignored = [
            ".driftless",
            ".DS_Store",
            "Thumbs.db",
            "desktop.ini",
            ".~lock.a.odt#",
            "~$a.docx",
            ".a.txt.swp",
            ".a.swa",
            ".nfs0001",
            ".fuse_hidden01",
            ".goutputstream-AB12",
            "film.part",
            "a.crdownload",
        ];
        let synced =
            [".git", ".gitignore", "part", "a.swp", ".swp", ".a.swq", "lock#", "x~", ".hidden", "~a"];
        for name in ignored {
            assert!(is_ignored(&Name::new(name).unwrap()), "{name}");
        }
        for name in synced {
            assert!(!is_ignored(&Name::new(name).unwrap()), "{name}");
        }
    }
}

//! What a directory holds, and how two of them differ: names as bytes, kinds, contents, executable bits, targets of
//! links, and the modification times of files.

use anyhow::{Context as _, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The program's own directory in a synced one; no part of the tree.
pub const PRIVATE: &str = ".driftless";

/// Differences shown of a comparison.
const SHOWN: usize = 20;

/// What a node of a tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File {
        /// The hash of its bytes.
        content: blake3::Hash,
        /// Their number.
        size: u64,
        /// The owner's executable bit.
        executable: bool,
        /// Seconds and nanoseconds.
        mtime: (i64, i64),
    },
    /// A directory.
    Directory,
    /// A symbolic link and where it points.
    Link(Vec<u8>),
    /// Anything else.
    Other,
}

/// Everything below a directory, by path in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(pub BTreeMap<Vec<u8>, Node>);

impl Tree {
    /// Reads a directory and everything below it.
    pub fn read(root: &Path) -> Result<Self> {
        let mut nodes = BTreeMap::new();
        for path in paths(root)? {
            let node = look(&root.join(&path)).with_context(|| format!("cannot read {}", path.display()))?;
            nodes.insert(path.into_os_string().into_vec(), node);
        }
        Ok(Self(nodes))
    }

    /// How another tree differs, a line for each node; nothing if it does not.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<&Vec<u8>> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |path: &&&Vec<u8>| self.0.get(**path) != other.0.get(**path);
        let line = |path: &Vec<u8>| {
            let (left, right) = (self.0.get(path), other.0.get(path));
            format!("{}: {left:?} here, {right:?} there", path.escape_ascii())
        };
        paths.iter().filter(differs).map(|path| line(path)).collect()
    }

    /// Fails, and shows some of the differences, unless another tree is the same.
    pub fn ensure_same(&self, other: &Self) -> Result<()> {
        let found = self.differences(other);
        let shown = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n  ");
        ensure!(found.is_empty(), "{} differences:\n  {shown}", found.len());
        Ok(())
    }

    /// The contents of all files.
    #[must_use]
    pub fn contents(&self) -> BTreeSet<[u8; 32]> {
        let content = |node: &Node| match node {
            Node::File { content, .. } => Some(*content.as_bytes()),
            _ => None,
        };
        self.0.values().filter_map(content).collect()
    }

    /// Where files of this content are.
    #[must_use]
    pub fn places(&self, content: &[u8; 32]) -> Vec<String> {
        let is =
            |node: &Node| matches!(node, Node::File { content: found, .. } if found.as_bytes() == content);
        let places = self.0.iter().filter(|(_, node)| is(node));
        places.map(|(path, _)| path.escape_ascii().to_string()).collect()
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> usize {
        self.0.values().filter(|node| matches!(node, Node::File { .. })).count()
    }

    /// Paths of files kept as the losing side of a conflict.
    #[must_use]
    pub fn conflict_copies(&self) -> Vec<&[u8]> {
        let marked =
            |path: &&Vec<u8>| path.windows(b" (conflict, ".len()).any(|part| part == b" (conflict, ");
        self.0.keys().filter(marked).map(Vec::as_slice).collect()
    }
}

/// Compares two directories as they are now.
pub fn ensure_same(left: &Path, right: &Path) -> Result<()> {
    Tree::read(left)?.ensure_same(&Tree::read(right)?)
}

/// Every path below a directory, relative to it; the program's own directory and what is below links left out. What goes
/// away while it is listed is left out, too.
pub fn paths(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(directory) = open.pop() {
        let entries = match std::fs::read_dir(root.join(&directory)) {
            Err(error) if !directory.as_os_str().is_empty() && is_gone(&error) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if directory.as_os_str().is_empty() && entry.file_name() == OsStr::new(PRIVATE) {
                continue;
            }
            let path = directory.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path.clone()),
                Err(error) if is_gone(&error) => continue,
                kind => {
                    kind?;
                }
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether something was removed, or replaced by a file, since its name was read.
fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn look(path: &Path) -> Result<Node> {
    let metadata = std::fs::symlink_metadata(path)?;
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Node::Directory
    } else if kind.is_symlink() {
        Node::Link(std::fs::read_link(path)?.as_os_str().as_bytes().to_vec())
    } else if kind.is_file() {
        Node::File {
            content: blake3::hash(&std::fs::read(path)?),
            size: metadata.len(),
            executable: metadata.permissions().mode() & 0o100 != 0,
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
        }
    } else {
        Node::Other
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::{Duration, SystemTime};

    fn sample(root: &Path) {
        fs::create_dir_all(root.join("a/empty")).unwrap();
        fs::create_dir_all(root.join(PRIVATE).join("trash")).unwrap();
        fs::write(root.join("a/file"), "text").unwrap();
        let moment = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        fs::File::open(root.join("a/file")).unwrap().set_modified(moment).unwrap();
        std::os::unix::fs::symlink("../nowhere", root.join("a/link")).unwrap();
    }

    fn differences(change: impl FnOnce(&Path)) -> usize {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        sample(left.path());
        sample(right.path());
        change(right.path());
        Tree::read(left.path()).unwrap().differences(&Tree::read(right.path()).unwrap()).len()
    }

    #[test]
    fn equal_trees_are_equal_whatever_the_program_keeps_beside_them() {
        assert_eq!(differences(|root| fs::write(root.join(PRIVATE).join("x"), "x").unwrap()), 0);
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let file = |root: &Path| root.join("a/file");
        assert_eq!(differences(|root| fs::rename(file(root), root.join("a/FILE")).unwrap()), 2);
        assert_eq!(differences(|root| fs::remove_dir(root.join("a/empty")).unwrap()), 1);
        assert_eq!(differences(|root| fs::create_dir(root.join("a").join(PRIVATE)).unwrap()), 1);
        assert_eq!(
            differences(|root| fs::File::open(file(root)).unwrap().set_modified(SystemTime::now()).unwrap()),
            1
        );
        assert_eq!(
            differences(|root| fs::set_permissions(file(root), fs::Permissions::from_mode(0o755)).unwrap()),
            1
        );
        assert_eq!(
            differences(|root| {
                let before = fs::metadata(file(root)).unwrap().modified().unwrap();
                fs::write(file(root), "TEXT").unwrap();
                fs::File::open(file(root)).unwrap().set_modified(before).unwrap();
            }),
            1
        );
        assert_eq!(
            differences(|root| {
                fs::remove_file(root.join("a/link")).unwrap();
                std::os::unix::fs::symlink("../elsewhere", root.join("a/link")).unwrap();
            }),
            1
        );
    }
}

//! Trees as people have them: many small files, few large ones, empty ones, deep paths, links, odd names.

use crate::random::Random;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a tree is to be like.
#[derive(Debug, Clone, Copy)]
pub struct TreeShape {
    /// How many files.
    pub files: usize,
    /// How many directories.
    pub directories: usize,
    /// How deep at most.
    pub depth: usize,
    /// The largest file in bytes; few are near it.
    pub largest: usize,
    /// Whether some names are not UTF-8.
    pub undecodable: bool,
}

impl TreeShape {
    /// A tree of so many files, with a directory for every eight.
    #[must_use]
    pub fn of(files: usize) -> Self {
        Self { files, directories: files / 8 + 1, depth: 12, largest: 3 << 20, undecodable: true }
    }

    /// Makes the tree below a directory; the same seed makes the same tree, times included.
    pub fn make(&self, root: &Path, seed: u64) -> Result<()> {
        let mut random = Random::new(seed);
        let directories = self.make_directories(root, &mut random)?;
        for index in 0..self.files {
            let directory = random.pick(&directories).context("the root is always there")?;
            let path = directory.join(odd_name(index, self.undecodable, &mut random));
            if random.percent(3) {
                symlink(link_target(index, &mut random), &path)?;
            } else {
                self.make_file(&path, &mut random)?;
            }
        }
        Ok(())
    }

    fn make_directories(&self, root: &Path, random: &mut Random) -> Result<Vec<PathBuf>> {
        let mut made = vec![(root.to_path_buf(), 0)];
        for index in 0..self.directories {
            // Half of them go below the newest, so that some paths are deep.
            let newest = made.len() - 1;
            let (parent, depth) =
                made[if random.percent(50) { newest } else { random.below(made.len()) }].clone();
            let (parent, depth) = if depth < self.depth { (parent, depth) } else { (root.to_path_buf(), 0) };
            let mut name = OsString::from("d-");
            name.push(odd_name(index, self.undecodable, random));
            let path = parent.join(name);
            fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
            made.push((path, depth + 1));
        }
        // Nothing is put into some: empty directories are synced too.
        let empty = |random: &mut Random| random.percent(10);
        let kept = made.into_iter().enumerate().filter(|(index, _)| *index == 0 || !empty(random));
        Ok(kept.map(|(_, (path, _))| path).collect())
    }

    fn make_file(&self, path: &Path, random: &mut Random) -> Result<()> {
        let size = match random.below(100) {
            0..5 => 0,
            5..90 => random.below(8 * 1024),
            90..99 => random.below(64 * 1024),
            _ => random.below(self.largest.max(1)),
        };
        let content = if random.percent(50) { text(size, random) } else { random.bytes(size) };
        fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
        if random.percent(10) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        let seconds = 600_000_000 + random.below(1_200_000_000) as u64;
        let moment = SystemTime::UNIX_EPOCH + Duration::new(seconds, random.below(1_000_000_000) as u32);
        File::options().write(true).open(path)?.set_modified(moment)?;
        Ok(())
    }
}

/// A name that no other index has in any spelling, so that it clashes nowhere.
fn odd_name(index: usize, undecodable: bool, random: &mut Random) -> OsString {
    let text = match random.below(24) {
        0 => format!("with spaces {index}  .txt"),
        1 => format!(".hidden-{index}"),
        2 => format!("-rf {index}"),
        3 => format!("日本語-{index}.txt"),
        4 => format!("caf\u{e9} {index}"),
        5 => format!("cafe\u{301} {index} decomposed"),
        6 => format!("new\nline {index}"),
        7 => format!("quotes '\"` {index} $HOME;&|"),
        8 => format!("{index} trailing dot."),
        9 => format!("{index} trailing space "),
        10 => format!("🦀 {index}"),
        11 => format!("back\\slash:{index}*?<>"),
        12 => format!("{index}-{}", "long".repeat(60)),
        13 => format!("MiXeD-{index}.TXT"),
        14 => format!("private \u{ef80} {index}"),
        15 => format!("%2e%2e%2f{index}"),
        16 if undecodable => {
            return OsString::from_vec([b"latin \xe9 \xff ", index.to_string().as_bytes()].concat());
        }
        _ => format!("file-{index}.txt"),
    };
    text.into()
}

fn link_target(index: usize, random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("file-{index}.txt"),
        1 => "../..".to_owned(),
        2 => "/nonexistent/outside".to_owned(),
        _ => format!("nowhere/{}", "deep/".repeat(index % 7)),
    }
}

/// Text that compresses about as well as source code.
fn text(size: usize, random: &mut Random) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "let ",
        "fn ",
        "pub(crate) ",
        "self.",
        "return ",
        "match ",
        "=> ",
        "{\n",
        "}\n",
        "value",
        "index",
        "(); ",
    ];
    let mut bytes = Vec::with_capacity(size + 16);
    while bytes.len() < size {
        bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        bytes.extend_from_slice(format!("{:x} ", random.below(4096)).as_bytes());
    }
    bytes.truncate(size);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Node, Tree};

    #[test]
    fn the_same_seed_makes_the_same_tree_of_every_kind_of_node() {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        TreeShape::of(400).make(left.path(), 7).unwrap();
        TreeShape::of(400).make(right.path(), 7).unwrap();
        let tree = Tree::read(left.path()).unwrap();
        tree.ensure_same(&Tree::read(right.path()).unwrap()).unwrap();
        let has = |wanted: fn(&Node) -> bool| tree.0.values().any(wanted);
        assert!(has(|node| matches!(node, Node::Link(_))));
        assert!(has(|node| matches!(node, Node::File { executable: true, .. })));
        assert!(has(|node| matches!(node, Node::File { size: 0, .. })));
        assert!(tree.0.keys().any(|path| std::str::from_utf8(path).is_err()));
        assert!(tree.0.keys().any(|path| path.iter().filter(|byte| **byte == b'/').count() > 6));
    }

    #[test]
    fn another_seed_makes_another_tree() {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        TreeShape::of(50).make(left.path(), 1).unwrap();
        TreeShape::of(50).make(right.path(), 2).unwrap();
        assert!(crate::tree::ensure_same(left.path(), right.path()).is_err());
    }
}
